import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { Prisma, PrismaClient } from './generated/client.ts';
import { statementNames } from './statement-names.ts';

/** What runs SQL: the client, or a transaction of it. */
export type Sql = Pick<PrismaClient, '$queryRaw' | '$executeRaw'>;
export type Transaction = Prisma.TransactionClient;
/** A connection of the pool, for what needs one to itself: a cursor, one snapshot over several looks. */
export type Connection = pg.PoolClient;
export { Prisma };

export interface Database {
  prisma: PrismaClient;
  pool: pg.Pool;
  close(): Promise<void>;
}

const SECOND = 1000;

/**
 * Opens the one pool that Prisma uses. The pool is ours, so that its size, its waits and its
 * gauges are; Prisma's own would wait for a connection without limit.
 *
 * @param url `postgres://…`
 */
export function openDatabase(url: string, options: { maxConnections: number }): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max: options.maxConnections,
    connectionTimeoutMillis: 5 * SECOND,
    idleTimeoutMillis: 30 * SECOND,
    statement_timeout: 30 * SECOND,
    idle_in_transaction_session_timeout: 30 * SECOND,
    application_name: 'postrider',
    keepAlive: true,
  });
  // An idle connection that breaks (a restart of the database) is replaced at the next query;
  // without a listener it would end the process.
  pool.on('error', () => {});
  const nameOf = statementNames();
  const adapter = new PrismaPg(pool, {
    statementNameGenerator: ({ sql }) => nameOf(sql) as string,
  });
  const prisma = new PrismaClient({ adapter });
  return {
    prisma,
    pool,
    async close() {
      await prisma.$disconnect();
      await pool.end();
    },
  };
}
