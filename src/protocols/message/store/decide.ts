import { UNSETTLED } from '../../../engine/delivery.ts';
import { settleDeliveries } from '../../../engine/store/settle.ts';
import { Prisma, type Sql } from '../../../platform/db/client.ts';

/** Who decided what becomes of a message. */
export interface Decided {
  by: 'producer' | 'check' | 'operator';
  reason: string | null;
}

/** States that may be left by a decision. */
export type Undecided = 'prepared' | 'suspended';

/** A message that has just been confirmed, with what its notification is made of. */
export interface ConfirmedRow {
  id: string;
  producerKeyId: string;
  notificationId: string;
  input: unknown;
  /** JSON, byte for byte. */
  payload: string;
}

/** Rows are locked in one order, so that two decisions never wait for each other. */
const chosen = (ids: string[], from: readonly Undecided[]) => Prisma.sql`
  (SELECT id FROM message WHERE id = ANY (${ids}) AND status = ANY (${[...from]})
    ORDER BY id FOR UPDATE) AS chosen`;

/** @param notificationIds the id that each one's notification will have, in the order of `ids` */
export async function markConfirmed(
  sql: Sql,
  ids: string[],
  notificationIds: string[],
  from: readonly Undecided[],
  { by, reason }: Decided,
): Promise<ConfirmedRow[]> {
  return sql.$queryRaw<ConfirmedRow[]>`
    UPDATE message AS m
       SET status = 'confirmed', decided_at = postrider_now(), decided_by = ${by}, reason = ${reason},
           notification_id = (SELECT n.id FROM unnest(${ids}::text[], ${notificationIds}::text[])
                                AS n (message_id, id) WHERE n.message_id = m.id)
      FROM ${chosen(ids, from)}
     WHERE m.id = chosen.id
    RETURNING m.id, m.producer_key_id AS "producerKeyId", m.notification_id AS "notificationId",
              m.input, m.payload::text AS payload`;
}

/** @returns the ids of those that were cancelled now */
export async function markCancelled(
  sql: Sql,
  ids: string[],
  from: readonly Undecided[],
  { by, reason }: Decided,
): Promise<string[]> {
  const rows = await sql.$queryRaw<{ id: string }[]>`
    UPDATE message AS m
       SET status = 'cancelled', decided_at = postrider_now(), decided_by = ${by}, reason = ${reason}
      FROM ${chosen(ids, from)}
     WHERE m.id = chosen.id
    RETURNING m.id`;
  return rows.map(({ id }) => id);
}

/** A message that waits for an operator now. */
interface SuspendedRow {
  id: string;
  /** What its producer calls it. */
  messageId: string;
  businessKey: string;
  suspendedAt: Date;
}

/** @returns those that were parked now */
export async function markSuspended(sql: Sql, ids: string[]): Promise<SuspendedRow[]> {
  return sql.$queryRaw<SuspendedRow[]>`
    UPDATE message AS m SET status = 'suspended', suspended_at = postrider_now()
      FROM ${chosen(ids, ['prepared'])}
     WHERE m.id = chosen.id
    RETURNING m.id, coalesce(m.message_id, m.id) AS "messageId",
              m.business_key AS "businessKey", m.suspended_at AS "suspendedAt"`;
}

/** @returns whether it was suspended */
export async function markPrepared(sql: Sql, id: string): Promise<boolean> {
  const updated = await sql.$executeRaw`
    UPDATE message SET status = 'prepared', suspended_at = NULL
     WHERE id = ${id} AND status = 'suspended'`;
  return updated === 1;
}

/**
 * Nobody is asked any more. Comes before the message's own row is locked, as everywhere: who records
 * a check-back has its delivery first and the message second.
 */
export async function endCheck(sql: Sql, id: string): Promise<void> {
  const which = Prisma.sql`d.owner_id = ${id} AND d.purpose = 'check'`;
  const end = { status: 'cancelled', reason: 'cancelled_by_request' } as const;
  await settleDeliveries(sql, which, UNSETTLED, end);
}

/**
 * The delivery that asks back for a message, and how often it has been begun. The newest: of an earlier
 * message of this id, which is gone, another one may be left.
 */
export async function findCheck(
  sql: Sql,
  id: string,
): Promise<{ id: string; cycle: number } | null> {
  const rows = await sql.$queryRaw<{ id: string; cycle: number }[]>`
    SELECT id, cycle FROM delivery WHERE owner_id = ${id} AND purpose = 'check'
     ORDER BY id DESC LIMIT 1`;
  return rows[0] ?? null;
}
