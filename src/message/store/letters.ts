import type { Sql } from '../../db/client.ts';
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
    SELECT d.id AS "deliveryId", m.id AS "messageId", m.business_key AS "businessKey",
           m.producer_key_id AS "producerKeyId", m.status IN ('confirmed', 'cancelled') AS decided,
           (SELECT count(*)::int FROM attempt AS a WHERE a.delivery_id = d.id) AS before
      FROM delivery AS d JOIN message AS m ON m.id = d.owner_id
     WHERE d.id = ANY (${deliveryIds})`;
  return new Map(rows.map(({ deliveryId, ...content }) => [deliveryId, content]));
}

/**
 * Of these deliveries those whose message waits for the merchant's word: how long after a 2xx they
 * are sent again, in seconds, by delivery id.
 */
export async function findAwaiting(sql: Sql, deliveryIds: string[]): Promise<Map<string, number>> {
  const rows = await sql.$queryRaw<{ id: string; seconds: number }[]>`
    SELECT d.id, m.complete_after_seconds AS seconds
      FROM delivery AS d JOIN message AS m ON m.notification_id = d.owner_id
     WHERE d.id = ANY (${deliveryIds}) AND m.completion = 'explicit'
       AND NOT EXISTS (SELECT 1 FROM message_completion AS c WHERE c.delivery_id = d.id)`;
  return new Map(rows.map(({ id, seconds }) => [id, seconds]));
}
