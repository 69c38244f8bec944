import type { Route } from '../api/route.ts';
import { createCommands } from '../engine/commands.ts';
import { createSteps, openLeases } from '../engine/engine.ts';
import { checkUrl, createGuard } from '../engine/http/destination.ts';
import { type TargetRules, targetRules } from '../engine/http/target-rules.ts';
import { alertEndpointRoutes } from '../features/accounts/endpoints/alert-endpoints.ts';
import { endpointRoutes } from '../features/accounts/endpoints/routes.ts';
import { releaseQueue } from '../features/accounts/endpoints/store.ts';
import { createKeyRing, type KeyRing } from '../features/accounts/keys/key-ring.ts';
import { keyRoutes } from '../features/accounts/keys/routes.ts';
import { ownKeyRoutes } from '../features/accounts/keys/routes-own-key.ts';
import { merchantRoutes } from '../features/accounts/merchants/routes.ts';
import { auditRoutes } from '../features/audit/routes.ts';
import { createAuditTrail } from '../features/audit/trail.ts';
import { eventTypeRoutes } from '../features/event-types/routes.ts';
import { eventRoutes } from '../features/events/routes.ts';
import { createStreams, type Streams } from '../features/events/streams.ts';
import { createTail } from '../features/events/tail.ts';
import { addAdmissionGauges } from '../features/metrics/admission.ts';
import { overviewRoutes } from '../features/overview/routes.ts';
import { queueRoutes } from '../features/queues/routes.ts';
import { reconciliationRoutes } from '../features/reconciliations/routes.ts';
import { resendRoutes } from '../features/resends/routes.ts';
import { resultRoutes } from '../features/results/routes.ts';
import { statementNoticeRoutes } from '../features/statement-notices/routes.ts';
import { statementRoutes } from '../features/statements/routes.ts';
import { createApp } from '../http/app.ts';
import { createAdmission } from '../http/overload/admission.ts';
import { createServer } from '../http/server.ts';
import { repeat } from '../platform/time/periodic.ts';
import { testEndpoint } from '../protocols/endpoint-test/protocol.ts';
import { createMessageCommands } from '../protocols/message/commands.ts';
import { createPrepare } from '../protocols/message/prepare.ts';
import { messageRoutes } from '../protocols/message/routes.ts';
import { createAccept } from '../protocols/notification/accept.ts';
import { notificationRoutes } from '../protocols/notification/routes.ts';
import { ackRoutes } from '../protocols/notification/routes-ack.ts';
import { deliveryRoutes } from '../protocols/notification/routes-deliveries.ts';
import { transactionRoutes } from '../protocols/tcc/routes.ts';
import { type Bootstrap, type Parts, targetSettings } from './context.ts';
import { urlOf, watched } from './health.ts';
import { WEBHOOKS } from './webhooks.ts';

const SECOND = 1000;
/** Requests under way get this long; a little less than attempts do. */
const REQUESTS_MS = 10 * SECOND;

/** The role `api`. @returns where it listens */
export async function startApiRole(parts: Parts): Promise<string> {
  const { settings, foundation, log, databases, closers, idempotency } = parts;
  const keyRing = createKeyRing({ database: databases.intake, log });
  closers.push(keyRing.close);
  const following = repeat(SECOND, keyRing.followRevocations, (error) =>
    log.error({ err: error }, 'looking for revoked keys failed'),
  );
  closers.push(following.close);
  await ensureOperatorKey(keyRing, foundation);
  const tail = createTail(databases.calls.prisma, log);
  closers.push(tail.close);
  const streams = createStreams({
    tail,
    log,
    liveKeys: keyRing.liveKeys,
    liveSessions: parts.sessions.findLive,
  });
  const stopping = new AbortController();
  const routes = routeTable(parts, keyRing, streams, stopping.signal);
  const admission = createAdmission({ routes, log, count: parts.metrics.shed });
  closers.push(async () => admission.close());
  addAdmissionGauges(parts.metrics.registry, admission);
  const audit = createAuditTrail({ sql: databases.calls.prisma, log });
  closers.push(audit.close);
  const app = createApp({
    routes,
    webhooks: WEBHOOKS,
    shed: admission.shed,
    authenticate: keyRing.authenticate,
    secrets: parts.secrets,
    idempotency,
    audit,
    readUntil: databases.reads.sqlUntil,
    ...watched(parts),
  });
  const server = createServer(app, settings.serverLimits, admission);
  const url = await server.listen(settings.PORT, settings.HOST).then(urlOf);
  closers.push(() => server.close(REQUESTS_MS));
  // Before the server, which waits for what is open: an endpoint's test may last longer than it does.
  closers.push(async () => {
    stopping.abort();
    streams.close();
  });
  return url;
}

