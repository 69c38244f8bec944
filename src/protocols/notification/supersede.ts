import { UNSETTLED } from '../../engine/delivery.ts';
import { settleDeliveries } from '../../engine/store/settle.ts';
import { EVENTS_SENDER } from '../../features/event-types/sender.ts';
import { Prisma, type Sql } from '../../platform/db/client.ts';
import { TOLD } from './callbacks.ts';
import type { Planned } from './fan-out.ts';
import type { Inserted } from './store/insert.ts';

/** Apart from other advisory locks of ours. */
const LOCK_CLASS = 1_937_076;

/**
 * Lets those who accept notifications of the same business keys, in queues that supersede, take
 * turns until their transactions end: else a lower and a higher version, accepted at the same time,
 * would not see each other, and both would be sent. Must come before the insert, whose snapshot has
 * to be younger than the lock.
 */
export async function takeTurns(tx: Sql, superseding: Planned[]): Promise<void> {
  const keys = superseding.map(({ row }) => JSON.stringify([row.merchantId, row.businessKey]));
  // In one order, so that two batches never wait for each other.
  await tx.$executeRaw`
    SELECT pg_advisory_xact_lock(${LOCK_CLASS}::int, turn.key)
      FROM (SELECT DISTINCT hashtext(k) AS key FROM unnest(${keys}::text[]) AS k ORDER BY 1) AS turn`;
}

/**
 * A higher version makes worthless what is still on its way, in the same queue, with a lower one. And
 * a lower version that comes too late is not sent at all: it would move the receiver back.
 *
 * @returns the same notifications, with what that has made of their deliveries, and the deliveries that it ended
 */
export async function supersede(
  tx: Sql,
  superseding: Planned[],
  inserted: Map<string, Inserted>,
): Promise<{ inserted: Map<string, Inserted>; superseded: string[] }> {
  const newcomers = superseding
    .filter(({ row }) => inserted.has(row.id))
    .flatMap(({ row, supersedesIn }) =>
      supersedesIn.map((queue) => ({
        i: row.id,
        m: row.merchantId,
        k: row.businessKey,
        v: row.resultVersion,
        q: queue,
      })),
    );
  if (newcomers.length === 0) return { inserted, superseded: [] };
  const outdated = Prisma.sql`d.owner_kind IN ('notification', ${TOLD}) AND d.id IN (
    SELECT lower.id
      FROM jsonb_to_recordset(${JSON.stringify(newcomers)}::jsonb)
             AS newcomer (i text, m text, k text, v bigint, q text)
      JOIN notification AS n ON n.merchant_id = newcomer.m AND n.business_key = newcomer.k
      JOIN delivery AS lower ON lower.owner_id = n.id AND lower.queue = newcomer.q
     -- An operational event may have the business key of an endpoint, but is no version of it.
     WHERE n.result_version < newcomer.v AND n.producer_key_id <> ${EVENTS_SENDER}
        OR n.id = newcomer.i AND EXISTS (
             SELECT 1 FROM notification AS higher
               JOIN delivery AS its ON its.owner_id = higher.id AND its.queue = newcomer.q
              WHERE higher.merchant_id = newcomer.m AND higher.business_key = newcomer.k
                AND higher.result_version > newcomer.v))`;
  const settled = await settleDeliveries(tx, outdated, UNSETTLED, {
    status: 'cancelled',
    reason: 'superseded',
  });
  const ids = new Set(settled.map(({ id }) => id));
  return {
    inserted: new Map([...inserted].map(([id, each]) => [id, withoutSuperseded(each, ids)])),
    superseded: [...ids],
  };
}

function withoutSuperseded(inserted: Inserted, superseded: Set<string>): Inserted {
  const deliveries = inserted.deliveries.map((delivery) =>
    superseded.has(delivery.id)
      ? {
          ...delivery,
          status: 'cancelled' as const,
          reason: 'superseded' as const,
          nextAttemptAt: null,
          waitMs: null,
        }
      : delivery,
  );
  return { ...inserted, deliveries };
}
