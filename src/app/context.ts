import { createRequire } from 'node:module';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { EngineOptions, Worker } from '../engine/engine.ts';
import { createSender } from '../engine/http/send.ts';
import type { TargetSettings } from '../engine/http/target-rules.ts';
import { sqlStore } from '../engine/store/engine-store.ts';
import type { WakeQueue, Waker } from '../engine/timers/wake-queue.ts';
import { createTargets } from '../features/accounts/signing/destinations.ts';
import { createAlerts } from '../features/alerts.ts';
import { addGauges } from '../features/metrics/gauges.ts';
import { createMetrics } from '../features/metrics/metrics.ts';
import { addProcessGauges } from '../features/metrics/process.ts';
import { createBacklog } from '../features/overview/backlog.ts';
import { createStatements } from '../features/statements/statements.ts';
import { createSessionStore } from '../http/console/session-store.ts';
import { createIdempotencyStore } from '../http/idempotency/store.ts';
import type { ServerLimits } from '../http/server.ts';
import type { Databases } from '../platform/db/databases.ts';
import type { DatabaseHealth } from '../platform/db/health.ts';
import { createSecretBox } from '../platform/secrets/secret-box.ts';
import type { Repeated } from '../platform/time/periodic.ts';
import { endpointTestProtocol } from '../protocols/endpoint-test/protocol.ts';
import { messageProtocol } from '../protocols/message/protocol.ts';
import { callbackProtocol, TOLD, telling } from '../protocols/notification/callbacks.ts';
import { announce } from '../protocols/notification/operator-alerts.ts';
import { notificationProtocol } from '../protocols/notification/protocol.ts';
import { tccProtocol } from '../protocols/tcc/protocol.ts';

/** What the gateway needs besides its settings: a database, and the keys that may have been made. */
export interface Bootstrap {
  databaseUrl: string;
  encryptionKeys: readonly Buffer[];
  operatorKey: string | null;
  /** Where that key was made and is kept by us: makes another, as it was revoked. */
  renewOperatorKey?: () => Promise<string>;
}

type TargetSetting = 'PRODUCER_TARGETS' | 'MERCHANT_TARGETS' | 'DENIED_TARGETS' | 'OUTBOUND_PROXY';

export type Settings = Pick<
  Config,
  'HOST' | 'PORT' | 'ROLES' | 'REDIS_URL' | 'ALLOW_PRIVATE_TARGETS'
> &
  // When absent, nothing is too old.
  Partial<
    Pick<
      Config,
      | 'READ_TIMEOUT_SECONDS'
      | 'RETENTION_DAYS'
      | 'METRICS_TOKEN'
      | 'METRICS_PORT'
      | TargetSetting
      | 'TRUST_PROXY'
      | 'AUDIT_RETENTION_MONTHS'
      | 'AUDIT_ARCHIVE_DIR'
      | 'KEY_DEFAULT_DAYS'
    >
  > &
  /** Not settings of the environment: for tests that travel in time, or wait for a client's end. */
  Pick<EngineOptions, 'sweepEveryMs'> & { serverLimits?: Partial<ServerLimits> | undefined };

/** What is there before the first role begins. */
export interface Ground {
  settings: Settings;
  foundation: Bootstrap;
  log: Logger;
  databases: Databases;
  health: DatabaseHealth;
  wakes: WakeQueue;
  /** Called in the reverse order when the gateway closes. */
  closers: Array<() => Promise<unknown>>;
}

export const { version } = createRequire(import.meta.url)('../../package.json') as {
  version: string;
};

export function targetSettings(settings: Settings): TargetSettings {
  return {
    allowPrivateTargets: settings.ALLOW_PRIVATE_TARGETS,
    producerTargets: settings.PRODUCER_TARGETS ?? null,
    merchantTargets: settings.MERCHANT_TARGETS ?? null,
    deniedTargets: settings.DENIED_TARGETS ?? null,
  };
}

/** What both roles share: secrets, addresses, the sender, and the protocols on the engine. */
export type Parts = ReturnType<typeof assembleParts>;

export function assembleParts(ground: Ground) {
  const { settings, foundation, log, databases, wakes, closers } = ground;
  const secrets = createSecretBox(foundation.encryptionKeys);
  const targets = createTargets({ database: databases.engine, secrets, log });
  const sender = createSender({
    ...targetSettings(settings),
    proxy: settings.OUTBOUND_PROXY ?? null,
    userAgent: `Postrider/${version}`,
  });
  closers.push(sender.close);
  /** The worker of this process, once there is one. */
  const running: {
    worker: Worker | null;
    reconciling: Repeated | null;
    resending: Repeated | null;
    cancelling: Repeated | null;
  } = { worker: null, reconciling: null, resending: null, cancelling: null };
  const wake: Waker = (due) => (running.worker ?? wakes).wake(due);

  const sql = databases.engine.prisma;
  const readBacklog = createBacklog(databases.background.prisma);
  const metrics = createMetrics();
  addGauges(metrics, {
    version,
    databases,
    wakes,
    readBacklog,
    queues: () => running.worker?.queues() ?? [],
  });
  const unwatch = addProcessGauges(metrics.registry);
  closers.push(async () => unwatch());
  const raiseAlerts = createAlerts({ log, announce, count: metrics.alert });
  const notifications = notificationProtocol(sql, targets);
  const protocols = new Map([
    ['notification', notifications],
    [TOLD, telling(notifications, wake)],
    ['callback', callbackProtocol(sql, targets)],
    ['message', messageProtocol({ sql, targets, notifications, wake, raiseAlerts })],
    ['ping', endpointTestProtocol(targets)],
    ['tcc', tccProtocol({ sql, wake, loadSecrets: targets.loadCallbackSecrets, raiseAlerts })],
  ]);
  const engine: EngineOptions = {
    ...(settings.sweepEveryMs !== undefined && { sweepEveryMs: settings.sweepEveryMs }),
    store: sqlStore(databases.engine, protocols),
    wakes,
    sender,
    protocols,
    log,
    observe: metrics.engine,
  };
  return {
    ...ground,
    secrets,
    running,
    wake,
    engine,
    metrics,
    raiseAlerts,
    readBacklog,
    statements: createStatements(databases.background),
    sessions: createSessionStore(databases.calls.prisma),
    idempotency: createIdempotencyStore(databases.intake.direct.sql, secrets),
  };
}
