import type { Sql } from '../../../platform/db/client.ts';
import type { Asked } from '../check.ts';

/** What a check-back has to know; `decided`: nothing is left to ask. */
export interface CheckContent extends Asked {
  producerKeyId: string;
  decided: boolean;
}

/** By delivery id. */
export async function findCheckContents(
  sql: Sql,
  deliveryIds: string[],
): Promise<Map<string, CheckContent>> {
  const rows = await sql.$queryRaw<Array<CheckContent & { deliveryId: string }>>`
    SELECT d.id AS "deliveryId", coalesce(m.message_id, m.id) AS "messageId", m.business_key AS "businessKey",
           m.producer_key_id AS "producerKeyId", m.status IN ('confirmed', 'cancelled') AS decided,
           (SELECT count(*)::int FROM attempt AS a WHERE a.delivery_id = d.id) AS before
      FROM delivery AS d JOIN message AS m ON m.id = d.owner_id
     WHERE d.id = ANY (${deliveryIds})`;
  return new Map(rows.map(({ deliveryId, ...content }) => [deliveryId, content]));
}

/** What a delivery of a confirmed message has to know of it. */
export interface Sent {
  messageId: string;
  /** It waits for its consumer's word: how long after a 2xx it is sent again. null: a 2xx is enough. */
  awaitSeconds: number | null;
}

/** By delivery id. */
export async function findSent(sql: Sql, deliveryIds: string[]): Promise<Map<string, Sent>> {
  const rows = await sql.$queryRaw<Array<Sent & { id: string }>>`
    SELECT d.id, coalesce(m.message_id, m.id) AS "messageId",
           CASE WHEN m.completion = 'explicit'
                 AND NOT EXISTS (SELECT 1 FROM message_completion AS c WHERE c.delivery_id = d.id)
                THEN m.complete_after_seconds END AS "awaitSeconds"
      FROM delivery AS d JOIN message AS m ON m.notification_id = d.owner_id
     WHERE d.id = ANY (${deliveryIds})`;
  return new Map(rows.map(({ id, ...sent }) => [id, sent]));
}
