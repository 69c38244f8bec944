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
import pg from 'pg';
import {
  type Backend,
  EVENT_STREAM,
  type Report,
  steady,
  WORKER_OPTIONS,
  within,
} from './queue-backend.ts';

const SECOND = 1000;
const GOODBYE_MS = 500;
const WORK_TIMEOUT_MS = 10 * SECOND;
/** Connections for the work of all queues: a job is two short statements. */
const WORKING = 6;

/**
 * Timers in the database itself, in the schema "bullmq". All producers share one small pool, and so
 * does the work of all workers; each worker has a connection of its own to LISTEN.
 *
 * @param url `postgres://…`
 * @throws when the database can't be reached: without it there is nothing to start for
 */
export async function openPostgres(url: string, report: Report): Promise<Backend> {
  await prepareSchema(url);
  // Short waits: the sweep covers what is not handed over now.
  const producers = openPool(url, report, { max: 3, timeoutMs: 1500 });
  const work = openPool(url, report, { max: WORKING, timeoutMs: WORK_TIMEOUT_MS });

  return {
    isUp: () => true,
    openQueue(name) {
      const options = { connection: forBullmq(producers), streams: EVENT_STREAM };
      return new Queue(name, options, createPostgresBackend);
    },
    openWorker(name, concurrency, take) {
      const own = openPool(url, report, { max: 1, timeoutMs: WORK_TIMEOUT_MS });
      const options = {
        ...WORKER_OPTIONS,
        // More jobs at once would only wait for connections.
        concurrency: Math.min(concurrency, 4),
        connection: forBullmq(own, work),
      };
      const worker = new Worker(
        name,
        take,
        options,
        (name, options: QueueBaseOptions<PostgresConnectionOptions>, more) =>
          steady(createPostgresBackend(name, options, more)),
      );
      return { worker, free: own.close };
    },
    ping: () => producers.pool.query('SELECT 1'),
    close: async () => void (await Promise.all([producers.close(), work.close()])),
  };
}

/** A pool under BullMQ's description of one: connections that are kept come from the one, answers from the other. */
function forBullmq({ pool }: OwnPool, { pool: answering } = { pool }): PgPool {
  const { options } = pool;
  return {
    options,
    connect: () => pool.connect(),
    query: (text: string, values?: unknown[]) => answering.query(text, values),
    end: () => pool.end(),
    on: pool.on.bind(pool),
  } as unknown as PgPool;
}

async function prepareSchema(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5 * SECOND });
  client.on('error', () => {});
  await client.connect();
  try {
    await runMigrations(client, DEFAULT_SCHEMA);
  } finally {
    await client.end();
  }
}

interface OwnPool {
  pool: pg.Pool;
  /** Waits half a second for what is under way, then breaks it off. */
  close(): Promise<void>;
}

function openPool(
  url: string,
  report: Report,
  limits: { max: number; timeoutMs: number },
): OwnPool {
  const clients = new Set<pg.Client>();
  const pool = new pg.Pool({
    ...withSchema(url),
    max: limits.max,
    connectionTimeoutMillis: limits.timeoutMs,
    query_timeout: limits.timeoutMs,
    statement_timeout: limits.timeoutMs,
    application_name: 'postrider timers',
    keepAlive: true,
    keepAliveInitialDelayMillis: 10 * SECOND,
  });
  // BullMQ adds a listener for each queue.
  pool.setMaxListeners(0);
  pool.on('error', (error) => report('PostgreSQL connection of the timers', error));
  pool.on('connect', (client) => clients.add(client as pg.Client));
  pool.on('remove', (client) => clients.delete(client as pg.Client));
  return {
    pool,
    async close() {
      await within(GOODBYE_MS, pool.end()).catch(() => {});
      // A connection to a host that went silent would keep the process alive for minutes.
      for (const client of clients) client.connection.stream.destroy();
    },
  };
}

/**
 * BullMQ's SQL names its tables without a schema. Options in the url itself would win over ours,
 * hence the merging.
 */
function withSchema(url: string): { connectionString: string; options: string } {
  const searchPath = `-c search_path=${DEFAULT_SCHEMA}`;
  const given = new URL(url);
  const options = given.searchParams.get('options');
  if (options === null) return { connectionString: url, options: searchPath };
  given.searchParams.delete('options');
  return { connectionString: given.href, options: `${options} ${searchPath}` };
}
