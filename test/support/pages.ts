import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { type Database, Prisma, type Sql } from '../../src/platform/db/client.ts';

/** PostgreSQL plans for the values at hand, or keeps one plan for all: which one is its own choice. */
export const PLAN_MODES = ['force_custom_plan', 'force_generic_plan'] as const;

interface Reading {
  /** Pages of tables and indexes that all statements together looked at, cached or not. */
  pages: number;
  /** Of those what the last statement looked at. */
  pagesOfLast: number;
  /** Rows that the last statement answered. */
  answered: number;
}

interface Plan {
  'Shared Hit Blocks': number;
  'Shared Read Blocks': number;
}

/**
 * Runs what a store does and counts the pages it reads: what a statement reads is the same on every
 * machine, what it takes is not.
 */
export async function readingOf(
  { pool, prisma }: Database,
  mode: (typeof PLAN_MODES)[number],
  ask: (sql: Sql) => Promise<unknown>,
): Promise<Reading> {
  const client = await pool.connect();
  const reading: Reading = { pages: 0, pagesOfLast: 0, answered: 0 };
  const $queryRaw = async (strings: TemplateStringsArray, ...values: unknown[]) => {
    const { text, values: bound } = Prisma.sql(strings, ...values);
    const plan = await explain(client, text, bound);
    reading.pagesOfLast = plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
    reading.pages += reading.pagesOfLast;
    const rows = await prisma.$queryRaw<unknown[]>(strings, ...values);
    reading.answered = rows.length;
    return rows;
  };
  try {
    await client.query(`SET plan_cache_mode = ${mode}`);
    await ask({ $queryRaw } as unknown as Sql);
  } finally {
    await client.query('RESET plan_cache_mode');
    client.release();
  }
  return reading;
}

/** As a prepared statement, because only that has a kept plan; its arguments are literals then. */
export async function explain(client: pg.PoolClient, text: string, bound: unknown[]) {
  // Of its own: several may be under way.
  const name = `asked_${randomUUID().replaceAll('-', '')}`;
  await client.query(`PREPARE ${name} AS ${text}`);
  try {
    const args = bound.length === 0 ? '' : `(${bound.map(literal).join(', ')})`;
    const { rows } = await client.query(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE ${name}${args}`,
    );
    return rows[0]['QUERY PLAN'][0].Plan as Plan;
  } finally {
    await client.query(`DEALLOCATE ${name}`);
  }
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  if (value instanceof Date) return quoted(value.toISOString());
  if (Array.isArray(value)) {
    const items = value.map((each) => (each === null ? 'NULL' : JSON.stringify(String(each))));
    return quoted(`{${items.join(',')}}`);
  }
  return quoted(String(value));
}

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
