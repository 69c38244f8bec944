import { createDeliveries, type NewDelivery } from '../../../engine/store/create.ts';
import { Prisma, type Sql } from '../../../platform/db/client.ts';

/** A message to be stored. */
export interface NewMessage {
  /** Ours. */
  id: string;
  /** What its producer calls it; null: by `id`. Unique among the producer's. */
  messageId: string | null;
  producerKeyId: string;
  merchantId: string;
  type: string;
  businessKey: string;
  eventId: string | null;
  /** JSON: the notification without its payload. */
  input: string;
  /** JSON, byte for byte. */
  payload: string;
  fingerprint: string;
  checkUrl: string;
  checkAfterSeconds: number;
  completion: 'explicit' | 'http';
  completeAfterSeconds: number;
}

/** When the first check-back of a new message is due. */
export interface CheckDue {
  id: string;
  queue: string;
  dueAtMs: number;
  waitMs: number;
}

/**
 * Stores a message and the delivery that will ask back for it: one statement, one commit.
 *
 * @returns null where the producer has a message of this id already, or there is one of this event
 */
export async function insertMessage(
  sql: Sql,
  m: NewMessage,
  check: NewDelivery,
): Promise<CheckDue | null> {
  const rows = await sql.$queryRaw<{ id: string; queue: string; due_at: Date; wait_ms: number }[]>`
    WITH inserted AS (
      INSERT INTO message (id, message_id, producer_key_id, merchant_id, type, business_key, event_id, input,
          payload, fingerprint, check_url, check_after_seconds, completion, complete_after_seconds)
      VALUES (${m.id}, ${m.messageId}, ${m.producerKeyId}, ${m.merchantId}, ${m.type}, ${m.businessKey}, ${m.eventId},
          ${m.input}::jsonb, ${m.payload}::json, ${m.fingerprint}, ${m.checkUrl},
          ${m.checkAfterSeconds}::int, ${m.completion}, ${m.completeAfterSeconds}::int)
      ON CONFLICT DO NOTHING
      RETURNING id
    ), ${createDeliveries([check], Prisma.sql`SELECT id FROM inserted`)}
    SELECT id, queue, due_at,
           extract(epoch FROM due_at - postrider_now())::double precision * 1000 AS wait_ms
      FROM created`;
  const [row] = rows;
  return row === undefined
    ? null
    : { id: row.id, queue: row.queue, dueAtMs: row.due_at.getTime(), waitMs: row.wait_ms };
}

/** The message that took the id or, failing that, the event. */
export interface EarlierMessage {
  id: string;
  /** Whether it is the producer's own of that id. */
  isNamed: boolean;
  producerKeyId: string;
  fingerprint: string;
}

export async function findEarlierMessage(
  sql: Sql,
  { id, messageId, producerKeyId, merchantId, eventId }: NewMessage,
): Promise<EarlierMessage | null> {
  const name = messageId ?? id;
  // Those of before have their name as their primary key.
  const isNamed = Prisma.sql`(producer_key_id = ${producerKeyId} AND (id = ${name} OR message_id = ${name}))`;
  const rows = await sql.$queryRaw<EarlierMessage[]>`
    SELECT id, producer_key_id AS "producerKeyId", fingerprint, ${isNamed} AS "isNamed" FROM message
     WHERE ${isNamed}
        OR (merchant_id = ${merchantId} AND event_id = ${eventId} AND status <> 'cancelled')
     ORDER BY 4 DESC LIMIT 1`;
  return rows[0] ?? null;
}

/** Whether a notification has brought this event already. */
export async function eventIsTaken(
  sql: Sql,
  { merchantId, eventId }: NewMessage,
): Promise<boolean> {
  const [row] = await sql.$queryRaw<{ taken: boolean }[]>`
    SELECT EXISTS (SELECT 1 FROM notification
                    WHERE merchant_id = ${merchantId} AND event_id = ${eventId}) AS taken`;
  return row?.taken ?? false;
}
