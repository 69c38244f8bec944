import { z } from 'zod';

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
export const CSV_HEADER = `${COLUMNS.join(',')}\r\n`;

/**
 * One line of the CSV form (RFC 4180). What is absent is an empty field; only what holds a comma, a
 * quote or a line break stands in quotes. There is one way to write each row, so that a digest of
 * the lines is one of the rows.
 */
export function csvLine(row: StatementRow): string {
  return `${COLUMNS.map((column) => csvField(row[column])).join(',')}\r\n`;
}

function csvField(value: string | number | null): string {
  if (value === null) return '';
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
