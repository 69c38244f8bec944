import type { NotifyProducer } from '../../../api/notify-producer.ts';
import { createDeliveries, type NewDelivery } from '../../../engine/store/create.ts';
import type { Floors } from '../../../engine/store/floors.ts';
import { Prisma, type Sql } from '../../../platform/db/client.ts';
import type { DeliverySummary } from '../contract.ts';

/** A notification to be stored. Its body is `head` + the time it occurred + `tail`, byte for byte. */
export interface NewNotification {
  id: string;
  merchantId: string;
  type: string;
  businessKey: string;
  eventId: string | null;
  queue: string;
  notifyUrl: string | null;
  notifyProducer: NotifyProducer | null;
  /** null: when it is accepted, by the database's clock. */
  occurredAt: string | null;
  resultStatus: string | null;
  resultVersion: number;
  resultAmount: string | null;
  resultCurrency: string | null;
  head: string;
  tail: string;
  fingerprint: string;
  producerKeyId: string;
  deliveries: NewDelivery[];
}

/** A delivery as it was made. */
type CreatedDelivery = Pick<
  DeliverySummary,
  'id' | 'status' | 'reason' | 'nextAttemptAt' | 'deadlineAt'
> & {
  /** Until it is due; null: never. */
  waitMs: number | null;
  /** Many wait at its receiver already. */
  crowded: boolean;
  /** The oldest that was due there and new before it; null: there was none. */
  oldestMs: number | null;
};

/** What the statement adds to what was already known. */
export interface Inserted {
  id: string;
  acceptedAt: string;
  occurredAt: string;
  deliveries: Array<CreatedDelivery>;
}

/**
 * Stores notifications and their deliveries: one statement, one commit, however many.
 *
 * A notification whose event or id is already there is left out, with its deliveries; it is not in
 * the answer. Of several with the same event the first is stored.
 */
export async function insertNotifications(
  sql: Sql,
  notifications: NewNotification[],
  floors: Floors | null = null,
): Promise<Map<string, Inserted>> {
  const deliveries = notifications.flatMap((notification) => notification.deliveries);
  const rows = await sql.$queryRaw<
    Array<
      Omit<Inserted, 'acceptedAt' | 'occurredAt'> & {
        accepted: Date;
        occurred: Date;
      }
    >
  >`
    WITH input AS (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(notifications.map(toRow))}::jsonb) AS i (
        id text, merchant_id text, type text, business_key text, event_id text, queue text,
        notify_url text, occurred_at timestamptz, result_status text, result_version bigint,
        result_amount numeric, result_currency text, head text, tail text, fingerprint text,
        producer_key_id text, notify_producer jsonb, place int)
    ), inserted AS (
      INSERT INTO notification (id, merchant_id, type, business_key, event_id, queue, notify_url,
          occurred_at, accepted_at, result_status, result_version, result_amount, result_currency,
          body, fingerprint, producer_key_id, notify_producer)
      SELECT id, merchant_id, type, business_key, event_id, queue, notify_url,
             coalesce(occurred_at, postrider_now()), postrider_now(), result_status, result_version,
             result_amount, result_currency,
             (head || to_char(coalesce(occurred_at, postrider_now()) AT TIME ZONE 'UTC',
                              'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || tail)::json,
             fingerprint, producer_key_id, CASE WHEN jsonb_typeof(notify_producer) = 'object' THEN notify_producer END
        FROM input
       -- In one order, so that two batches with the same events never wait for each other; of those
       -- with the same event the first that came wins.
       ORDER BY merchant_id, event_id, CASE WHEN event_id IS NULL THEN id END, place
      ON CONFLICT DO NOTHING
      RETURNING id, accepted_at, occurred_at
    ), ${createDeliveries(deliveries, Prisma.sql`SELECT id FROM inserted`, undefined, floors)}
    SELECT i.id, i.accepted_at AS accepted, i.occurred_at AS occurred,
           (SELECT json_agg(json_build_object('id', c.id, 'status', c.status, 'reason', c.reason,
                     'nextAttemptAt', to_char(c.due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                     'deadlineAt', to_char(c.deadline_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                     'waitMs', extract(epoch FROM c.due_at - postrider_now()) * 1000,
                     'crowded', coalesce(w.crowded, false),
                     'oldestMs', extract(epoch FROM w.oldest) * 1000)
                     ORDER BY c.id)
              FROM created AS c
              LEFT JOIN crowd AS w ON w.queue = c.queue AND w.receiver_id = c.receiver_id
             WHERE c.owner_id = i.id) AS deliveries
      FROM inserted AS i`;
  if (floors !== null) noteOldest(floors, deliveries, rows);
  return new Map(
    rows.map(({ id, accepted, occurred, deliveries }) => [
      id,
      { id, acceptedAt: accepted.toISOString(), occurredAt: occurred.toISOString(), deliveries },
    ]),
  );
}

function noteOldest(
  floors: Floors,
  wanted: readonly NewDelivery[],
  rows: readonly { accepted: Date; deliveries: CreatedDelivery[] | null }[],
): void {
  const byId = new Map(wanted.map((each) => [each.id, each]));
  for (const { accepted, deliveries } of rows) {
    for (const { id, oldestMs } of deliveries ?? []) {
      const { queue, receiverId = null } = byId.get(id) ?? {};
      if (queue === undefined || receiverId === null) continue;
      floors.noteDue(queue, receiverId, oldestMs, accepted.getTime());
    }
  }
}

function toRow(notification: NewNotification, place: number) {
  return {
    place,
    id: notification.id,
    merchant_id: notification.merchantId,
    type: notification.type,
    business_key: notification.businessKey,
    event_id: notification.eventId,
    queue: notification.queue,
    notify_url: notification.notifyUrl,
    notify_producer: notification.notifyProducer,
    occurred_at: notification.occurredAt,
    result_status: notification.resultStatus,
    result_version: notification.resultVersion,
    result_amount: notification.resultAmount,
    result_currency: notification.resultCurrency,
    head: notification.head,
    tail: notification.tail,
    fingerprint: notification.fingerprint,
    producer_key_id: notification.producerKeyId,
  };
}

/** A notification that was there before, by id or by its event. */
export interface Earlier {
  id: string;
  merchantId: string;
  eventId: string | null;
  fingerprint: string;
}

/** Two lookups by key. (Rejected: one with OR, whose list of pairs has the whole table read beside it.) */
export async function findEarlier(sql: Sql, wanted: NewNotification[]): Promise<Earlier[]> {
  const rows = await sql.$queryRaw<
    { id: string; merchant_id: string; event_id: string | null; fingerprint: string }[]
  >`
    SELECT n.id, n.merchant_id, n.event_id, n.fingerprint FROM notification AS n
     WHERE n.id = ANY (${wanted.map((each) => each.id)})
    UNION
    SELECT n.id, n.merchant_id, n.event_id, n.fingerprint
      FROM unnest(${wanted.map((each) => each.merchantId)}::text[],
                  ${wanted.map((each) => each.eventId)}::text[]) AS w (merchant_id, event_id)
      JOIN notification AS n ON n.merchant_id = w.merchant_id AND n.event_id = w.event_id`;
  return rows.map((row) => ({
    id: row.id,
    merchantId: row.merchant_id,
    eventId: row.event_id,
    fingerprint: row.fingerprint,
  }));
}
