import type { Scene } from '../scene.ts';

/** What the database holds, and has written. */
export interface Stored {
  bytes: number;
  walBytes: number;
  tables: ReadonlyMap<string, Table>;
}

interface Table {
  live: number;
  dead: number;
  /** With indexes and TOAST. */
  bytes: number;
  /** Rows that were inserted, updated or deleted since there is the table. */
  changes: number;
}

/** By PostgreSQL's own statistics, which are estimates. */
export async function stored({ sql }: Scene): Promise<Stored> {
  const { rows } = await sql.query<Table & { name: string }>(
    `SELECT relname AS name, n_live_tup::float8 AS live, n_dead_tup::float8 AS dead,
            pg_total_relation_size(relid)::float8 AS bytes,
            (n_tup_ins + n_tup_upd + n_tup_del)::float8 AS changes
       FROM pg_stat_user_tables ORDER BY relname`,
  );
  const { rows: totals } = await sql.query<Omit<Stored, 'tables'>>(
    `SELECT pg_database_size(current_database())::float8 AS bytes,
            (pg_current_wal_lsn() - '0/0'::pg_lsn)::float8 AS "walBytes"`,
  );
  const [total] = totals;
  if (total === undefined) throw new Error('the database told nothing of itself');
  return { ...total, tables: new Map(rows.map(({ name, ...table }) => [name, table])) };
}
