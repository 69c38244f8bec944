import { z } from 'zod';
import { csvLineOf } from '../exports/csv.ts';

const time = z.iso.datetime();

/** One line of a statement: a notification that was accepted on its day. */
export const statementRow = z.object({
  id: z.string(),
  businessKey: z.string(),
  type: z.string(),
  status: z.string().nullable(),
  version: z.number().int(),
  amount: z.string().nullable(),
  currency: z.string().nullable(),
  occurredAt: time,
  acceptedAt: time,
  /** The least advanced of its deliveries, when the statement was made. */
  deliveryStatus: z.string(),
});
export type StatementRow = z.output<typeof statementRow>;

const COLUMNS = Object.keys(statementRow.shape) as (keyof StatementRow)[];

/** The first line of the CSV form. */
export const CSV_HEADER = csvLineOf(COLUMNS);

/** One line of the CSV form. @param isDefused false for statements that were closed before formulas were defused */
export function csvLine(row: StatementRow, isDefused: boolean): string {
  return csvLineOf(
    COLUMNS.map((column) => row[column]),
    isDefused,
  );
}
