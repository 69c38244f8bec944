import { PrismaPg } from '@prisma/adapter-pg';
import type pg from 'pg';
import { openCallerSql } from './caller-sql.ts';
import { type Direct, openDirect } from './direct.ts';
import { Prisma, PrismaClient } from './generated/client.ts';
import { openPool } from './pool.ts';
import type { DatabaseServer } from './server.ts';
import { DEFAULT_LIMITS, type SessionLimits } from './session.ts';
import { statementNames } from './statement-names.ts';

/** What runs SQL: the client, or a transaction of it. */
export type Sql = Pick<PrismaClient, '$queryRaw' | '$executeRaw'>;
export type Transaction = Prisma.TransactionClient;
/** A connection of the pool, for what needs one to itself: a cursor, one snapshot over several looks. */
export type Connection = pg.PoolClient;
export { Prisma };

export interface Database {
  prisma: PrismaClient;
  /** For statements with large parameters. */
  direct: Direct;
  /** For what a caller waits for: a statement ends when `signal` is aborted, and rejects with its reason. */
  sqlUntil(signal: AbortSignal): Sql;
  pool: pg.Pool;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  maxConnections: number;
  /** What the connections are for, as `pg_stat_activity` shows it. */
  name?: string;
  limits?: SessionLimits;
  /** Told of connections that went silent. */
  report?: (error: Error) => void;
}

const SECOND = 1000;
const CLOSING_MS = 10 * SECOND;
/** Prisma's own 2 s and 5 s are less than a busy machine takes; PostgreSQL's limits come first. */
const TRANSACTIONS = { maxWait: 10 * SECOND, timeout: 60 * SECOND };

/**
 * Opens a pool that Prisma uses. The pool is ours, so that its size, its waits and its gauges are, and so
 * that every connection is pinned to what the SQL relies on; Prisma's own would wait for a connection
 * without limit.
 */
export function openDatabase(server: DatabaseServer, options: DatabaseOptions): Database {
  const { limits = DEFAULT_LIMITS, report = () => {}, name = 'postrider' } = options;
  const waitMs = 5 * SECOND;
  const { maxConnections } = options;
  const { pool, close } = openPool(server, { name, maxConnections, limits, waitMs, report });
  // Behind a pooler a statement has no name after all: see pooledClient.
  const nameOf = statementNames();
  const adapter = new PrismaPg(pool, {
    statementNameGenerator: ({ sql }) => nameOf(sql) as string,
  });
  const prisma = new PrismaClient({ adapter, transactionOptions: TRANSACTIONS });
  return {
    prisma,
    direct: openDirect(pool, Prisma.sql, nameOf),
    sqlUntil: openCallerSql(pool, Prisma.sql, nameOf),
    pool,
    async close() {
      await prisma.$disconnect();
      await close(CLOSING_MS);
    },
  };
}
