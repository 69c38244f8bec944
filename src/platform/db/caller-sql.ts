import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { requestCancel } from './cancel.ts';
import type { Sql } from './client.ts';
import { type Compose, type NameOf, sqlBy } from './direct.ts';
import type { SessionClient } from './session-client.ts';

/** A request that comes before its statement has begun ends nothing. */
const CANCEL_AGAIN_MS = 500;

/**
 * Runs statements for a caller who may leave: then PostgreSQL ends the one under way, which it would otherwise
 * work on to the end, for nobody. (Rejected: to close the connection. PostgreSQL does not look whether anybody
 * listens until it has something to say, unless `client_connection_check_interval` is set.)
 *
 * By the pool itself, because Prisma does not say on which connection a statement is. Results are as Prisma has them.
 */
export function openCallerSql(pool: pg.Pool, compose: Compose, nameOf: NameOf) {
  return (signal: AbortSignal): Sql =>
    sqlBy((query) => ask(pool, signal, { ...query, types: TYPES }), compose, nameOf);
}

async function ask(
  pool: pg.Pool,
  signal: AbortSignal,
  query: pg.QueryConfig,
): Promise<pg.QueryResult> {
  const client = await connect(pool, signal);
  let cancelled = Promise.resolve();
  const cancel = () => {
    cancelled = cancelUntil(answered, client as unknown as SessionClient);
  };
  const answered = client.query(query);
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return await answered;
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener('abort', cancel);
    // Not while a request is on its way: it would end what the next one asks.
    void cancelled.then(() => client.release());
  }
}

/** Who leaves while waiting for a connection is rejected at once. */
function connect(pool: pg.Pool, signal: AbortSignal): Promise<pg.PoolClient> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal.reason);
    if (signal.aborted) return leave();
    signal.addEventListener('abort', leave, { once: true });
    pool
      .connect()
      .then((client) => {
        if (signal.aborted) client.release();
        else resolve(client);
      }, reject)
      .finally(() => signal.removeEventListener('abort', leave));
  });
}

async function cancelUntil(answered: Promise<unknown>, client: SessionClient): Promise<void> {
  let isAnswered = false;
  const end = answered.then(
    () => {
      isAnswered = true;
    },
    () => {
      isAnswered = true;
    },
  );
  while (!isAnswered) {
    await requestCancel(client);
    await Promise.race([end, pause(CANCEL_AGAIN_MS, undefined, { ref: false })]);
  }
}

const INT8 = 20;
const INT8_LIST = 1016;
const DATE = 1082;

const readList = pg.types.getTypeParser(INT8_LIST as never) as (text: string) => string[];

/** Where the driver's own reading is another than Prisma's. */
const TYPES: pg.CustomTypesConfig = {
  getTypeParser(id: number, format?: 'text' | 'binary') {
    if (id === INT8) return (text: string) => BigInt(text);
    if (id === INT8_LIST) return (text: string) => readList(text).map(BigInt);
    if (id === DATE) return (text: string) => new Date(`${text}T00:00:00Z`);
    return pg.types.getTypeParser(id, format as 'text');
  },
};
