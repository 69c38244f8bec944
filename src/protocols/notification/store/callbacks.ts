import type { End } from '../../../api/notify-producer.ts';
import { PROTOCOL_QUEUES } from '../../../engine/protocol-queues.ts';
import { createDeliveries, type NewDelivery } from '../../../engine/store/create.ts';
import { endedBefore, lockEnded, REMOVAL, removeDeliveries } from '../../../engine/store/remove.ts';
import {
  type Place,
  placeAfter,
  type Removal,
  removeAlong,
} from '../../../platform/db/batch-delete.ts';
import { type Database, Prisma, type Sql } from '../../../platform/db/client.ts';

/** An end that its producer wants to hear of. */
export interface ToldEnd {
  deliveryId: string;
  notificationId: string;
  merchantId: string;
  endpointId: string | null;
  type: string;
  businessKey: string;
  eventId: string | null;
  producerKeyId: string;
  event: End;
  status: string;
  reason: string | null;
  cycle: number;
  /** Of this cycle; so are the two below, of the last of them. */
  attemptCount: number;
  outcome: string | null;
  statusCode: number | null;
  endedAt: Date;
  url: string;
}

const EVENT = Prisma.sql`CASE WHEN d.status IN ('delivered', 'acknowledged') THEN d.status ELSE 'failed' END`;

/**
 * Of these deliveries, which have just ended, those whose producer is to be told. A key without a secret
 * cannot sign, so for what it has sent the rule of a queue says nothing.
 */
export async function findToldEnds(sql: Sql, deliveryIds: string[]): Promise<ToldEnd[]> {
  return sql.$queryRaw<ToldEnd[]>`
    SELECT d.id AS "deliveryId", n.id AS "notificationId", n.merchant_id AS "merchantId",
           d.endpoint_id AS "endpointId", n.type, n.business_key AS "businessKey", n.event_id AS "eventId",
           n.producer_key_id AS "producerKeyId", ${EVENT} AS event, d.status, d.reason, d.cycle,
           d.attempt_count AS "attemptCount", last.outcome, last.status_code AS "statusCode",
           d.settled_at AS "endedAt", wish.it ->> 'url' AS url
      FROM delivery AS d
      JOIN notification AS n ON n.id = d.owner_id
      JOIN policy AS p ON p.queue = d.queue AND p.version = d.policy_version
     CROSS JOIN LATERAL (SELECT coalesce(n.notify_producer, p.notify_producer) AS it) AS wish
      JOIN api_key AS k ON k.id = n.producer_key_id AND k.callback_secret IS NOT NULL
      LEFT JOIN LATERAL (
        SELECT a.outcome, a.status_code FROM attempt AS a
         WHERE a.delivery_id = d.id AND a.cycle = d.cycle ORDER BY a.number DESC LIMIT 1) AS last ON true
     WHERE d.id = ANY (${deliveryIds}) AND d.purpose = 'notify' AND d.settled_at IS NOT NULL
       AND wish.it -> 'on' @> to_jsonb(${EVENT})
     ORDER BY d.id`;
}

/** The rules that a call made now follows. */
export interface CallbackLane {
  version: number;
  firstDelaySeconds: number;
  deadlineSeconds: number;
}

export async function findCallbackLane(sql: Sql): Promise<CallbackLane> {
  const [lane] = await sql.$queryRaw<CallbackLane[]>`
    SELECT p.version, p.ladder_seconds[1] AS "firstDelaySeconds", p.deadline_seconds AS "deadlineSeconds"
      FROM queue AS q JOIN policy AS p ON p.queue = q.name AND p.version = q.version
     WHERE q.name = ${PROTOCOL_QUEUES.producerCallbacks}`;
  if (lane === undefined) throw new Error('the queue of callbacks is missing');
  return lane;
}

export interface NewCallback {
  id: string;
  end: ToldEnd;
  /** JSON, sent to the byte. */
  body: string;
  delivery: NewDelivery;
}

/** A call that was made just now. */
export interface CallbackDue {
  id: string;
  queue: string;
  receiverId: string | null;
  dueAtMs: number;
  waitMs: number;
}

/** Stores calls with their deliveries. An end that is there already is not told twice. */
export async function insertCallbacks(sql: Sql, callbacks: NewCallback[]): Promise<CallbackDue[]> {
  const rows = callbacks.map(({ id, body, end }) => ({
    id,
    notification_id: end.notificationId,
    delivery_id: end.deliveryId,
    cycle: end.cycle,
    event: end.event,
    producer_key_id: end.producerKeyId,
    body,
  }));
  const deliveries = callbacks.map(({ delivery }) => delivery);
  const made = await sql.$queryRaw<(Omit<CallbackDue, 'dueAtMs'> & { dueAt: Date })[]>`
    WITH made AS (
      INSERT INTO producer_callback (id, notification_id, delivery_id, cycle, event, producer_key_id, body)
      SELECT id, notification_id, delivery_id, cycle, event, producer_key_id, body::json
        FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS c (
          id text, notification_id text, delivery_id text, cycle int, event text, producer_key_id text, body text)
      ON CONFLICT DO NOTHING
      RETURNING id
    ), ${createDeliveries(deliveries, Prisma.sql`SELECT id FROM made`)}
    SELECT id, queue, receiver_id AS "receiverId", due_at AS "dueAt",
           extract(epoch FROM due_at - postrider_now())::double precision * 1000 AS "waitMs"
      FROM created`;
  return made.map(({ dueAt, ...each }) => ({ ...each, dueAtMs: dueAt.getTime() }));
}

export interface CallbackContent {
  id: string;
  deliveryId: string;
  cycle: number;
  event: End;
  producerKeyId: string;
  /** JSON, byte for byte. */
  body: string;
}

/** By id. */
export async function findCallbacks(
  sql: Sql,
  ids: string[],
): Promise<Map<string, CallbackContent>> {
  const rows = await sql.$queryRaw<CallbackContent[]>`
    SELECT id, delivery_id AS "deliveryId", cycle, event, producer_key_id AS "producerKeyId", body::text AS body
      FROM producer_callback WHERE id = ANY (${ids})`;
  return new Map(rows.map((row) => [row.id, row]));
}

const CALL = Prisma.sql`d.purpose = 'callback'`;

/** Removes calls that ended before, whether or not what they told of is still kept. */
export function removeEndedCallbacks({ prisma }: Database, before: Date, limit: number): Removal {
  return removeAlong((after) =>
    prisma.$transaction(async (tx) => {
      const calls = await tx.$queryRaw<(Place & { callbackId: string })[]>`
        SELECT d.id, d.settled_at AS at, d.owner_id AS "callbackId" FROM delivery AS d
         WHERE ${CALL} AND ${endedBefore(before)} AND (d.settled_at, d.id) > (${after.at}, ${after.id})
         ORDER BY d.settled_at, d.id LIMIT ${limit}`;
      const ids = calls.map(({ callbackId }) => callbackId);
      const ended = await lockEnded(tx, ids, CALL, before);
      await removeDeliveries(tx, [...ended.values()].flat());
      const removed = await tx.$executeRaw`
        DELETE FROM producer_callback WHERE id = ANY (${[...ended.keys()]})`;
      return { removed, next: placeAfter(calls, limit) };
    }, REMOVAL),
  );
}
