import { Prisma, type Sql } from '../../platform/db/client.ts';
import type { DeliveryStatus, SettleReason } from '../delivery.ts';
import { reasonOfEnd } from './arrived.ts';
import { WAITING_QUEUES } from './waiting-queues.ts';

/** A delivery that has just reached its end, as its protocol is told of it. */
export interface Settled {
  id: string;
  ownerKind: string;
  ownerId: string;
  purpose: string;
  status: DeliveryStatus;
  reason: SettleReason | null;
}

/** The ends that do not come from an attempt. */
export type EndWithoutAttempt =
  | { status: 'failed'; reason: 'deadline_passed' }
  | { status: 'acknowledged'; reason: 'confirmed_by_pull' }
  | { status: 'cancelled'; reason: 'superseded' | 'cancelled_by_request' | 'endpoint_deleted' };

interface SettledRow {
  id: string;
  owner_kind: string;
  owner_id: string;
  purpose: string;
  status: DeliveryStatus;
  reason: SettleReason | null;
}

/**
 * Ends deliveries without an attempt. One that is being sent keeps its lease until that attempt is
 * recorded; its new state stays. What had arrived before it was sent again has arrived.
 *
 * @param which a condition on `delivery AS d`
 * @param from the states that may be left
 */
export async function settleDeliveries(
  sql: Sql,
  which: Prisma.Sql,
  from: readonly DeliveryStatus[],
  end: EndWithoutAttempt,
  limit = 100_000,
): Promise<Settled[]> {
  const rows = await sql.$queryRaw<SettledRow[]>`
    UPDATE delivery AS d
       SET status = coalesce(d.arrived_as, ${end.status}),
           reason = ${reasonOfEnd(Prisma.sql`${end.reason}`)}, due_at = NULL, resume_at = NULL,
           settled_at = postrider_now(), settled_xid = transaction_number()
      -- Locked in one order, so that two such statements never wait for each other.
      FROM (SELECT d.id FROM delivery AS d WHERE d.status = ANY (${from}) AND ${which}
             ORDER BY d.id LIMIT ${limit} FOR UPDATE) AS chosen
     WHERE d.id = chosen.id
    RETURNING d.id, d.owner_kind, d.owner_id, d.purpose, d.status, d.reason`;
  return rows.map((row) => ({
    id: row.id,
    ownerKind: row.owner_kind,
    ownerId: row.owner_id,
    purpose: row.purpose,
    status: row.status,
    reason: row.reason,
  }));
}

/**
 * What has not ended at one receiver. No index begins with the receiver: queue by queue, those that are
 * gone included, it is looked up in the one of what is due, and what is being sent in that of leases.
 */
export async function findUnsettledAt(
  sql: Sql,
  receiverId: string,
  limit: number,
): Promise<string[]> {
  const rows = await sql.$queryRaw<{ id: string }[]>`
    WITH RECURSIVE ${WAITING_QUEUES}
    (SELECT id FROM delivery
      WHERE receiver_id = ${receiverId} AND lease_token IS NOT NULL AND status = 'sending')
    UNION ALL
    (SELECT d.id FROM waiting CROSS JOIN LATERAL (
       SELECT id FROM delivery
        WHERE queue = waiting.queue AND receiver_id = ${receiverId} AND status = 'pending'
        ORDER BY priority, due_at LIMIT ${limit}) AS d)
    LIMIT ${limit}`;
  return rows.map(({ id }) => id);
}
