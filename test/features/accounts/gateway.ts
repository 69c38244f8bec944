import { randomBytes } from 'node:crypto';
import pino from 'pino';
import { expect } from 'vitest';
import type { Route } from '../../../src/api/route.ts';
import { endpointRoutes } from '../../../src/features/accounts/endpoints/routes.ts';
import { releaseQueue } from '../../../src/features/accounts/endpoints/store.ts';
import { newOperatorKey } from '../../../src/features/accounts/keys/key-format.ts';
import { createKeyRing } from '../../../src/features/accounts/keys/key-ring.ts';
import { keyRoutes } from '../../../src/features/accounts/keys/routes.ts';
import { ownKeyRoutes } from '../../../src/features/accounts/keys/routes-own-key.ts';
import { merchantRoutes } from '../../../src/features/accounts/merchants/routes.ts';
import { createAuditTrail } from '../../../src/features/audit/trail.ts';
import { queueRoutes } from '../../../src/features/queues/routes.ts';
import { createApp } from '../../../src/http/app.ts';
import { createSessionStore } from '../../../src/http/console/session-store.ts';
import { createIdempotencyStore } from '../../../src/http/idempotency/store.ts';
import { createServer } from '../../../src/http/server.ts';
import { createSecretBox } from '../../../src/platform/secrets/secret-box.ts';
import { testDatabase } from '../../support/database.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers are checked against their schemas, then read freely
type Json = any;

export interface Answer {
  status: number;
  headers: Headers;
  body: Json;
}

export interface Asked {
  key?: string | null;
  body?: unknown;
  headers?: Record<string, string>;
}

export type Gateway = Awaited<ReturnType<typeof startGateway>>;

/** The API of these features on a real database, and the engine's part of it written down. */
export async function startGateway(
  options: { allowPrivateTargets?: boolean; keyDays?: number } = {},
) {
  const db = await testDatabase();
  const { database } = db;
  const log = pino({ level: 'silent' });
  const secrets = createSecretBox([randomBytes(32)]);
  const keyRing = createKeyRing({ database, log });
  const operatorKey = newOperatorKey();
  await keyRing.ensureOperatorKey(operatorKey);

  const engine = {
    cancelled: [] as string[],
    woken: [] as string[],
    tested: [] as string[],
    changes: 0,
  };
  const blockedNames = new Set<string>();
  const keyDays = options.keyDays ?? null;
  const sessions = createSessionStore(database.prisma);
  const routes = [
    ...keyRoutes({ database, secrets, keyRing, endSessions: sessions.endOfKey, keyDays }),
    ...ownKeyRoutes({ database, keyRing }),
    ...merchantRoutes({ database, secrets, keyDays }),
    ...queueRoutes({
      database,
      releaseQueue,
      checkUrl: () => null,
      queuesChanged: () => engine.changes++,
    }),
    ...endpointRoutes({
      database,
      secrets,
      targets: { allowPrivateTargets: options.allowPrivateTargets ?? false },
      guard: { checkReachable: async ({ hostname }) => !blockedNames.has(hostname) },
      cancelForEndpoint: async (id) => void engine.cancelled.push(id),
      wakeReceiver: async (id) => engine.woken.push(id),
      testEndpoint: async (id) => {
        engine.tested.push(id);
        return {
          outcome: 'http_status',
          statusCode: 500,
          durationMs: 12,
          responseExcerpt: 'oops',
          error: null,
          remoteAddress: '192.0.2.1',
        };
      },
    }),
  ];
  const audit = createAuditTrail({ sql: database.prisma, log });
  const app = createApp({
    routes,
    authenticate: keyRing.authenticate,
    secrets,
    sessions,
    idempotency: createIdempotencyStore(database.direct.sql, secrets),
    audit,
    readUntil: database.sqlUntil,
    readiness: async () => ({ database: 'up', queue: 'up' }) as never,
    log,
    version: '0.0.0',
  });
  const server = createServer(app);
  const { port } = await server.listen(0, '127.0.0.1');

  /** Calls with the operator's key, another (`key`), or none (`null`), and checks the answer's shape. */
  async function call(method: string, path: string, asked: Asked = {}): Promise<Answer> {
    const key = asked.key === undefined ? operatorKey : asked.key;
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: {
        ...(key !== null && { authorization: `Bearer ${key}` }),
        ...(asked.body !== undefined && { 'content-type': 'application/json' }),
        ...asked.headers,
      },
      ...(asked.body !== undefined && { body: JSON.stringify(asked.body) }),
    });
    const text = await response.text();
    const body = text === '' ? null : JSON.parse(text);
    if (response.ok) expectDocumented(routes, method, path, response.status, body);
    return { status: response.status, headers: response.headers, body };
  }

  return {
    ...db,
    call,
    routes,
    secrets,
    keyRing,
    operatorKey,
    engine,
    blockedNames,
    /** A merchant with its first key. */
    async merchant(id?: string): Promise<{ id: string; key: string; secret: string }> {
      const { body } = await call('POST', '/v1/merchants', { body: { id, name: 'Tea & Co' } });
      return body;
    },
    async close() {
      await server.close(1000);
      await keyRing.close();
      await audit.close();
      await db.drop();
    },
  };
}

function expectDocumented(
  routes: readonly Route[],
  method: string,
  path: string,
  status: number,
  body: unknown,
): void {
  const found = routes.find(
    (route) =>
      route.method === method.toLowerCase() &&
      new RegExp(`^${route.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path.split('?')[0] ?? ''),
  );
  const schema = found?.responses[status];
  expect(schema, `${method} ${path} documents ${status}`).toBeDefined();
  if (schema === null || schema === undefined) {
    expect(body).toBeNull();
    return;
  }
  // What the schema doesn't name is dropped by it: equality says that nothing more was answered.
  expect(schema.parse(body)).toEqual(body);
}
