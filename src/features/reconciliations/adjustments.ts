import type { Sql } from '../../platform/db/client.ts';
import { csvLineOf } from '../exports/csv.ts';
import { pack } from '../exports/packed.ts';
import type { Export } from '../exports/render.ts';
import { openSpool } from '../exports/spool.ts';
import type { ReconciliationView } from './contract.ts';
import type { AdjustmentRow } from './contract-adjustments.ts';
import { adjustmentPages } from './store-adjustments.ts';

/** The columns of the CSV form: the same as in JSON, with what lies deeper laid flat. */
const COLUMNS: readonly [name: string, read: (row: AdjustmentRow) => string | number | null][] = [
  ['number', ({ number }) => number],
  ['kind', ({ kind }) => kind],
  ['businessKey', ({ businessKey }) => businessKey],
  ['book', ({ book }) => book],
  ['fromStatus', ({ from }) => from.status],
  ['fromAmount', ({ from }) => from.amount],
  ['fromCurrency', ({ from }) => from.currency],
  ['toStatus', ({ to }) => to.status],
  ['toAmount', ({ to }) => to.amount],
  ['toCurrency', ({ to }) => to.currency],
  ['amountDelta', ({ amountDelta }) => amountDelta],
  ['action', ({ action }) => action],
  ['reason', ({ reason }) => reason],
  ['byKeyId', ({ by }) => by.keyId],
  ['byName', ({ by }) => by.name],
  ['at', ({ at }) => at],
];

/**
 * The adjustment list of a reconciliation: what each settled difference changes in which book. Read
 * into a temporary file first, so that the number of rows is that of the rows that follow, whoever
 * settles more meanwhile and however slowly the caller reads.
 */
export async function openAdjustments(
  sql: Sql,
  { id, merchantId, date, timezone, asOf }: ReconciliationView,
): Promise<Export> {
  const spool = await openSpool();
  try {
    let rowCount = 0;
    for await (const rows of adjustmentPages(sql, id)) {
      await spool.write(await pack(rows.map((row) => JSON.stringify(row))));
      rowCount += rows.length;
    }
    return {
      head: { reconciliationId: id, merchantId, date, timezone, asOf, rowCount },
      csvHeader: csvLineOf(COLUMNS.map(([name]) => name)),
      csvLine: (row) => csvLineOf(COLUMNS.map(([, read]) => read(row as AdjustmentRow))),
      csvSha256: null,
      rowCount,
      chunks: spool.chunks,
      close: spool.close,
    };
  } catch (error) {
    await spool.close();
    throw error;
  }
}
