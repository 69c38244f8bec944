import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import type pg from 'pg';

/** Things that must not be seen, by what they are; looked for in everything the gateway leaves behind. */
export interface Canaries {
  /** Makes a text that stands nowhere else. */
  make(what: string): string;
  /** One made so that it is a signing secret of the given form. */
  makeSecret(what: string): string;
  /** Adds what the gateway made itself: a key, a secret. */
  add(what: string, text: string): void;
  /** What of it all is in a text. */
  foundIn(text: string): string[];
}

const SECRET_PREFIX = 'whsec_';

export function openCanaries(): Canaries {
  const needles: [what: string, text: string][] = [];
  function add(what: string, text: string): void {
    if (text.length < 12) throw new Error(`${what} could be found by chance.`);
    needles.push([what, text]);
    if (!text.startsWith(SECRET_PREFIX)) return;
    // Also without its prefix, and as the bytes that it stands for.
    const base64 = text.slice(SECRET_PREFIX.length);
    const bytes = Buffer.from(base64, 'base64');
    needles.push([what, base64], [what, bytes.toString('hex')], [what, bytes.toString('latin1')]);
  }
  return {
    add,
    make(what) {
      const text = `canary-${what.replaceAll(' ', '-')}-${randomBytes(6).toString('hex')}`;
      add(what, text);
      return text;
    },
    makeSecret(what) {
      const bytes = `canary-${what.replaceAll(' ', '-')}-${randomBytes(12).toString('hex')}`;
      const text = SECRET_PREFIX + Buffer.from(bytes.slice(0, 60)).toString('base64');
      add(what, text);
      return text;
    },
    foundIn: (text) => [
      ...new Set(needles.filter(([, needle]) => text.includes(needle)).map(([what]) => what)),
    ],
  };
}

/** Every value in every table, schema of BullMQ included, as `table.column` and text. */
export async function databaseValues(pool: pg.Pool): Promise<[place: string, text: string][]> {
  const { rows: tables } = await pool.query<{ schema: string; name: string }>(
    `SELECT table_schema AS schema, table_name AS name FROM information_schema.tables
      WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')`,
  );
  const values: [string, string][] = [];
  for (const { schema, name } of tables) {
    const { rows } = await pool.query(`SELECT to_jsonb(t) AS row FROM "${schema}"."${name}" AS t`);
    const table = schema === 'public' ? name : `${schema}.${name}`;
    for (const { row } of rows) {
      for (const [column, value] of Object.entries(row)) {
        if (value === null) continue;
        const text = typeof value === 'string' ? value : JSON.stringify(value);
        values.push([`${table}.${column}`, text]);
      }
    }
  }
  return values;
}

/** Every key of a Redis with all that it holds, whatever its type. */
export async function redisContents(redis: Redis): Promise<string> {
  const texts: string[] = [];
  for (const key of await redis.keys('*')) {
    const type = await redis.type(key);
    texts.push(key, JSON.stringify(await contentOf(redis, key, type)));
  }
  return texts.join('\n');
}

function contentOf(redis: Redis, key: string, type: string): Promise<unknown> {
  switch (type) {
    case 'string':
      return redis.get(key);
    case 'hash':
      return redis.hgetall(key);
    case 'list':
      return redis.lrange(key, 0, -1);
    case 'set':
      return redis.smembers(key);
    case 'zset':
      return redis.zrange(key, '0', '-1', 'WITHSCORES');
    case 'stream':
      return redis.xrange(key, '-', '+') as Promise<unknown>;
    default:
      // It vanished in between.
      return Promise.resolve(null);
  }
}
