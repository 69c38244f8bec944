import { type Database, Prisma, type Sql } from '../../platform/db/client.ts';
import type { Protocols } from '../protocol.ts';
import { settleTelling } from '../settle-telling.ts';

type Client = Database['prisma'];

interface Overdue {
  id: string;
  deadline_at: Date;
}

/** In the words of the index that is meant for it. */
const OVERDUE = Prisma.sql`d.status = 'pending' AND d.settled_at IS NULL AND d.deadline_at <= postrider_now()`;

/** Transactions at once where each delivery gets its own: they must not take the whole pool. */
const ONE_BY_ONE = 5;

/**
 * Ends what has waited past its deadline, in one commit. Where that fails, everything overdue is tried
 * one by one, so that what cannot be ended, or whose owner cannot take it, holds nothing else back.
 *
 * @returns how many there were in one commit
 * @throws the first error, once everything else has ended
 */
export async function expireOverdue(
  prisma: Client,
  protocols: Protocols,
  limit: number,
): Promise<number> {
  try {
    return await expireTogether(prisma, protocols, Prisma.empty, limit);
  } catch (error) {
    await expireEach(prisma, protocols, limit);
    throw error;
  }
}

async function expireTogether(
  prisma: Client,
  protocols: Protocols,
  only: Prisma.Sql,
  limit: number,
): Promise<number> {
  const which = Prisma.sql`${OVERDUE} ${only}`;
  const end = { status: 'failed', reason: 'deadline_passed' } as const;
  return (await settleTelling(prisma, protocols, which, ['pending'], end, limit)).length;
}

async function expireEach(prisma: Client, protocols: Protocols, limit: number): Promise<void> {
  let last: Overdue | undefined;
  do {
    const page: Overdue[] = await findOverdue(prisma, last, limit);
    last = page.length === limit ? page.at(-1) : undefined;
    while (page.length > 0) {
      // What fails is found again by the next sweep; why it fails, the caller has an example of.
      await Promise.allSettled(
        page
          .splice(0, ONE_BY_ONE)
          .map(({ id }) => expireTogether(prisma, protocols, Prisma.sql`AND d.id = ${id}`, 1)),
      );
    }
  } while (last !== undefined);
}

/** A page in the order of deadlines, behind `after`: what could not be ended is not found twice. */
function findOverdue(sql: Sql, after: Overdue | undefined, limit: number): Promise<Overdue[]> {
  const behind =
    after === undefined
      ? Prisma.empty
      : Prisma.sql`AND (d.deadline_at, d.id) > (${after.deadline_at}::timestamptz, ${after.id})`;
  return sql.$queryRaw<Overdue[]>`
    SELECT d.id, d.deadline_at FROM delivery AS d
     WHERE ${OVERDUE} ${behind}
     ORDER BY d.deadline_at, d.id LIMIT ${limit}`;
}
