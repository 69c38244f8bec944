import type { Sql } from '../../platform/db/client.ts';
import { type Claimed, type ClaimRow, LEASE_MARGIN_MS, toClaimed } from './claim.ts';
import type { NewDelivery } from './create.ts';

/**
 * Makes a delivery that is already in this process' hands: one attempt, never repeated. Whether it may be made
 * is for the caller to know; its lease counts like any other.
 */
export async function createLeased(
  sql: Sql,
  delivery: NewDelivery,
  timeoutMs: number,
): Promise<Claimed> {
  const tick = performance.now();
  const [row] = await sql.$queryRaw<ClaimRow[]>`
    WITH turn AS (
      -- Its number is drawn under the receiver's lock, like that of every lease.
      SELECT id FROM receiver WHERE id = ${delivery.receiverId} FOR NO KEY UPDATE
    )
    INSERT INTO delivery (id, owner_kind, owner_id, purpose, merchant_id, type, business_key, queue,
        policy_version, receiver_id, endpoint_id, status, trigger, due_at, accepted_at, deadline_at,
        lease_token, leased_at, lease_until, lease_no)
    SELECT ${delivery.id}, ${delivery.ownerKind}, ${delivery.ownerId}, ${delivery.purpose},
        ${delivery.merchantId}, ${delivery.type}, ${delivery.businessKey}, ${delivery.queue},
        ${delivery.policyVersion}::int, turn.id, ${delivery.endpointId}, 'sending', 'test',
        postrider_now(), postrider_now(),
        postrider_now() + ${delivery.deadlineMs} * interval '1 millisecond', gen_random_uuid(),
        postrider_now(), postrider_now() + ${timeoutMs + LEASE_MARGIN_MS} * interval '1 millisecond',
        nextval('delivery_lease_no')
      FROM turn
    RETURNING *, leased_at AS now_at, 0 AS start_in_ms, 0 AS interval_ms, false AS suspect`;
  if (row === undefined) throw new Error('the test delivery was not made');
  return toClaimed(row, tick);
}
