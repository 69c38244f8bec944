import type { Database, Transaction } from '../../platform/db/client.ts';
import { isStatementTimeout } from '../../platform/db/database-error.ts';
import { matching, type StoredFilter } from './store-filter.ts';

export interface Count {
  /** The moment for which it holds, by the database's clock. */
  at: Date;
  /** At most `limit` + 1. */
  matched: number;
}

const SECOND = 1000;
/** A count that takes longer is given up: it is to be answered at once, whatever the table's size. */
const COUNT_MS = 10 * SECOND;

/**
 * Counts exactly what a filter finds now, within ten seconds and up to `limit`; then goes on in the
 * same transaction.
 *
 * @returns null where the time was not enough
 */
export async function countMatching<T>(
  { prisma }: Database,
  filter: StoredFilter,
  limit: number,
  goOn: (tx: Transaction, count: Count) => Promise<T>,
): Promise<T | null> {
  try {
    return await prisma.$transaction(
      async (tx) => {
        const [clock] = await tx.$queryRaw<{ at: Date }[]>`
          SELECT postrider_now() AS at, set_config('statement_timeout', ${String(COUNT_MS)}, true)`;
        if (clock === undefined) throw new Error('the database has no clock');
        const [row] = await tx.$queryRaw<{ matched: number }[]>`
          SELECT count(*)::int AS matched
            FROM (SELECT 1 FROM delivery AS d WHERE ${matching(filter, clock.at)}
                   LIMIT ${limit + 1}) AS found`;
        return goOn(tx, { at: clock.at, matched: row?.matched ?? 0 });
      },
      { maxWait: 5 * SECOND, timeout: 2 * COUNT_MS },
    );
  } catch (error) {
    if (isStatementTimeout(error)) return null;
    throw error;
  }
}
