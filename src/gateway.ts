import type { Logger } from 'pino';
import { openDatabase } from './db/client.ts';
import { migrate } from './db/migrate.ts';
import { openWakeQueue } from './delivery/queue.ts';
import { startApiRole } from './gateway/api.ts';
import { assembleParts, type Foundation, type Settings } from './gateway/parts.ts';
import { startResealing } from './gateway/reseal.ts';
import { startWorkerPort } from './gateway/watched.ts';
import { startWorkerRole } from './gateway/worker.ts';
import { faultOf } from './problem.ts';

export type { Foundation, Settings };

export interface Gateway {
  /** null without the role `api`. */
  url: string | null;
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 20;

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
    const parts = assembleParts({ settings, foundation, log, database, wakes, closers });
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

function backendOf({ REDIS_URL }: Settings, { databaseUrl }: Foundation) {
  return REDIS_URL === undefined
    ? ({ kind: 'postgres', url: databaseUrl } as const)
    : ({ kind: 'redis', url: REDIS_URL } as const);
}
