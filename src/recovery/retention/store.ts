import { type Database, Prisma, type Sql } from '../../db/client.ts';

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

/** How far the removal of a merchant's notifications has come. */
export interface Place {
  acceptedAt: Date;
  id: string;
}

/**
 * Removes a merchant's oldest notifications, with their deliveries and attempts. Those with a delivery
 * that has not ended, is being sent, or ended only lately stay.
 *
 * Deliveries are locked first and judged by a statement that begins after that: who wants to send one
 * again waits for the lock and finds it gone, or was first and keeps it. (Rejected: one statement,
 * whose snapshot is older than its locks, and so does not see a delivery just added to an old
 * notification.)
 *
 * @param before accepted, and ended, before
 * @param after where the last call stopped
 * @returns how many went, and where to go on; null: the end was reached
 */
export async function removeNotifications(
  { prisma }: Database,
  merchantId: string,
  before: Date,
  after: Place,
  limit: number,
): Promise<{ removed: number; next: Place | null }> {
  return prisma.$transaction(async (tx) => {
    const old = await tx.$queryRaw<Place[]>`
      SELECT n.id, n.accepted_at AS "acceptedAt" FROM notification AS n
       WHERE n.merchant_id = ${merchantId} AND n.accepted_at < ${before}
         AND (n.accepted_at, n.id) > (${after.acceptedAt}, ${after.id})
         AND NOT EXISTS (SELECT 1 FROM delivery AS d
                          WHERE d.owner_id = n.id AND NOT ${hasEnded(before)})
       ORDER BY n.accepted_at, n.id LIMIT ${limit}`;
    const ids = old.map(({ id }) => id);
    const locked = await tx.$queryRaw<{ id: string }[]>`
      SELECT d.id FROM delivery AS d WHERE d.owner_id = ANY (${ids})
       ORDER BY d.id FOR UPDATE SKIP LOCKED`;
    const removed = await tx.$executeRaw`
      WITH gone AS MATERIALIZED (
        SELECT n.id FROM unnest(${ids}::text[]) AS n (id)
         WHERE NOT EXISTS (SELECT 1 FROM delivery AS d
                            WHERE d.owner_id = n.id
                              AND (d.id <> ALL (${locked.map(({ id }) => id)}::text[])
                                   OR NOT ${hasEnded(before)}))
      ), attempts AS (
        DELETE FROM attempt AS a USING delivery AS d, gone
         WHERE d.owner_id = gone.id AND a.delivery_id = d.id
      ), deliveries AS (
        DELETE FROM delivery AS d USING gone WHERE d.owner_id = gone.id
      )
      DELETE FROM notification AS n USING gone WHERE n.id = gone.id`;
    return { removed, next: old.length < limit ? null : (old.at(-1) ?? null) };
  });
}

/** Removes the oldest deliveries of endpoint tests, which belong to no notification. */
export async function removePings(sql: Sql, before: Date, limit: number): Promise<number> {
  return sql.$executeRaw`
    WITH gone AS MATERIALIZED (
      SELECT d.id FROM delivery AS d
       WHERE d.owner_kind = 'ping' AND d.accepted_at < ${before} AND ${hasEnded(before)}
       ORDER BY d.accepted_at LIMIT ${limit} FOR UPDATE SKIP LOCKED
    ), attempts AS (
      DELETE FROM attempt AS a USING gone WHERE a.delivery_id = gone.id
    )
    DELETE FROM delivery AS d USING gone WHERE d.id = gone.id`;
}

function hasEnded(before: Date): Prisma.Sql {
  return Prisma.sql`(d.settled_at IS NOT NULL AND d.settled_at < ${before} AND d.lease_token IS NULL)`;
}
