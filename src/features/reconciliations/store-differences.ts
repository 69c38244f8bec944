import { Prisma, type Sql } from '../../platform/db/client.ts';
import type { DifferenceKind, DifferenceView, HandleAction } from './contract.ts';

interface DifferenceRow {
  number: number;
  kind: DifferenceKind;
  business_key: string;
  merchant_status: string | null;
  merchant_amount: string | null;
  merchant_currency: string | null;
  gateway_id: string | null;
  gateway_version: string;
  gateway_accepted_at: Date;
  gateway_status: string;
  gateway_amount: string | null;
  gateway_currency: string | null;
  handled_action: HandleAction | null;
  handled_reason: string;
  handled_by: string;
  handled_by_name: string;
  handled_at: Date;
}

/** Who did what about a difference, and why. */
export interface Handling {
  action: HandleAction;
  reason: string;
  by: { keyId: string; name: string };
}

// Amounts as text: as a number they would lose digits on the way.
const COLUMNS = Prisma.sql`d.number, d.kind, d.business_key, d.merchant_status,
  d.merchant_amount::text AS merchant_amount, d.merchant_currency, d.gateway_id,
  d.gateway_version::text AS gateway_version, d.gateway_accepted_at, d.gateway_status,
  d.gateway_amount::text AS gateway_amount, d.gateway_currency, d.handled_action, d.handled_reason,
  d.handled_by, d.handled_by_name, d.handled_at`;

/**
 * By number.
 *
 * @param wanted.kinds undefined: all
 * @param wanted.isHandled null: either
 * @param after the number of the last one seen
 */
export async function listDifferences(
  sql: Sql,
  reconciliationId: string,
  { kinds, isHandled }: { kinds: string[] | undefined; isHandled: boolean | null },
  after: number,
  limit: number,
): Promise<DifferenceView[]> {
  const rows = await sql.$queryRaw<DifferenceRow[]>`
    SELECT ${COLUMNS} FROM reconciliation_difference AS d
     WHERE d.reconciliation_id = ${reconciliationId} AND d.number > ${after}
       AND ${kinds === undefined ? Prisma.sql`d.kind <> 'matched'` : Prisma.sql`d.kind = ANY (${kinds})`}
       AND (${isHandled}::boolean IS NULL OR (d.handled_action IS NOT NULL) = ${isHandled})
     ORDER BY d.number LIMIT ${limit}`;
  return rows.map(toView);
}

export async function findDifference(
  sql: Sql,
  reconciliationId: string,
  number: number,
): Promise<DifferenceView | null> {
  const rows = await sql.$queryRaw<DifferenceRow[]>`
    SELECT ${COLUMNS} FROM reconciliation_difference AS d
     WHERE d.reconciliation_id = ${reconciliationId} AND d.number = ${number}
       AND d.kind <> 'matched'`;
  return rows.map(toView)[0] ?? null;
}

/** Notes what was done. What is noted already stays; of several at once the first one counts. */
export async function noteHandled(
  sql: Sql,
  reconciliationId: string,
  numbers: number[],
  { action, reason, by }: Handling,
): Promise<void> {
  await sql.$executeRaw`
    UPDATE reconciliation_difference
       SET handled_action = ${action}, handled_reason = ${reason}, handled_by = ${by.keyId},
           handled_by_name = ${by.name}, handled_at = postrider_now()
     WHERE reconciliation_id = ${reconciliationId} AND number = ANY (${numbers})
       AND handled_action IS NULL AND kind <> 'matched'`;
}

/** A difference of ours alone that nobody has handled, with what could be sent again. */
export interface Missing {
  number: number;
  deliveryIds: string[];
}

/** By number. @param after the number of the last one seen */
export async function listMissing(
  sql: Sql,
  reconciliationId: string,
  after: number,
  limit: number,
): Promise<Missing[]> {
  return sql.$queryRaw<Missing[]>`
    SELECT d.number,
           ARRAY(SELECT id FROM delivery WHERE owner_id = d.gateway_id ORDER BY id) AS "deliveryIds"
      FROM reconciliation_difference AS d
     WHERE d.reconciliation_id = ${reconciliationId} AND d.kind = 'gateway_only'
       AND d.number > ${after} AND d.handled_action IS NULL
     ORDER BY d.number LIMIT ${limit}`;
}

export async function countMissing(sql: Sql, reconciliationId: string): Promise<number> {
  const [row] = await sql.$queryRaw<{ count: number }[]>`
    SELECT count(*)::int AS count FROM reconciliation_difference
     WHERE reconciliation_id = ${reconciliationId} AND kind = 'gateway_only'
       AND handled_action IS NULL`;
  return row?.count ?? 0;
}

/** The deliveries of a notification; none when it is gone. */
export async function findDeliveryIds(sql: Sql, notificationId: string): Promise<string[]> {
  const rows = await sql.$queryRaw<{ id: string }[]>`
    SELECT id FROM delivery WHERE owner_id = ${notificationId} ORDER BY id`;
  return rows.map(({ id }) => id);
}

function toView(row: DifferenceRow): DifferenceView {
  return {
    number: row.number,
    kind: row.kind,
    businessKey: row.business_key,
    ...(row.gateway_id !== null && {
      gateway: {
        notificationId: row.gateway_id,
        status: row.gateway_status,
        version: Number(row.gateway_version),
        amount: row.gateway_amount,
        currency: row.gateway_currency,
        acceptedAt: row.gateway_accepted_at.toISOString(),
      },
    }),
    ...(row.merchant_status !== null && {
      merchant: {
        status: row.merchant_status,
        amount: row.merchant_amount,
        currency: row.merchant_currency,
      },
    }),
    ...(row.handled_action !== null && {
      handled: {
        action: row.handled_action,
        reason: row.handled_reason,
        by: { keyId: row.handled_by, name: row.handled_by_name },
        at: row.handled_at.toISOString(),
      },
    }),
  };
}
