import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { type Gateway, startGateway } from '../../src/app/start.ts';
import { parseProxies } from '../../src/engine/http/addresses.ts';
import { parseDeniedTargets, parseTargetList } from '../../src/engine/http/target-list.ts';
import type { WakeBackend } from '../../src/engine/timers/wake-queue.ts';
import type { ServerLimits } from '../../src/http/server.ts';
import { type Api, apiOf } from './api.ts';
import { type TestDatabase, testDatabase } from './database.ts';

export const OPERATOR_KEY = 'operator-key-of-the-test-suite';

export interface TestGateway {
  url: string;
  /** Calls as the operator. */
  operator: Api;
  /** Calls with any key. */
  as(key: string): Api;
  db: TestDatabase;
  /** A merchant, with calls in its name. */
  merchant(id?: string): Promise<{ id: string; key: string; secret: string; api: Api }>;
  producer(merchantId?: string): Promise<{ key: string; callbackSecret: string; api: Api }>;
  /** Stops the gateway, keeps the database; `start` brings it back. */
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

export interface GatewayOptions {
  /** The timers: PostgreSQL in the gateway's own database when absent. */
  backend?: WakeBackend;
  roles?: Array<'api' | 'worker'>;
  /** Another gateway's database, which then belongs to that one. */
  db?: TestDatabase;
  encryptionKeys?: Buffer[];
  sweepEveryMs?: number;
  readTimeoutSeconds?: number;
  metricsToken?: string;
  metricsPort?: number;
  serverLimits?: Partial<ServerLimits>;
  trustProxy?: string;
  /** The way to its database, where that is not a straight one. */
  through?: (databaseUrl: string) => string;
  /** Then merchants' addresses must be public ones. */
  producerTargets?: string;
  merchantTargets?: string;
  deniedTargets?: string;
  proxy?: string;
  /** Each line of the log. */
  onLog?: (line: string) => void;
}

const KEYS = [Buffer.alloc(32, 7)];

/** A whole gateway in this process, on a database of its own, allowed to call loopback. */
export async function testGateway(options: GatewayOptions = {}): Promise<TestGateway> {
  const db = options.db ?? (await testDatabase());
  let gateway: Gateway;
  const start = async () => {
    gateway = await startGateway(
      {
        HOST: '127.0.0.1',
        PORT: 0,
        ROLES: options.roles ?? ['api', 'worker'],
        REDIS_URL: options.backend?.kind === 'redis' ? options.backend.url : undefined,
        ALLOW_PRIVATE_TARGETS: options.producerTargets === undefined,
        ...(options.producerTargets !== undefined && {
          PRODUCER_TARGETS: parseTargetList(options.producerTargets),
        }),
        ...(options.merchantTargets !== undefined && {
          MERCHANT_TARGETS: parseTargetList(options.merchantTargets),
        }),
        ...(options.deniedTargets !== undefined && {
          DENIED_TARGETS: parseDeniedTargets(options.deniedTargets),
        }),
        ...(options.proxy !== undefined && { OUTBOUND_PROXY: new URL(options.proxy) }),
        // Tests travel in time: what the sweep finds must not take them real seconds.
        sweepEveryMs: options.sweepEveryMs ?? 1000,
        ...(options.readTimeoutSeconds !== undefined && {
          READ_TIMEOUT_SECONDS: options.readTimeoutSeconds,
        }),
        METRICS_TOKEN: options.metricsToken,
        METRICS_PORT: options.metricsPort,
        serverLimits: options.serverLimits,
        ...(options.trustProxy !== undefined && { TRUST_PROXY: parseProxies(options.trustProxy) }),
      },
      {
        databaseUrl: options.through?.(db.url) ?? db.url,
        encryptionKeys: options.encryptionKeys ?? KEYS,
        operatorKey: OPERATOR_KEY,
      },
      pino(
        { level: options.onLog ? 'debug' : 'silent' },
        { write: (line) => options.onLog?.(line) },
      ),
    );
  };
  await start();
  const as = (key: string) => apiOf(() => gateway.url ?? '', key);
  const operator = as(OPERATOR_KEY);
  return {
    get url() {
      return gateway.url ?? '';
    },
    operator,
    as,
    db,
    async merchant(id = `m_${randomBytes(6).toString('hex')}`) {
      const { body } = await operator.post('/v1/merchants', { id, name: id }).expect(201);
      return { id, key: body.key, secret: body.secret, api: as(body.key) };
    },
    async producer(merchantId) {
      const { body } = await operator
        .post('/v1/keys', { role: 'producer', name: 'producer', ...(merchantId && { merchantId }) })
        .expect(201);
      return { key: body.key, callbackSecret: body.callbackSecret, api: as(body.key) };
    },
    start,
    stop: () => gateway.close(),
    async close() {
      await gateway.close();
      if (options.db === undefined) await db.drop();
    },
  };
}
