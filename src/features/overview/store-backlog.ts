import { OPEN } from '../../engine/store/conditions.ts';
import { Prisma, type Sql } from '../../platform/db/client.ts';

/** What is counted at the most; beyond it a number is no help any more. */
export const MOST_COUNTED = 500_000;

export interface QueueBacklog {
  queue: string;
  waiting: number;
  due: number;
  held: number;
  oldestDueAt: Date | null;
  /** Now, by the same clock. */
  at: Date;
}

/**
 * What waits, queue by queue: bounded, and from an index alone. A merchant's is found among what of
 * his is undelivered.
 *
 * Held is what its receiver holds back: paused, disabled, behind an open circuit, not to start before a
 * time, or at work on something. Who is at work gets the next one when that ends, whether one at a time
 * is a limit, a circuit's probe or an allowance; that nobody works at all is for the rest to tell.
 */
export async function readBacklog(sql: Sql, merchantId: string | null): Promise<QueueBacklog[]> {
  const counted =
    merchantId === null
      ? Prisma.sql`SELECT queue, receiver_id, due_at FROM delivery WHERE status = 'pending'
                    LIMIT ${MOST_COUNTED}`
      : Prisma.sql`SELECT queue, receiver_id, due_at FROM (
                     SELECT queue, receiver_id, due_at, status FROM delivery
                      WHERE merchant_id = ${merchantId}
                        AND status IN (${OPEN})
                      ORDER BY created_xid DESC LIMIT ${MOST_COUNTED}) AS undelivered
                    WHERE status = 'pending'`;
  return sql.$queryRaw<QueueBacklog[]>`
    WITH waiting AS (
      SELECT queue, receiver_id, count(*) AS waiting,
             count(*) FILTER (WHERE due_at <= postrider_now()) AS due, min(due_at) AS oldest
        FROM (${counted}) AS counted GROUP BY 1, 2
    ), judged AS (
      -- Times that are null are of long ago: a verdict of null would be neither held nor due.
      SELECT w.*, r.paused_at IS NOT NULL OR r.disabled_reason IS NOT NULL
                  OR greatest(r.open_until, r.next_start_at, '-infinity') > postrider_now()
                  OR EXISTS (SELECT FROM delivery AS b
                              WHERE b.receiver_id = w.receiver_id AND b.lease_token IS NOT NULL
                                AND b.lease_until > postrider_now()) AS held
        FROM waiting AS w JOIN receiver AS r ON r.id = w.receiver_id
    )
    SELECT queue, sum(waiting)::float8 AS waiting,
           coalesce(sum(due) FILTER (WHERE NOT held), 0)::float8 AS due,
           coalesce(sum(due) FILTER (WHERE held), 0)::float8 AS held,
           min(oldest) FILTER (WHERE NOT held AND oldest <= postrider_now()) AS "oldestDueAt",
           postrider_now() AS at
      FROM judged GROUP BY 1 ORDER BY 1`;
}
