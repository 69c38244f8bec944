import { Prisma, type Sql } from '../../platform/db/client.ts';

/**
 * A minute is counted once, this long after it was over: then no transaction that ended a delivery in
 * it can still be running, because the pool allows statements half a minute, and half a minute's rest.
 * (Rejected: the number of the transaction, as attempts have it, which would be one more column in
 * every statement that ends a delivery.)
 */
const SETTLING_SECONDS = 120;

/** Counts the deliveries that ended without a success in minutes that are over. */
export async function countEnded(tx: Sql, widths: readonly number[]): Promise<void> {
  await tx.$executeRaw`
    WITH span AS (
      SELECT greatest(ended_until, date_trunc('minute', postrider_now()) - interval '8 days') AS "from",
             date_trunc('minute', postrider_now() - ${SETTLING_SECONDS} * interval '1 second') AS "to"
        FROM overview_fold
    ), ended AS (
      SELECT date_trunc('minute', settled_at) AS minute, merchant_id, status, count(*) AS count
        FROM delivery AS d, span
       WHERE d.status IN ('failed', 'acknowledged', 'cancelled', 'skipped')
         AND d.settled_at >= span."from" AND d.settled_at < span."to" AND d.owner_kind <> 'ping'
       GROUP BY 1, 2, 3
    ), added AS (
      INSERT INTO overview_bucket AS b (merchant_id, bucket_seconds, at, failed, acknowledged,
                                        cancelled, skipped)
      SELECT CASE WHEN GROUPING(e.merchant_id) = 1 THEN '' ELSE e.merchant_id END, w.seconds,
             ${binOf(Prisma.sql`e.minute`, Prisma.sql`w.seconds`)} AS at,
             coalesce(sum(e.count) FILTER (WHERE e.status = 'failed'), 0),
             coalesce(sum(e.count) FILTER (WHERE e.status = 'acknowledged'), 0),
             coalesce(sum(e.count) FILTER (WHERE e.status = 'cancelled'), 0),
             coalesce(sum(e.count) FILTER (WHERE e.status = 'skipped'), 0)
        FROM ended AS e CROSS JOIN unnest(${widths}::int[]) AS w (seconds)
       GROUP BY GROUPING SETS ((2, 3), (2, 3, e.merchant_id))
      HAVING GROUPING(e.merchant_id) = 1 OR e.merchant_id IS NOT NULL
      ON CONFLICT (merchant_id, bucket_seconds, at) DO UPDATE SET
        failed = b.failed + excluded.failed,
        acknowledged = b.acknowledged + excluded.acknowledged,
        cancelled = b.cancelled + excluded.cancelled,
        skipped = b.skipped + excluded.skipped
    )
    UPDATE overview_fold SET ended_until = greatest(ended_until, span."to") FROM span`;
}

/** Forgets buckets that no window shows any more. */
export async function forgetOldBuckets(
  tx: Sql,
  keep: readonly { bucketSeconds: number; keptSeconds: number }[],
): Promise<void> {
  for (const { bucketSeconds, keptSeconds } of keep) {
    const isOld = Prisma.sql`bucket_seconds = ${bucketSeconds}
      AND at < postrider_now() - ${keptSeconds} * interval '1 second'`;
    await tx.$executeRaw`DELETE FROM overview_bucket WHERE ${isOld}`;
    await tx.$executeRaw`DELETE FROM overview_failure WHERE ${isOld}`;
  }
}

/** Whether a minute has become old enough. */
export async function isEndedDue(sql: Sql): Promise<boolean> {
  const [row] = await sql.$queryRaw<{ due: boolean }[]>`
    SELECT ended_until + interval '1 minute'
             <= postrider_now() - ${SETTLING_SECONDS} * interval '1 second' AS due
      FROM overview_fold`;
  return row?.due ?? false;
}

/** The beginning of the bucket in which a time lies; buckets are counted from 1970. */
export function binOf(time: Prisma.Sql, seconds: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`date_bin(${seconds} * interval '1 second', ${time}, timestamptz 'epoch')`;
}
