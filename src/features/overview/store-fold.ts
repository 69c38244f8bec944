import { Prisma, type Sql } from '../../platform/db/client.ts';
import { slotSql } from './histogram.ts';

/** Attempts in one round; a transaction of the recorder is never split. */
const ATTEMPTS_AT_ONCE = 20_000;
/** What is older is in no window. */
const OLDEST = Prisma.sql`postrider_now() - interval '8 days'`;
const NOT_BEGUN = Prisma.sql`next_transaction_number()`;
const ERROR_CHARACTERS = 300;

/** Attempts that are alike: same minute, same owner, same end. */
export interface AttemptCount {
  minute: Date;
  merchantId: string | null;
  endpointId: string | null;
  outcome: string;
  isFirst: boolean;
  latencySlot: number | null;
  /** null: this attempt did not deliver. */
  deliveredInSlot: number | null;
  count: number;
}

/** How an endpoint failed last in a minute. */
export interface LastFailure {
  endpointId: string;
  minute: Date;
  at: Date;
  outcome: string;
  statusCode: number | null;
  error: string | null;
}

export interface BucketRow {
  merchant_id: string;
  bucket_seconds: number;
  at: Date;
  first_attempts: number;
  first_succeeded: number;
  delivered: number;
  outcomes: number[];
  latency: number[];
  delivered_in: number[];
}

export interface FailureRow {
  endpoint_id: string;
  bucket_seconds: number;
  at: Date;
  failures: number;
  last_at: Date;
  last_outcome: string;
  last_status_code: number | null;
  last_error: string | null;
}

/** The transactions whose attempts are to be counted now. */
export interface Range {
  from: string;
  /** Exclusive. */
  to: string;
  /** There is more behind it. */
  isFull: boolean;
}

/**
 * Takes the counting until the transaction ends, and says what is to be counted. @returns null while
 * another process is at it
 */
export async function takeRange(tx: Sql): Promise<Range | null> {
  const [fold] = await tx.$queryRaw<{ from: string }[]>`
    SELECT attempts_xid::text AS from FROM overview_fold FOR UPDATE SKIP LOCKED`;
  if (fold === undefined) return null;
  // A statement of its own: its snapshot is younger than the lock.
  const [range] = await tx.$queryRaw<{ to: string; full: boolean }[]>`
    SELECT greatest(coalesce(next.xid, horizon.xid), ${fold.from}::bigint + (next.xid IS NOT NULL)::int)
             ::text AS to, next.xid IS NOT NULL AS full
      FROM (SELECT feed_horizon() AS xid) AS horizon
      LEFT JOIN LATERAL (
        SELECT created_xid AS xid FROM attempt
         WHERE created_xid >= ${fold.from}::bigint AND created_xid < horizon.xid
         ORDER BY created_xid OFFSET ${ATTEMPTS_AT_ONCE} LIMIT 1) AS next ON true`;
  if (range === undefined) throw new Error('The horizon is gone.');
  return { from: fold.from, to: range.to, isFull: range.full };
}

/** Tests of endpoints are left out: they say nothing of how deliveries fare. */
const counted = ({ from, to }: Range) => Prisma.sql`
  SELECT d.merchant_id, d.endpoint_id, a.outcome, a.status_code, a.error,
         a.cycle = 1 AND a.number = 1 AS is_first, a.duration_ms,
         a.started_at + coalesce(a.duration_ms, 0) * interval '1 millisecond' AS ended_at,
         CASE WHEN d.status = 'delivered' AND a.cycle = d.cycle AND a.number = d.attempt_count
                   -- Else it had arrived before, and nothing came of sending it again.
                   AND (d.arrived_as IS NULL OR a.outcome = 'success')
              THEN extract(epoch FROM d.settled_at - coalesce(d.resent_at, d.accepted_at)) * 1000
         END AS delivered_in_ms
    FROM attempt AS a JOIN delivery AS d ON d.id = a.delivery_id
   WHERE a.created_xid >= ${from}::bigint AND a.created_xid < ${to}::bigint
     AND a.trigger <> 'test' AND a.started_at > ${OLDEST}`;

