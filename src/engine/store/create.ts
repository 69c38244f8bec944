import { Prisma } from '../../platform/db/client.ts';
import { timeOf } from './claim.ts';
import type { Floors } from './floors.ts';

/** A delivery to be made. It is due `delayMs` after the statement that makes it. */
export interface NewDelivery {
  id: string;
  ownerKind: string;
  ownerId: string;
  purpose: string;
  merchantId: string | null;
  type: string;
  businessKey: string;
  queue: string;
  policyVersion: number;
  /** null: nobody listens; the delivery is born `skipped`. */
  receiverId: string | null;
  endpointId: string | null;
  /** An address for this delivery alone; null: the endpoint's. */
  url: string | null;
  delayMs: number;
  deadlineMs: number;
  /** Who sent the notification that it brings; absent: it brings none. */
  producerKeyId?: string;
}

/** Due deliveries at one receiver that make a wake for the next one pointless: they pass places on. */
export const CROWD = 50;

/**
 * CTEs that make deliveries inside the owner's own statement, so that both are committed together.
 *
 * @param onlyOwners a subquery of owner ids: rows of other owners are left out
 * @param createdXid their place in the catch-up feed, where it is not that of this transaction
 * @param floors where those that wait begin, as far as the caller knows
 * @returns `new_delivery`, `url_receiver`, `created`, which returns the rows, and `crowd`: for each queue and
 *   receiver the oldest that waits there, and whether so many do that one more needs no wake
 */
export function createDeliveries(
  deliveries: NewDelivery[],
  onlyOwners: Prisma.Sql,
  createdXid: Prisma.Sql = Prisma.sql`transaction_number()`,
  floors: Pick<Floors, 'dueAt'> | null = null,
): Prisma.Sql {
  return Prisma.sql`new_delivery AS (
    SELECT * FROM jsonb_to_recordset(${JSON.stringify(deliveries.map((each) => toRow(each, floors)))}::jsonb) AS n (
      id text, owner_kind text, owner_id text, purpose text, merchant_id text, type text,
      business_key text, queue text, policy_version int, receiver_id text, endpoint_id text, url text,
      delay_ms bigint, deadline_ms bigint, due_floor timestamptz, producer_key_id text)
     WHERE n.owner_id IN (${onlyOwners})
  ), url_receiver AS (
    INSERT INTO receiver (id)
    SELECT DISTINCT receiver_id FROM new_delivery WHERE url IS NOT NULL AND receiver_id IS NOT NULL
     ORDER BY 1 ON CONFLICT DO NOTHING
  ), created AS (
    INSERT INTO delivery (id, owner_kind, owner_id, purpose, merchant_id, type, business_key, queue,
                          policy_version, receiver_id, endpoint_id, url, status, reason, due_at,
                          accepted_at, deadline_at, settled_at, settled_xid, created_xid, producer_key_id)
    SELECT id, owner_kind, owner_id, purpose, merchant_id, type, business_key, queue, policy_version,
           receiver_id, endpoint_id, url,
           CASE WHEN receiver_id IS NULL THEN 'skipped' ELSE 'pending' END,
           CASE WHEN receiver_id IS NULL THEN 'no_endpoint' END,
           CASE WHEN receiver_id IS NOT NULL
                THEN postrider_now() + delay_ms * interval '1 millisecond' END,
           postrider_now(), postrider_now() + deadline_ms * interval '1 millisecond',
           CASE WHEN receiver_id IS NULL THEN postrider_now() END,
           CASE WHEN receiver_id IS NULL THEN transaction_number() END, ${createdXid}, producer_key_id
      FROM new_delivery
    RETURNING *
  ), crowd AS (
    SELECT c.queue, c.receiver_id, few.waiting >= ${CROWD} AS crowded, few.oldest
      FROM (SELECT queue, receiver_id,
                   least(coalesce(max(due_floor), '-infinity'), postrider_now() - interval '1 second') AS due_floor
              FROM new_delivery WHERE receiver_id IS NOT NULL GROUP BY 1, 2) AS c
     CROSS JOIN LATERAL (
       SELECT count(*) AS waiting, min(due_at) AS oldest FROM (
         SELECT o.due_at FROM delivery AS o
          WHERE o.queue = c.queue AND o.receiver_id = c.receiver_id AND o.status = 'pending'
            AND o.priority = 0 AND o.due_at <= postrider_now() AND o.due_at >= c.due_floor
          ORDER BY o.due_at LIMIT ${CROWD}) AS first) AS few
  )`;
}

function toRow(delivery: NewDelivery, floors: Pick<Floors, 'dueAt'> | null) {
  const { queue, receiverId } = delivery;
  const floorMs = receiverId === null ? null : (floors?.dueAt(queue, receiverId) ?? null);
  return {
    due_floor: timeOf(floorMs),
    id: delivery.id,
    owner_kind: delivery.ownerKind,
    owner_id: delivery.ownerId,
    purpose: delivery.purpose,
    merchant_id: delivery.merchantId,
    type: delivery.type,
    business_key: delivery.businessKey,
    queue: delivery.queue,
    policy_version: delivery.policyVersion,
    receiver_id: delivery.receiverId,
    endpoint_id: delivery.endpointId,
    url: delivery.url,
    delay_ms: delivery.delayMs,
    deadline_ms: delivery.deadlineMs,
    producer_key_id: delivery.producerKeyId ?? null,
  };
}
