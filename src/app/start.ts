import type { Logger } from 'pino';
import { openWakeQueue } from '../engine/timers/wake-queue.ts';
import { openDatabases } from '../platform/db/databases.ts';
import { openHealth } from '../platform/db/health.ts';
import { migrate } from '../platform/db/migrate.ts';
import { type DatabaseServer, reachServer } from '../platform/db/server.ts';
import { continueNumbers } from '../platform/db/transaction-numbers.ts';
import { faultOf } from '../platform/log/fault.ts';
import { startApiRole } from './api-role.ts';
import { assembleParts, type Bootstrap, type Settings } from './context.ts';
import { startWorkerPort } from './health.ts';
import { startResealing } from './rotate-keys.ts';
import { startWorkerRole } from './worker-role.ts';

export type { Bootstrap as Foundation, Settings };

export interface Gateway {
  /** null without the role `api`. */
  url: string | null;
  close(): Promise<void>;
}

/** The composition root: database → queue → engine → roles. Closes in the reverse order. */
export async function startGateway(
  settings: Settings,
  foundation: Bootstrap,
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
    const say = (line: string) => log.info(line);
    const server = await reachServer(foundation.databaseUrl, say);
    await migrate(server, { log: say });
    await continueNumbers(server, say);
    const report = (error: Error) =>
      log.warn({ err: error }, 'a connection to PostgreSQL was lost');
    const databases = openDatabases(server, {
      readTimeoutMs: settings.READ_TIMEOUT_SECONDS && settings.READ_TIMEOUT_SECONDS * 1000,
      report,
    });
    closers.push(databases.close);
    const health = openHealth(server);
    closers.push(health.close);
    const wakes = await openWakeQueue(backendOf(settings, server), log);
    closers.push(wakes.close);
    const parts = assembleParts({
      settings,
      foundation,
      log,
      databases,
      health,
      wakes,
      closers,
    });
    const { ROLES, METRICS_PORT } = settings;
    if (ROLES.includes('worker')) await startWorkerRole(parts);
    const url = ROLES.includes('api') ? await startApiRole(parts) : null;
    if (url === null && METRICS_PORT !== undefined) await startWorkerPort(parts, METRICS_PORT);
    startResealing(parts);
    return { url, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function backendOf({ REDIS_URL }: Settings, server: DatabaseServer) {
  return REDIS_URL === undefined
    ? ({ kind: 'postgres', server } as const)
    : ({ kind: 'redis', url: REDIS_URL } as const);
}
