import { z } from 'zod';
import { statementRow } from './row.ts';
import { statementTotal } from './totals.ts';

export const statementView = z.object({
  date: z.string(),
  timezone: z.string(),
  merchantId: z.string(),
  /** 0 while the day is open; then 1, and one more with each correction. */
  revision: z.number().int(),
  closed: z.boolean(),
  rowCount: z.number().int(),
  /** Of the CSV form, byte for byte. */
  sha256: z.string(),
  totals: z.array(statementTotal),
  rows: z.array(statementRow),
});

export const statementHeaders = z.object({
  'Postrider-Row-Count': z.int().describe('`rowCount`.'),
  'Postrider-Sha256': z.string().describe('`sha256`: of the CSV form, whichever form this is.'),
  'Postrider-Revision': z.int().describe('`revision`.'),
  'Content-Disposition': z
    .string()
    .optional()
    .describe('Names a file, for CSV and wherever `format` is said.'),
  Vary: z.string().describe('`Accept`: one address, three forms.'),
});
export type StatementView = z.output<typeof statementView>;
