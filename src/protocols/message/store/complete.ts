import { OPEN_STATUSES } from '../../../engine/delivery.ts';
import { type Settled, settleDeliveries } from '../../../engine/store/settle.ts';
import { Prisma, type Sql } from '../../../platform/db/client.ts';
import type { CompleteMessage } from '../contract.ts';

/** A delivery as completing it finds it. */
export interface Completable {
  id: string;
  endpointId: string | null;
  /** null: nothing is known yet. A 2xx that was enough, or a confirmation by pull, is a success. */
  outcome: 'success' | 'failed' | null;
  /** Whether the merchant has said it in so many words. */
  said: boolean;
  /** Whether its consumer can have got it: a 2xx is recorded, or an attempt is under way. */
  wasHeard: boolean;
}

/** Locks the deliveries of a confirmed message, so that of two completions the second sees the first. */
export async function lockCompletable(sql: Sql, messageId: string): Promise<Completable[]> {
  const locked = await sql.$queryRaw<{ id: string }[]>`
    SELECT d.id FROM message AS m JOIN delivery AS d ON d.owner_id = m.notification_id
     WHERE m.id = ${messageId} ORDER BY d.id FOR UPDATE OF d`;
  // A statement of its own: its snapshot is younger than the locks.
  return sql.$queryRaw<Completable[]>`
    SELECT d.id, d.endpoint_id AS "endpointId", c.delivery_id IS NOT NULL AS said,
           CASE WHEN c.delivery_id IS NOT NULL THEN c.outcome
                WHEN d.status IN ('delivered', 'acknowledged') THEN 'success' END AS outcome,
           d.lease_token IS NOT NULL OR EXISTS (
             SELECT FROM attempt AS a WHERE a.delivery_id = d.id AND a.outcome = 'success') AS "wasHeard"
      FROM delivery AS d LEFT JOIN message_completion AS c ON c.delivery_id = d.id
     WHERE d.id = ANY (${locked.map(({ id }) => id)}) ORDER BY d.id`;
}

/** Writes down what the merchant said, and ends what is still on its way, also what is being sent. @returns what it ended */
export async function completeDeliveries(
  sql: Sql,
  messageId: string,
  deliveryIds: string[],
  { outcome, consumer, reason }: CompleteMessage,
): Promise<Settled[]> {
  await sql.$executeRaw`
    INSERT INTO message_completion (delivery_id, message_id, outcome, consumer, reason)
    SELECT id, ${messageId}, ${outcome}, ${consumer ?? null}, ${reason ?? null}
      FROM unnest(${deliveryIds}::text[]) AS d (id)
    ON CONFLICT DO NOTHING`;
  return settleDeliveries(
    sql,
    Prisma.sql`d.id = ANY (${deliveryIds})`,
    [...OPEN_STATUSES, 'cancelled'],
    { status: 'acknowledged', reason: 'confirmed_by_pull' },
  );
}
