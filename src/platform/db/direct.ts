import type pg from 'pg';
import type { Prisma, Sql } from './client.ts';
import { inTransaction } from './transaction.ts';

/** Statements by the pool itself. */
export interface Direct {
  sql: Sql;
  /** Runs in one transaction, which is rolled back when `act` rejects. */
  transaction<T>(act: (sql: Sql) => Promise<T>): Promise<T>;
}

/**
 * Runs raw statements without Prisma, for those with large parameters: Prisma keeps what its last hundred
 * statements were given, for a debugger that nobody has switched on, and a hundred batches of notifications
 * fill a heap. Errors are PostgreSQL's own; a bigint or a numeric in a result is a string, as `pg` has it.
 *
 * @param compose what makes one statement of a template and its values
 * @param nameOf the name under which a statement's plan is kept, if it has one
 */
export function openDirect(pool: pg.Pool, compose: Compose, nameOf: NameOf): Direct {
  return {
    sql: sqlOn(pool, compose, nameOf),
    transaction: (act) => inTransaction(pool, (client) => act(sqlOn(client, compose, nameOf))),
  };
}

export type Compose = (strings: TemplateStringsArray, ...values: unknown[]) => Prisma.Sql;
export type NameOf = (sql: string) => string | undefined;

function sqlOn(target: pg.Pool | pg.ClientBase, compose: Compose, nameOf: NameOf): Sql {
  return sqlBy((query) => target.query(query), compose, nameOf);
}

/** @param ask runs one statement */
export function sqlBy(
  ask: (query: pg.QueryConfig) => Promise<pg.QueryResult>,
  compose: Compose,
  nameOf: NameOf,
): Sql {
  async function run(first: TemplateStringsArray | Prisma.Sql, more: unknown[]) {
    const { text, values } = 'text' in first ? first : compose(first, ...more);
    const name = nameOf(text);
    return ask({ text, values, ...(name !== undefined && { name }) });
  }
  const sql = {
    $queryRaw: async (first: TemplateStringsArray, ...more: unknown[]) =>
      (await run(first, more)).rows,
    $executeRaw: async (first: TemplateStringsArray, ...more: unknown[]) =>
      (await run(first, more)).rowCount ?? 0,
  };
  // Prisma's own promises begin when they are awaited; nobody here relies on that.
  return sql as unknown as Sql;
}
