import { Prisma, type Sql } from '../../platform/db/client.ts';

/** For the transaction around a batch: some owners have thousands of attempts, and nobody waits. */
export const REMOVAL = { maxWait: 5_000, timeout: 30_000 };

/** A condition on `delivery AS d`: it has ended before, and no attempt of it is under way. */
export function endedBefore(before: Date): Prisma.Sql {
  return Prisma.sql`(d.settled_at IS NOT NULL AND d.settled_at < ${before} AND d.lease_token IS NULL)`;
}

/**
 * Finds owners that may go: all of their deliveries have ended before, and are locked now until the
 * transaction ends.
 *
 * Deliveries are locked first, waiting for nobody, and judged by a statement that begins after that:
 * who wants to send one again waits for the lock and finds it gone, or was first and keeps it.
 * (Rejected: one statement, whose snapshot is older than its locks, and so does not see a delivery
 * just added to an old notification.)
 *
 * @param which whose deliveries are meant, where ids may be the callers' own: a condition on `delivery AS d`
 * @returns the ids of their deliveries, by owner; those that are not in it stay
 */
export async function lockEnded(
  tx: Sql,
  ownerIds: string[],
  which: Prisma.Sql,
  before: Date,
): Promise<Map<string, string[]>> {
  const theirs = Prisma.sql`d.owner_id = ANY (${ownerIds}) AND ${which}`;
  const locked = await tx.$queryRaw<{ id: string; ownerId: string }[]>`
    SELECT d.id, d.owner_id AS "ownerId" FROM delivery AS d
     WHERE ${theirs} ORDER BY d.id FOR UPDATE SKIP LOCKED`;
  const staying = await tx.$queryRaw<{ ownerId: string }[]>`
    SELECT DISTINCT d.owner_id AS "ownerId" FROM delivery AS d
     WHERE ${theirs}
       AND (d.id <> ALL (${locked.map(({ id }) => id)}::text[]) OR NOT ${endedBefore(before)})`;
  const ended = new Map<string, string[]>(ownerIds.map((ownerId) => [ownerId, []]));
  for (const { ownerId } of staying) ended.delete(ownerId);
  for (const { id, ownerId } of locked) ended.get(ownerId)?.push(id);
  return ended;
}

/** Removes deliveries that the transaction has locked, with their attempts. @returns how many deliveries */
export async function removeDeliveries(tx: Sql, ids: string[]): Promise<number> {
  await tx.$executeRaw`DELETE FROM attempt WHERE delivery_id = ANY (${ids})`;
  return tx.$executeRaw`DELETE FROM delivery WHERE id = ANY (${ids})`;
}