export async function countAttempts(tx: Sql, range: Range): Promise<AttemptCount[]> {
  return tx.$queryRaw<AttemptCount[]>`
    SELECT date_trunc('minute', ended_at) AS minute, merchant_id AS "merchantId",
           endpoint_id AS "endpointId", outcome,
           is_first AS "isFirst", ${Prisma.raw(slotSql('duration_ms'))} AS "latencySlot",
           ${Prisma.raw(slotSql('delivered_in_ms'))} AS "deliveredInSlot", count(*)::int AS count
      FROM (${counted(range)}) AS c GROUP BY 1, 2, 3, 4, 5, 6, 7`;
}

export async function lastFailures(tx: Sql, range: Range): Promise<LastFailure[]> {
  return tx.$queryRaw<LastFailure[]>`
    SELECT DISTINCT ON (1, 2) endpoint_id AS "endpointId", date_trunc('minute', ended_at) AS minute,
           ended_at AS at, outcome, status_code AS "statusCode",
           left(error, ${ERROR_CHARACTERS}::int) AS error
      FROM (${counted(range)}) AS c
     WHERE outcome <> 'success' AND endpoint_id IS NOT NULL
     ORDER BY 1, 2, ended_at DESC`;
}

export async function addBuckets(tx: Sql, rows: readonly BucketRow[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.$executeRaw`
    INSERT INTO overview_bucket AS b (merchant_id, bucket_seconds, at, first_attempts,
           first_succeeded, delivered, outcomes, latency, delivered_in)
    SELECT * FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS r (
           merchant_id text, bucket_seconds int, at timestamptz, first_attempts bigint,
           first_succeeded bigint, delivered bigint, outcomes bigint[], latency bigint[],
           delivered_in bigint[])
    ON CONFLICT (merchant_id, bucket_seconds, at) DO UPDATE SET
      first_attempts = b.first_attempts + excluded.first_attempts,
      first_succeeded = b.first_succeeded + excluded.first_succeeded,
      delivered = b.delivered + excluded.delivered,
      outcomes = add_counts(b.outcomes, excluded.outcomes),
      latency = add_counts(b.latency, excluded.latency),
      delivered_in = add_counts(b.delivered_in, excluded.delivered_in)`;
}

export async function addFailures(tx: Sql, rows: readonly FailureRow[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.$executeRaw`
    INSERT INTO overview_failure AS f
    SELECT * FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS r (
           endpoint_id text, bucket_seconds int, at timestamptz, failures bigint,
           last_at timestamptz, last_outcome text, last_status_code int, last_error text)
    ON CONFLICT (endpoint_id, bucket_seconds, at) DO UPDATE SET
      failures = f.failures + excluded.failures,
      (last_at, last_outcome, last_status_code, last_error) = (
        SELECT last_at, last_outcome, last_status_code, last_error
          FROM (SELECT f.last_at, f.last_outcome, f.last_status_code, f.last_error
                UNION ALL SELECT excluded.last_at, excluded.last_outcome,
                                 excluded.last_status_code, excluded.last_error) AS both_of
         ORDER BY last_at DESC LIMIT 1)`;
}

/** Moves on, in the transaction that has counted. */
export async function moveOn(tx: Sql, { to }: Range): Promise<void> {
  await tx.$executeRaw`
    UPDATE overview_fold SET
      attempts_xid = ${to}::bigint,
      counted_until = CASE WHEN ${to}::bigint >= mark_xid THEN mark_at ELSE counted_until END,
      mark_xid = CASE WHEN ${to}::bigint >= mark_xid THEN ${NOT_BEGUN} ELSE mark_xid END,
      mark_at = CASE WHEN ${to}::bigint >= mark_xid THEN postrider_now() ELSE mark_at END`;
}

/** As the gateway's clock: where it was set back, or came from another server, counting begins anew. */
export async function rebaseFold(sql: Sql): Promise<void> {
  await sql.$executeRaw`
    UPDATE overview_fold SET attempts_xid = feed_horizon(), mark_xid = 0
     WHERE attempts_xid > ${NOT_BEGUN}`;
}
