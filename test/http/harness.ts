import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { pino } from 'pino';
import { z } from 'zod';
import type { Principal, Role, Route } from '../../src/api/route.ts';
import { route } from '../../src/api/route.ts';
import { type AppParts, createApp } from '../../src/http/app.ts';
import type { AuditTrail } from '../../src/http/audit.ts';
import type { SessionStore } from '../../src/http/console/session-store.ts';
import type { IdempotencyStore, Sealing } from '../../src/http/idempotency/store.ts';
import { type Admission, createAdmission } from '../../src/http/overload/admission.ts';
import { createServer, type HttpServer, type ServerLimits } from '../../src/http/server.ts';
import { createShares } from '../../src/http/shares.ts';
import type { Sql } from '../../src/platform/db/client.ts';
import { createSecretBox } from '../../src/platform/secrets/secret-box.ts';

export const KEYS: Record<Role, string> = {
  operator: 'pr_operator_correct',
  producer: 'pr_producer_correct',
  merchant: 'pr_merchant_correct',
};

async function authenticate(bearerKey: string): Promise<Principal | null> {
  for (const role of ['operator', 'producer', 'merchant'] as const) {
    if (bearerKey === KEYS[role]) {
      return { keyId: `key_${role}`, role, name: role, merchantId: null };
    }
  }
  return null;
}

/** For servers whose tests send no Idempotency-Key. */
const noIdempotency: IdempotencyStore = {
  claim: () => Promise.reject(new Error('not expected')),
  keep: () => Promise.reject(new Error('not expected')),
  release: () => Promise.reject(new Error('not expected')),
  removeExpired: () => Promise.reject(new Error('not expected')),
  sealed: {
    findOldSeals: () => Promise.reject(new Error('not expected')),
    replaceSeals: () => Promise.reject(new Error('not expected')),
  },
};

/** For servers whose routes keep nothing. */
const noAudit: AuditTrail = {
  begin: () => Promise.reject(new Error('not expected')),
  end: () => Promise.reject(new Error('not expected')),
};

/** Kept in memory: what the table does with them is tested with the gateway. */
export function memorySessions(): SessionStore {
  const keyOf = new Map<string, string>();
  return {
    begin: async ({ id, keyId }) => void keyOf.set(id, keyId),
    findLive: async (ids) => new Set(ids.filter((id) => keyOf.has(id))),
    end: async (id) => void keyOf.delete(id),
    async endOfKey(keyId) {
      const ids = [...keyOf].filter(([, each]) => each === keyId).map(([id]) => id);
      for (const id of ids) keyOf.delete(id);
      return ids.length;
    },
  };
}

/** For servers whose routes read nothing. */
const noReads: AppParts['readUntil'] = () => ({}) as Sql;

export interface Running {
  port: number;
  server: HttpServer;
  /** Every line logged so far, parsed. */
  logged: Record<string, unknown>[];
  admission: Admission;
  /** How many calls were shed, by reason. */
  shed: Map<string, number>;
  call(path: string, options?: CallOptions): Promise<Called>;
  close(): Promise<void>;
}

interface CallOptions {
  method?: string;
  /** A bearer key; `null`: none. The operator's when absent. */
  key?: string | null;
  body?: string | Uint8Array;
  headers?: Record<string, string>;
}

export interface Called {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely
  json: any;
}

export async function serve(
  parts: Partial<AppParts>,
  limits: Partial<ServerLimits> = {},
  bounds: { heapLimitBytes?: number; floor?: number } = {},
): Promise<Running> {
  const logged: Record<string, unknown>[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => logged.push(JSON.parse(line)) });
  const shed = new Map<string, number>();
  const admission = createAdmission({
    routes: parts.routes ?? [],
    log,
    count: (reason) => shed.set(reason, (shed.get(reason) ?? 0) + 1),
    ...bounds,
  });
  const app = createApp({
    routes: [],
    shed: admission.shed,
    authenticate,
    secrets: createSecretBox([Buffer.alloc(32, 7)]),
    sessions: memorySessions(),
    idempotency: noIdempotency,
    audit: noAudit,
    readUntil: noReads,
    readiness: async () => ({ database: true, queue: true, process: true, notes: [] }),
    log,
    version: '1.2.3',
    // So that one caller may try what many do.
    shares: createShares({ atOnce: Number.POSITIVE_INFINITY }),
    ...parts,
  });
  const server = createServer(app, limits, admission);
  const { port } = await server.listen(0, '127.0.0.1');
  return {
    port,
    server,
    logged,
    admission,
    shed,
    call: (path, options) => call(port, path, options),
    close() {
      admission.close();
      return server.close(0);
    },
  };
}

async function call(port: number, path: string, options: CallOptions = {}): Promise<Called> {
  const { key = KEYS.operator, body } = options;
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: options.method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...options.headers,
    },
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson && text !== '' ? JSON.parse(text) : undefined,
  };
}

/** Writes bytes and resolves with all that comes back until the server closes the connection. */
export function exchange(port: number, ...parts: (string | Uint8Array)[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      answer += chunk;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
    for (const part of parts) socket.write(part);
  });
}

/** A POST that takes anything and says what it got. */
export const echo = route({
  method: 'post',
  path: '/v1/echo',
  roles: ['operator', 'producer', 'merchant'],
  tag: 'Notifications',
  summary: 'Echo',
  body: z.unknown(),
  responses: { 200: z.unknown() },
  audit: 'changes nothing',
  handle: async (call) => ({ status: 200, body: { body: call.body, rawBody: call.rawBody } }),
});

export function get(path: string, handle: Route['handle'], more: Partial<Route> = {}): Route {
  return {
    method: 'get',
    path,
    roles: ['operator'],
    tag: 'Notifications',
    summary: path,
    responses: { 200: z.unknown() },
    handle,
    ...more,
  };
}

export function post(path: string, handle: Route['handle'], more: Partial<Route> = {}): Route {
  return { ...get(path, handle), method: 'post', audit: 'changes nothing', ...more };
}

/** Real encryption, so that what a test finds readable in a table really is. */
export function testSealing(): Sealing {
  const key = randomBytes(32);
  return {
    seal(text, context) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context));
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64');
    },
    open(text, context) {
      const bytes = Buffer.from(text, 'base64');
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12))
        .setAAD(Buffer.from(context))
        .setAuthTag(bytes.subarray(12, 28));
      return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString();
    },
  };
}
