import { createRequire } from 'node:module';
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import { type Database, openDatabase } from './db/client.ts';
import { migrate } from './db/migrate.ts';
import { createCommands } from './delivery/commands.ts';
import { checkUrl, createGuard } from './delivery/destination.ts';
import { createSteps, type EngineOptions, startWorker, type Worker } from './delivery/engine.ts';
import { openWakeQueue, type WakeQueue, type Waker } from './delivery/queue.ts';
import { createSender } from './delivery/send.ts';
import { createApp } from './http/app.ts';
import { createIdempotencyStore } from './http/idempotency-store.ts';
import { createServer } from './http/server.ts';
import { endpointRoutes } from './merchant/endpoints.ts';
import { createKeyRing } from './merchant/key-ring.ts';
import { keyRoutes } from './merchant/keys.ts';
import { merchantRoutes } from './merchant/merchants.ts';
import { pingEndpoint, pingOwner } from './merchant/ping.ts';
import { resealSecrets } from './merchant/reseal.ts';
import { releaseQueue } from './merchant/store-endpoints.ts';
import { createTargets } from './merchant/targets.ts';
import { createMessageCommands } from './message/commands.ts';
import { messageOwner } from './message/owner.ts';
import { createPrepare } from './message/prepare.ts';
import { messageRoutes } from './message/routes.ts';
import { createAccept } from './notification/accept.ts';
import { announce } from './notification/announce.ts';
import { notificationOwner } from './notification/owner.ts';
import { notificationRoutes } from './notification/routes.ts';
import { ackRoutes } from './notification/routes-ack.ts';
import { deliveryRoutes } from './notification/routes-deliveries.ts';
import { rebaseFeed } from './notification/store/feed.ts';
import { createAlerts } from './operations/alerts.ts';
import { queueRoutes } from './policy/routes.ts';
import { faultOf } from './problem.ts';
import { reconciliationRoutes } from './recovery/reconciliation/routes.ts';
import { startReconciling } from './recovery/reconciliation/run.ts';
import type { Repeated } from './recovery/repeat.ts';
import { resultRoutes } from './recovery/results/routes.ts';
import { startRetention } from './recovery/retention/run.ts';
import { statementRoutes } from './recovery/statements/routes.ts';
import { createStatements } from './recovery/statements/statements.ts';
import type { Route } from './route.ts';
import { createSecretBox } from './secrets.ts';
import { tccOwner } from './tcc/owner.ts';
import { transactionRoutes } from './tcc/routes.ts';
import { startTimeouts } from './tcc/timeouts.ts';

/** What the gateway needs besides its settings: a database, and the keys that may have been made. */
export interface Foundation {
  databaseUrl: string;
  encryptionKeys: readonly Buffer[];
  operatorKey: string | null;
}

export interface Gateway {
  /** null without the role `api`. */
  url: string | null;
  close(): Promise<void>;
}

export type Settings = Pick<
  Config,
  'HOST' | 'PORT' | 'ROLES' | 'REDIS_URL' | 'ALLOW_PRIVATE_TARGETS'
> &
  // When absent, nothing is too old.
  Partial<Pick<Config, 'RETENTION_DAYS'>> &
  /** Not a setting of the environment: for tests that travel in time. */
  Pick<EngineOptions, 'sweepEveryMs'>;

const SECOND = 1000;
const MAX_CONNECTIONS = 20;
/** Attempts under way get this long to end by themselves, requests a little less. */
const DRAIN_MS = 15 * SECOND;
const REQUESTS_MS = 10 * SECOND;

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

