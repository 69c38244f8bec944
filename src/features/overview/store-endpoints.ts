import type { Outcome } from '../../engine/delivery.ts';
import type { Sql } from '../../platform/db/client.ts';
import type { Span } from './store-read.ts';
import { ENDPOINT_SCOPE } from './tally.ts';

/** What was attempted at an endpoint, and how it failed last. */
export interface EndpointCounts {
  id: string;
  attempts: number;
  failures: number;
  lastFailedAt: Date | null;
  lastOutcome: Outcome | null;
  lastStatusCode: number | null;
  lastError: string | null;
}

/** All endpoints of a merchant, whether anything was sent to them or not. @returns null: no merchant */
export async function readEndpointCounts(
  sql: Sql,
  merchantId: string,
  { bucketSeconds, from }: Span,
): Promise<EndpointCounts[] | null> {
  const rows = await sql.$queryRaw<(Omit<EndpointCounts, 'id'> & { id: string | null })[]>`
    SELECT e.id, c.attempts, c.failures, l.last_at AS "lastFailedAt",
           l.last_outcome AS "lastOutcome", l.last_status_code AS "lastStatusCode",
           l.last_error AS "lastError"
      FROM merchant AS m
      LEFT JOIN endpoint AS e ON e.merchant_id = m.id AND e.deleted_at IS NULL
      CROSS JOIN LATERAL (
        SELECT coalesce(sum(n), 0)::float8 AS attempts,
               coalesce(sum(n) FILTER (WHERE place > 1), 0)::float8 AS failures
          FROM overview_bucket AS b, unnest(b.outcomes) WITH ORDINALITY AS u (n, place)
         WHERE b.merchant_id = ${ENDPOINT_SCOPE} || e.id AND b.bucket_seconds = ${bucketSeconds}
           AND b.at >= ${from}) AS c
      LEFT JOIN LATERAL (
        SELECT * FROM overview_failure AS f
         WHERE f.endpoint_id = e.id AND f.bucket_seconds = ${bucketSeconds} AND f.at >= ${from}
         ORDER BY f.at DESC LIMIT 1) AS l ON true
     WHERE m.id = ${merchantId}
     ORDER BY e.id DESC`;
  if (rows.length === 0) return null;
  return rows.flatMap(({ id, ...counts }) => (id === null ? [] : [{ id, ...counts }]));
}
