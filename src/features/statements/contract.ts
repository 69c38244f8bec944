import { z } from 'zod';
import { exportHeaders } from '../exports/reply.ts';
import { statementRow } from './row.ts';
import { statementTotal } from './totals.ts';

/** One form stands for the rows, so that one digest tells whether two sides hold the same ones. */
export const SHA256_OF = 'text/csv';

export const statementView = z.object({
  date: z.string(),
  timezone: z.string(),
  merchantId: z.string(),
  /** 0 while the day is open; then 1, and one more with each correction. */
  revision: z.number().int(),
  closed: z.boolean(),
  rowCount: z.number().int(),
  sha256: z
    .string()
    .describe(
      'In hex, of the bytes of the CSV form, whichever form this is: of the rows, so to say.',
    ),
  sha256Of: z.literal(SHA256_OF).describe('The form whose bytes `sha256` is of.'),
  totals: z.array(statementTotal),
  rows: z.array(statementRow),
});

export const statementHeaders = exportHeaders.extend({
  'Postrider-Sha256': z
    .string()
    .describe(
      '`sha256`: in hex, of the CSV form, whichever form this is. Checks a CSV file: `sha256sum`.',
    ),
  'Postrider-Sha256-Of': z.literal(SHA256_OF).describe('`sha256Of`.'),
  'Postrider-Revision': z.int().describe('`revision`.'),
});
export type StatementView = z.output<typeof statementView>;
