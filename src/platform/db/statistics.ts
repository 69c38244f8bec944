import type { Logger } from 'pino';
import type { Database } from './client.ts';

const EVERY_MS = 5_000;
/** A table of fewer new pages is read quickly by any plan. */
const FEWEST_PAGES = 32;

/**
 * Has PostgreSQL look at tables that have doubled since it last did. Its own autovacuum comes once a
 * minute at best; until then the plans made for an empty table stay in use, and those read tables
 * from end to end. One burst of ten thousand notifications in the first minute is enough to feel it.
 *
 * @returns its end
 */
export function startStatistics(parts: { database: Database; log: Logger }): () => Promise<void> {
  let looking: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    looking = looking
      .then(() => analyzeGrownTables(parts.database))
      .catch((error) => parts.log.warn({ err: error }, 'statistics could not be renewed'));
  }, EVERY_MS);
  return () => {
    clearInterval(timer);
    return looking;
  };
}

export async function analyzeGrownTables({ pool }: Pick<Database, 'pool'>): Promise<void> {
  const { rows } = await pool.query<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_class AS c
      WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
        AND pg_relation_size(c.oid) / current_setting('block_size')::int
            > 2 * greatest(c.relpages, 0) + $1`,
    [FEWEST_PAGES],
  );
  if (rows.length === 0) return;
  // Another process may be at it already.
  await pool.query(`ANALYZE (SKIP_LOCKED) ${rows.map(({ name }) => name).join(', ')}`);
}
