import { createHash } from 'node:crypto';
import { pack } from '../exports/packed.ts';
import { CSV_HEADER, csvLine, type StatementRow } from './row.ts';
import { createTotals, type StatementTotal } from './totals.ts';

/** What stands above the rows of a statement. */
export interface Summary {
  rowCount: number;
  /** Of the CSV form's bytes, header line included; the same whichever form is asked for. */
  sha256: string;
  totals: StatementTotal[];
}

const CHUNK_ROWS = 2000;

/**
 * One pass over the rows of a statement: sums them up and hands them on, packed, so that a second
 * pass sees exactly the same ones. Holds one chunk at a time, however many there are.
 *
 * @param keep gets at most 2,000 rows at a time: gzipped NDJSON
 */
export async function summarize(
  pages: AsyncIterable<StatementRow[]>,
  keep: (chunk: Buffer, number: number) => Promise<unknown>,
): Promise<Summary> {
  const hash = createHash('sha256').update(CSV_HEADER);
  const totals = createTotals();
  let rowCount = 0;
  let chunks = 0;
  let lines: string[] = [];
  const flush = async () => {
    const chunk = await pack(lines);
    lines = [];
    await keep(chunk, chunks);
    chunks += 1;
  };
  for await (const rows of pages) {
    for (const row of rows) {
      hash.update(csvLine(row, true));
      totals.add(row);
      lines.push(JSON.stringify(row));
      rowCount += 1;
      if (lines.length === CHUNK_ROWS) await flush();
    }
  }
  if (lines.length > 0) await flush();
  return { rowCount, sha256: hash.digest('hex'), totals: totals.list() };
}
