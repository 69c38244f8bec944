import { Prisma, type Sql } from '../../platform/db/client.ts';
import type { AdjustmentRow } from './contract-adjustments.ts';

interface FoundAdjustment {
  number: number;
  kind: AdjustmentRow['kind'];
  businessKey: string;
  book: AdjustmentRow['book'];
  fromStatus: string | null;
  fromAmount: string | null;
  fromCurrency: string | null;
  toStatus: string | null;
  toAmount: string | null;
  toCurrency: string | null;
  amountDelta: string | null;
  action: AdjustmentRow['action'];
  reason: string;
  keyId: string;
  name: string;
  at: Date;
}

const PAGE_ROWS = 1000;
const OURS = Prisma.sql`d.gateway_status, d.gateway_amount, d.gateway_currency`;
const THEIRS = Prisma.sql`d.merchant_status, d.merchant_amount, d.merchant_currency`;
// Amounts are numeric until they are text: not one digit is lost.
const DELTA = Prisma.sql`
  CASE WHEN num_nonnulls(c.from_amount, c.to_amount) = 0 THEN NULL
       WHEN num_nonnulls(c.from_amount, c.to_amount) = 1 OR c.from_currency IS NOT DISTINCT FROM c.to_currency
       THEN coalesce(c.to_amount, 0) - coalesce(c.from_amount, 0) END`;

/** What was settled by one book's word, by number, a page at a time. */
export async function* adjustmentPages(
  sql: Sql,
  reconciliationId: string,
): AsyncGenerator<AdjustmentRow[]> {
  for (let after = 0; ; ) {
    const rows = await sql.$queryRaw<FoundAdjustment[]>`
      SELECT d.number, d.kind, d.business_key AS "businessKey", c.book,
             c.from_status AS "fromStatus", c.from_amount::text AS "fromAmount",
             c.from_currency AS "fromCurrency", c.to_status AS "toStatus",
             c.to_amount::text AS "toAmount", c.to_currency AS "toCurrency",
             (${DELTA})::text AS "amountDelta", d.handled_action AS action, d.handled_reason AS reason,
             d.handled_by AS "keyId", d.handled_by_name AS name, d.handled_at AS at
        FROM reconciliation_difference AS d
        CROSS JOIN LATERAL (
          SELECT 'merchant', ${THEIRS}, ${OURS} WHERE d.handled_action = 'accept_ours'
          UNION ALL
          SELECT 'gateway', ${OURS}, ${THEIRS} WHERE d.handled_action = 'accept_theirs'
        ) AS c (book, from_status, from_amount, from_currency, to_status, to_amount, to_currency)
       WHERE d.reconciliation_id = ${reconciliationId} AND d.number > ${after}
       ORDER BY d.number LIMIT ${PAGE_ROWS}`;
    if (rows.length > 0) yield rows.map(toRow);
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE_ROWS) return;
    after = last.number;
  }
}

function toRow(found: FoundAdjustment): AdjustmentRow {
  const { number, kind, businessKey, book, amountDelta, action, reason, keyId, name, at } = found;
  return {
    number,
    kind,
    businessKey,
    book,
    from: { status: found.fromStatus, amount: found.fromAmount, currency: found.fromCurrency },
    to: { status: found.toStatus, amount: found.toAmount, currency: found.toCurrency },
    amountDelta,
    action,
    reason,
    by: { keyId, name },
    at: at.toISOString(),
  };
}
