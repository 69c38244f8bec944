import { endedBefore, lockEnded, REMOVAL, removeDeliveries } from '../../engine/store/remove.ts';
import {
  type Place,
  placeAfter,
  type Removal,
  removeAlong,
} from '../../platform/db/batch-delete.ts';
import { type Database, Prisma, type Sql } from '../../platform/db/client.ts';

/** The right to remove, for one process at a time. */
export interface Lease {
  token: string;
  /** Of all UTC days before there are statements. */
  keptFrom: Date;
  /** What was accepted before may go: the beginning of a UTC day. */
  cutoff: Date;
}

const LEASE_MINUTES = 10;

/** @returns null while another process is at it */
export async function takeLease(sql: Sql, retentionDays: number): Promise<Lease | null> {
  const [lease] = await sql.$queryRaw<Lease[]>`
    UPDATE retention
       SET lease_token = gen_random_uuid(),
           lease_until = postrider_now() + ${LEASE_MINUTES} * interval '1 minute'
     WHERE lease_until IS NULL OR lease_until <= postrider_now()
    RETURNING lease_token::text AS token, kept_from AS "keptFrom",
      date_trunc('day', postrider_now() AT TIME ZONE 'UTC' - ${retentionDays} * interval '1 day')
        AT TIME ZONE 'UTC' AS cutoff`;
  return lease ?? null;
}

export async function releaseLease(sql: Sql, { token }: Lease): Promise<void> {
  await sql.$executeRaw`
    UPDATE retention SET lease_token = NULL, lease_until = NULL WHERE lease_token = ${token}::uuid`;
}

/** The UTC day of the oldest notification in between, whoever's it is. Merchant by merchant, as the
 * index has it, so that the work grows with the merchants and not with the notifications. */
export async function findOldestDay(sql: Sql, from: Date, to: Date): Promise<string | null> {
  const [row] = await sql.$queryRaw<{ date: string | null }[]>`
    SELECT (min(oldest.accepted_at) AT TIME ZONE 'UTC')::date::text AS date
      FROM merchant AS m CROSS JOIN LATERAL (
        SELECT accepted_at FROM notification
         WHERE merchant_id = m.id AND accepted_at >= ${from} AND accepted_at < ${to}
         ORDER BY accepted_at LIMIT 1) AS oldest`;
  return row?.date ?? null;
}

/** Merchants with notifications in between. */
export async function findMerchants(sql: Sql, from: Date, to: Date): Promise<string[]> {
  const rows = await sql.$queryRaw<{ id: string }[]>`
    SELECT m.id FROM merchant AS m
     WHERE EXISTS (SELECT 1 FROM notification
                    WHERE merchant_id = m.id AND accepted_at >= ${from} AND accepted_at < ${to})
     ORDER BY m.id`;
  return rows.map(({ id }) => id);
}

/** From now on statements of earlier days are read from what was kept, never from notifications. */
export async function advance(sql: Sql, keptFrom: Date): Promise<void> {
  await sql.$executeRaw`UPDATE retention SET kept_from = greatest(kept_from, ${keptFrom})`;
}

/**
 * Removes a merchant's notifications, with their deliveries and attempts; what else hangs on them goes
 * by their foreign keys. Those with a delivery that has not ended, is being sent, or ended only lately
 * stay.
 *
 * @param before accepted, and ended, before
 */
export function removeNotifications(
  { prisma }: Database,
  merchantId: string,
  before: Date,
  limit: number,
): Removal {
  return removeAlong((after) =>
    prisma.$transaction(async (tx) => {
      // Not EXISTS: the planner would hash all deliveries that there are, for a hundred notifications.
      const old = await tx.$queryRaw<Place[]>`
        SELECT n.id, n.accepted_at AS at FROM notification AS n
         WHERE n.merchant_id = ${merchantId} AND n.accepted_at < ${before}
           AND (n.accepted_at, n.id) > (${after.at}, ${after.id})
           AND (SELECT true FROM delivery AS d
                 WHERE d.owner_id = n.id AND NOT ${endedBefore(before)} LIMIT 1) IS NULL
         ORDER BY n.accepted_at, n.id LIMIT ${limit}`;
      const ids = old.map(({ id }) => id);
      const ended = await lockEnded(tx, ids, Prisma.sql`d.purpose = 'notify'`, before);
      await removeDeliveries(tx, [...ended.values()].flat());
      const removed = await tx.$executeRaw`
        DELETE FROM notification WHERE id = ANY (${[...ended.keys()]})`;
      return { removed, next: placeAfter(old, limit) };
    }, REMOVAL),
  );
}