/** @throws Error where the configured key cannot be used, and was not made by us */
async function ensureOperatorKey(keyRing: KeyRing, foundation: Bootstrap): Promise<void> {
  const { operatorKey, renewOperatorKey } = foundation;
  if (operatorKey === null || (await keyRing.ensureOperatorKey(operatorKey))) return;
  if (renewOperatorKey === undefined) {
    throw new Error(
      'OPERATOR_KEY is a key that was revoked, has expired or is no operator key, and stays so: ' +
        'set it to a new one of 24 characters or more, or leave it empty if you have another.',
    );
  }
  await keyRing.ensureOperatorKey(await renewOperatorKey());
}

/** Every route of the API, feature by feature. */
function routeTable(
  parts: Parts,
  keyRing: KeyRing,
  streams: Streams,
  stopping: AbortSignal,
): Route[] {
  const { settings, log, databases, closers, running, secrets, wake, engine } = parts;
  const { intake, calls: database } = databases;
  const sql = database.prisma;
  const keyDays = settings.KEY_DEFAULT_DAYS ?? null;
  const targets = targetRules(targetSettings(settings));
  const guard = createGuard(targets.merchants);
  closers.push(async () => guard.close());
  const leases = openLeases(engine);
  closers.push(async () => leases.close());
  const commands = createCommands(
    database,
    wake,
    engine.protocols,
    createSteps(engine, leases, stopping),
  );
  const refusalBy = (rules: TargetRules) => (url: string) => {
    const checked = checkUrl(url, rules);
    return checked.ok ? null : checked.reason;
  };
  const refusedUrl = refusalBy(targets.merchants);
  const refusedProducerUrl = refusalBy(targets.producers);
  const queuesChanged = () =>
    void running.worker
      ?.refresh()
      .catch((error) => log.error({ err: error }, 'looking for queues failed'));
  /** The first page at once, so that a short backlog is gone with the answer; the rest is the worker's. */
  const cancelForEndpoint = async (id: string) => {
    const left = await commands.cancelForEndpoint(id).catch((error) => {
      log.error({ err: error, endpointId: id }, 'cancelling failed, the worker goes on');
      return 'more';
    });
    if (left === 'more') running.cancelling?.now();
  };

  const endpoints = {
    database,
    secrets,
    targets: targets.merchants,
    guard,
    cancelForEndpoint,
    wakeReceiver: commands.wakeReceiver,
    testEndpoint: (id: string) => testEndpoint(database, commands.attemptOnce, id),
  };

  return [
    // First, because the router tries them in this order and most calls are these.
    ...notificationRoutes({
      sql,
      accept: parts.metrics.intake(
        createAccept({
          database: intake,
          wake,
          checks: { merchants: refusedUrl, producers: refusedProducerUrl },
        }),
      ),
      commands,
    }),
    ...queueRoutes({ database, releaseQueue, queuesChanged, checkUrl: refusedProducerUrl }),
    ...merchantRoutes({ database, secrets, keyDays }),
    ...keyRoutes({ database, secrets, keyRing, endSessions: parts.sessions.endOfKey, keyDays }),
    ...ownKeyRoutes({ database, keyRing }),
    ...endpointRoutes(endpoints),
    ...alertEndpointRoutes(endpoints),
    ...eventTypeRoutes(),
    ...deliveryRoutes({ database, commands, protocols: engine.protocols, checkUrl: refusedUrl }),
    ...ackRoutes({ sql, commands, log }),
    ...resultRoutes(),
    ...statementRoutes(parts.statements),
    ...statementNoticeRoutes({ database }),
    ...reconciliationRoutes({
      database,
      commands,
      reconcileNow: () => running.reconciling?.now(),
    }),
    ...auditRoutes(),
    ...resendRoutes({ database, resendNow: () => running.resending?.now() }),
    ...messageRoutes({
      sql,
      prepare: createPrepare({ database: intake, wake, checkUrl: refusedProducerUrl }),
      commands: createMessageCommands({ database, wake, raiseAlerts: parts.raiseAlerts }),
    }),
    ...transactionRoutes({ database, wake, commands, checkUrl: refusedProducerUrl }),
    ...overviewRoutes({ readBacklog: parts.readBacklog }),
    ...eventRoutes(streams),
  ];
}
