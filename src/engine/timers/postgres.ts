import {
  createPostgresBackend,
  DEFAULT_SCHEMA,
  type PgPool,
  type PostgresConnectionOptions,
  Queue,
  type QueueBaseOptions,
  runMigrations,
  Worker,
} from 'bullmq';
import { openPool, type SessionPool } from '../../platform/db/pool.ts';
import { connectTo, type DatabaseServer } from '../../platform/db/server.ts';
import { DEFAULT_LIMITS } from '../../platform/db/session.ts';
import { type Backend, EVENT_STREAM, type Report, steady, WORKER_OPTIONS } from './backend.ts';
import { openDirectWakes } from './direct.ts';
import { type SharedListener, shareListener } from './postgres-listener.ts';

const SECOND = 1000;
const GOODBYE_MS = 500;
const WORK_TIMEOUT_MS = 10 * SECOND;
/** Connections for the work of all queues: a job is two short statements. */
const WORKING = 4;
/** Where nobody can listen, workers look as often as this. */
const LOOK_SECONDS_POOLED = 2;

/**
 * Timers in the database itself, in the schema "bullmq". All producers share one small pool, all workers
 * another, and one connection listens for all of them: how many queues there are costs no connections.
 *
 * @throws when the database can't be reached: without it there is nothing to start for
 */
export async function openPostgres(database: DatabaseServer, report: Report): Promise<Backend> {
  // BullMQ's SQL names its tables without a schema.
  const server = { ...database, schema: DEFAULT_SCHEMA };
  await prepareSchema(server);
  // Short waits: the sweep covers what is not handed over now.
  const producers = open(server, report, { name: 'postrider wakes', max: 3, timeoutMs: 1500 });
  const limits = { max: WORKING, timeoutMs: WORK_TIMEOUT_MS };
  const work = open(server, report, { name: 'postrider timers', ...limits });
  const listening = open(server, report, { name: 'postrider listens', ...limits, max: 1 });
  const listener = shareListener(listening, server.isPooled, report);
  // Behind a pooler nobody can listen.
  const direct = server.isPooled
    ? null
    : openDirectWakes(listener, (channels, payloads) =>
        producers.pool.query(NOTIFY, [channels, payloads]),
      );

  return {
    isUp: () => true,
    openQueue(name) {
      const options = { connection: forProducers(producers), streams: EVENT_STREAM };
      return new Queue(name, options, createPostgresBackend);
    },
    openWorker(name, concurrency, take) {
      const options = {
        ...WORKER_OPTIONS,
        // More jobs at once would only wait for connections.
        concurrency: Math.min(concurrency, WORKING),
        connection: forWorkers(work, listener),
      };
      const worker = new Worker(
        name,
        take,
        options,
        (name, options: QueueBaseOptions<PostgresConnectionOptions>, more) =>
          steady(
            createPostgresBackend(name, options, more),
            server.isPooled ? LOOK_SECONDS_POOLED : undefined,
          ),
      );
      return { worker, free: async () => {} };
    },
    direct,
    ping: () => producers.pool.query('SELECT 1'),
    async close() {
      await direct?.close();
      listener.close();
      await Promise.all([producers, work, listening].map((pool) => pool.close(GOODBYE_MS)));
    },
  };
}

/** Nobody waits for the disk for the sake of a wake. */
const NOTIFY = `
  SELECT pg_notify(channel, payload), set_config('synchronous_commit', 'off', true)
    FROM unnest($1::text[], $2::text[]) AS message (channel, payload)`;

/** A pool under BullMQ's description of one. It is ours, so BullMQ's end of it is none. */
function forProducers({ pool }: SessionPool): PgPool {
  return {
    options: pool.options,
    connect: () => pool.connect(),
    query: (text: string, values?: unknown[]) => pool.query(text, values),
    end: async () => {},
    on: pool.on.bind(pool),
  } as unknown as PgPool;
}

function forWorkers({ pool }: SessionPool, listener: SharedListener): PgPool {
  const query = (text: string, values?: readonly unknown[]) =>
    pool.query(text, values as unknown[] | undefined);
  return {
    options: pool.options,
    connect: async () => listener.openSeat(query),
    query,
    end: async () => {},
    on: pool.on.bind(pool),
  } as unknown as PgPool;
}

async function prepareSchema(server: DatabaseServer): Promise<void> {
  const client = await connectTo(server, 'postrider timers', DEFAULT_LIMITS);
  try {
    await runMigrations(client, DEFAULT_SCHEMA);
  } finally {
    await client.end().catch(() => {});
  }
}

function open(
  server: DatabaseServer,
  report: Report,
  { name, max, timeoutMs }: { name: string; max: number; timeoutMs: number },
): SessionPool {
  const opened = openPool(server, {
    name,
    maxConnections: max,
    limits: { statementTimeoutMs: timeoutMs, lockTimeoutMs: timeoutMs },
    waitMs: timeoutMs,
    report: (error) => report('a connection to PostgreSQL was lost', error),
  });
  // BullMQ adds a listener for each queue.
  opened.pool.setMaxListeners(0);
  return opened;
}
