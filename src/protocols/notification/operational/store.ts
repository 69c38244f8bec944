import { ALERT_INBOX } from '../../../features/accounts/endpoints/alert-inbox.ts';
import type { Sql } from '../../../platform/db/client.ts';
import type { ListeningEndpoint } from '../store/subscribers.ts';

/** Facts of one type about one subject, as they are told together. */
export interface Facts {
  type: string;
  merchantId: string;
  subject: string;
  count: number;
  /** When the last one became true. */
  at: Date;
  /** The first of them, oldest first. */
  first: Record<string, unknown>[];
  last: Record<string, unknown>;
}

/** Groups of facts that one round takes. */
const MOST_GROUPS = 200;
const TOLD_EVERY_MS = 60_000;

/**
 * Whether this transaction alone tells facts until it ends: of several workers one is enough, and no lock is waited
 * for.
 */
export async function mayTell(sql: Sql): Promise<boolean> {
  const [row] = await sql.$queryRaw<{ isOurs: boolean }[]>`
    SELECT pg_try_advisory_xact_lock(hashtextextended('operational facts', 0)) AS "isOurs"`;
  return row?.isOurs ?? false;
}

/** Takes away all facts but those that have to wait because some like them were told within the last minute. */
export async function takeFacts(sql: Sql, mostItems: number): Promise<Facts[]> {
  await sql.$executeRaw`
    DELETE FROM operational_told
     WHERE told_at <= postrider_now() - ${TOLD_EVERY_MS} * interval '1 millisecond'
        -- The clock was ahead, and what was told then would keep all like it back until that time.
        OR told_at > postrider_now()`;
  return sql.$queryRaw<Facts[]>`
    WITH ready AS (
      SELECT f.type, f.merchant_id, f.subject FROM operational_fact AS f
       WHERE NOT EXISTS (SELECT FROM operational_told AS t
                          WHERE t.type = f.type AND t.merchant_id = f.merchant_id AND t.subject = f.subject)
       GROUP BY 1, 2, 3 ORDER BY min(f.id) LIMIT ${MOST_GROUPS}
    ), taken AS (
      DELETE FROM operational_fact AS f USING ready AS r
       WHERE f.type = r.type AND f.merchant_id = r.merchant_id AND f.subject = r.subject
      RETURNING f.*
    ), told AS (
      INSERT INTO operational_told SELECT type, merchant_id, subject, postrider_now() FROM ready
    ), placed AS (
      SELECT t.*, row_number() OVER (PARTITION BY type, merchant_id, subject ORDER BY id) AS place,
             row_number() OVER (PARTITION BY type, merchant_id, subject ORDER BY id DESC) AS from_end
        FROM taken AS t
    )
    SELECT type, merchant_id AS "merchantId", subject, count(*)::int AS count, max(at) AS at,
           json_agg(data ORDER BY id) FILTER (WHERE place <= ${mostItems}) AS first,
           (json_agg(data) FILTER (WHERE from_end = 1)) -> 0 AS last
      FROM placed GROUP BY type, merchant_id, subject ORDER BY min(id)`;
}

/** Notes a fact for operators alone, in the caller's transaction, if any of them has asked for it. */
export async function noteForOperators(
  sql: Sql,
  type: string,
  detail: Record<string, unknown>,
): Promise<void> {
  await sql.$queryRaw`
    SELECT note_fact(${type}, ${ALERT_INBOX}, '', ${JSON.stringify(detail)}::jsonb)::text`;
}

/** Endpoints that have asked for operational events, with these as their `types`. */
export function findSubscribers(sql: Sql, merchantIds: string[]): Promise<ListeningEndpoint[]> {
  return sql.$queryRaw<ListeningEndpoint[]>`
    SELECT id, merchant_id AS "merchantId", url, events AS types, queue FROM endpoint
     WHERE merchant_id = ANY (${merchantIds}) AND events <> '{}' AND deleted_at IS NULL ORDER BY id`;
}