/** The composition root: database → queue → engine → roles. Closes in the reverse order. */
export async function startGateway(
  settings: Settings,
  foundation: Foundation,
  logger: Logger,
): Promise<Gateway> {
  // Here once, and not at each line that has an error: pino's own way writes all its members.
  const log = logger.child({}, { serializers: { err: faultOf } });
  const closers: Array<() => Promise<unknown>> = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) {
      await closer().catch((error) => log.error({ err: error }, 'closing failed'));
    }
  };
  try {
    await migrate(foundation.databaseUrl, { log: (line) => log.info(line) });
    const database = openDatabase(foundation.databaseUrl, { maxConnections: MAX_CONNECTIONS });
    closers.push(database.close);
    const wakes = await openWakeQueue(backendOf(settings, foundation), log);
    closers.push(wakes.close);
    const url = await startRoles(settings, foundation, log, database, wakes, closers);
    return { url, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startRoles(
  settings: Settings,
  foundation: Foundation,
  log: Logger,
  database: Database,
  wakes: WakeQueue,
  closers: Array<() => Promise<unknown>>,
): Promise<string | null> {
  const secrets = createSecretBox(foundation.encryptionKeys);
  const targets = createTargets({ database, secrets, log });
  const allowPrivateTargets = settings.ALLOW_PRIVATE_TARGETS;
  const sender = createSender({ allowPrivateTargets, userAgent: `Postrider/${version}` });
  closers.push(sender.close);
  const notifications = notificationOwner(database.prisma, targets);
  let worker: Worker | null = null;
  let reconciling: Repeated | null = null;
  const wake: Waker = (due) => (worker ?? wakes).wake(due);
  const raiseAlerts = createAlerts({ log, announce });
  const messages = messageOwner({
    sql: database.prisma,
    targets,
    notifications,
    wake,
    raiseAlerts,
  });
  const transactions = tccOwner({
    sql: database.prisma,
    wake,
    loadSecrets: targets.loadCallbackSecrets,
    raiseAlerts,
  });
  const owners = new Map([
    ['notification', notifications],
    ['message', messages],
    ['ping', pingOwner(targets)],
    ['tcc', transactions],
  ]);
  const statements = createStatements(database);
  const idempotency = createIdempotencyStore(database.prisma, secrets);
  const engine: EngineOptions = {
    ...(settings.sweepEveryMs !== undefined && { sweepEveryMs: settings.sweepEveryMs }),
    database,
    wakes,
    sender,
    owners,
    log,
  };

  if (settings.ROLES.includes('worker')) {
    worker = await startWorker(engine);
    closers.push(() => worker?.close(DRAIN_MS) ?? Promise.resolve());
    closers.push(startTimeouts({ database, wake, log }));
    reconciling = startReconciling({ database, log });
    closers.push(reconciling.close);
    const retention = startRetention({
      database,
      statements,
      retentionDays: settings.RETENTION_DAYS ?? 0,
      removeExpiredKeys: idempotency.removeExpired,
      log,
    });
    closers.push(retention.close);
    void resealSecrets({ database, secrets, log }).catch((error) =>
      log.error({ err: error }, 'reseal failed'),
    );
    void rebaseFeed(database.prisma).catch((error) =>
      log.error({ err: error }, 'rebasing the feed failed'),
    );
  }
  if (!settings.ROLES.includes('api')) return null;

  const keyRing = createKeyRing({ database, log });
  closers.push(keyRing.close);
  if (foundation.operatorKey !== null) await keyRing.ensureOperatorKey(foundation.operatorKey);
  const stopping = new AbortController();
  const commands = createCommands(database, wake, owners, createSteps(engine, stopping.signal));
  const refusedUrl = (url: string) => {
    const checked = checkUrl(url, { allowPrivateTargets });
    return checked.ok ? null : checked.reason;
  };
  const guard = createGuard({ allowPrivateTargets });
  closers.push(async () => guard.close());
  const routes: Route[] = [
    ...queueRoutes({
      database,
      releaseQueue,
      queuesChanged: () =>
        void worker?.refresh().catch((error) => log.error({ err: error }, 'refresh failed')),
    }),
    ...merchantRoutes({ database, secrets }),
    ...keyRoutes({ database, secrets, keyRing }),
    ...endpointRoutes({
      database,
      secrets,
      allowPrivateTargets,
      guard,
      cancelForEndpoint: commands.cancelForEndpoint,
      wakeReceiver: commands.wakeReceiver,
      testEndpoint: (id) => pingEndpoint(database, commands.attemptOnce, id),
    }),
    ...notificationRoutes({
      sql: database.prisma,
      accept: createAccept({ database, wake, checkUrl: refusedUrl }),
      commands,
    }),
    ...deliveryRoutes({ database, commands }),
    ...messageRoutes({
      sql: database.prisma,
      prepare: createPrepare({ database, wake, checkUrl: refusedUrl }),
      commands: createMessageCommands(database, wake),
    }),
    ...transactionRoutes({ database, wake, commands, checkUrl: refusedUrl }),
    ...ackRoutes({ sql: database.prisma, commands, log }),
    ...resultRoutes({ sql: database.prisma }),
    ...statementRoutes(statements),
    ...reconciliationRoutes({ database, commands, reconcileNow: () => reconciling?.now() }),
  ];
  const app = createApp({
    routes,
    authenticate: keyRing.authenticate,
    idempotency,
    readiness: () => readiness(database, wakes),
    log,
    version,
  });
  const server = createServer(app);
  const address = await server.listen(settings.PORT, settings.HOST);
  closers.push(() => server.close(REQUESTS_MS));
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}

function backendOf({ REDIS_URL }: Settings, { databaseUrl }: Foundation) {
  return REDIS_URL === undefined
    ? ({ kind: 'postgres', url: databaseUrl } as const)
    : ({ kind: 'redis', url: REDIS_URL } as const);
}

async function readiness({ prisma }: Database, wakes: WakeQueue) {
  const works = (check: Promise<unknown>) => check.then(() => true).catch(() => false);
  const [database, queue] = await Promise.all([
    works(prisma.$queryRaw`SELECT 1`),
    works(wakes.ping()),
  ]);
  return { database, queue };
}
