import type { Outcome } from '../../engine/delivery.ts';
import { Prisma, type Sql } from '../../platform/db/client.ts';
import { binOf } from './store-ended.ts';
import { ALL_MERCHANTS } from './tally.ts';

/** A bucket as it is stored; those in which nothing happened are not. */
export interface BucketCounts {
  at: Date;
  firstAttempts: number;
  firstSucceeded: number;
  delivered: number;
  failed: number;
  acknowledged: number;
  cancelled: number;
  skipped: number;
  outcomes: number[];
  latency: number[];
  deliveredIn: number[];
}

export interface Failing {
  id: string;
  merchantId: string;
  url: string;
  failures: number;
  lastFailedAt: Date;
  lastOutcome: Outcome;
  lastStatusCode: number | null;
  lastError: string | null;
  pausedAt: Date | null;
  disabledReason: string | null;
  openUntil: Date | null;
}

export interface Span {
  bucketSeconds: number;
  from: Date;
  to: Date;
  countedUntil: Date;
}

/** The window that ends with the bucket in which we are. */
export async function readSpan(sql: Sql, bucketSeconds: number, buckets: number): Promise<Span> {
  const [row] = await sql.$queryRaw<Omit<Span, 'bucketSeconds'>[]>`
    SELECT ${binOf(Prisma.sql`postrider_now()`, Prisma.sql`${bucketSeconds}::int`)}
             - ${bucketSeconds * (buckets - 1)} * interval '1 second' AS "from",
           postrider_now() AS "to", counted_until AS "countedUntil"
      FROM overview_fold`;
  if (row === undefined) throw new Error('overview_fold has no row.');
  return { bucketSeconds, ...row };
}

/** At most as many rows as the window has buckets. @param merchantId null: all */
export async function readBuckets(
  sql: Sql,
  merchantId: string | null,
  { bucketSeconds, from }: Span,
): Promise<BucketCounts[]> {
  return sql.$queryRaw<BucketCounts[]>`
    SELECT at, first_attempts::float8 AS "firstAttempts", first_succeeded::float8 AS "firstSucceeded",
           delivered::float8 AS delivered, failed::float8 AS failed, skipped::float8 AS skipped,
           acknowledged::float8 AS acknowledged, cancelled::float8 AS cancelled,
           to_jsonb(outcomes) AS outcomes, to_jsonb(latency) AS latency,
           to_jsonb(delivered_in) AS "deliveredIn"
      FROM overview_bucket
     WHERE merchant_id = ${merchantId ?? ALL_MERCHANTS} AND bucket_seconds = ${bucketSeconds}
       AND at >= ${from}
     ORDER BY at`;
}

/** Endpoints with the most failures; deleted ones have no more. */
export async function readFailing(
  sql: Sql,
  merchantId: string | null,
  { bucketSeconds, from }: Span,
  limit: number,
): Promise<Failing[]> {
  const isTheirs =
    merchantId === null ? Prisma.sql`true` : Prisma.sql`e.merchant_id = ${merchantId}`;
  return sql.$queryRaw<Failing[]>`
    WITH worst AS MATERIALIZED (
      SELECT f.endpoint_id, sum(f.failures)::float8 AS failures
        FROM overview_failure AS f JOIN endpoint AS e ON e.id = f.endpoint_id
       WHERE f.bucket_seconds = ${bucketSeconds} AND f.at >= ${from}
         AND e.deleted_at IS NULL AND ${isTheirs}
       GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ${limit}
    )
    SELECT e.id, e.merchant_id AS "merchantId", e.url, w.failures,
           l.last_at AS "lastFailedAt", l.last_outcome AS "lastOutcome",
           l.last_status_code AS "lastStatusCode", l.last_error AS "lastError",
           r.paused_at AS "pausedAt", r.disabled_reason AS "disabledReason",
           r.open_until AS "openUntil"
      FROM worst AS w
      JOIN endpoint AS e ON e.id = w.endpoint_id
      JOIN receiver AS r ON r.id = w.endpoint_id
      CROSS JOIN LATERAL (
        SELECT * FROM overview_failure AS f
         WHERE f.endpoint_id = w.endpoint_id AND f.bucket_seconds = ${bucketSeconds}
         ORDER BY f.at DESC LIMIT 1) AS l
     ORDER BY w.failures DESC, e.id`;
}
