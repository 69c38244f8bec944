import { z } from 'zod';
import { differenceKind } from './contract.ts';

const time = z.iso.datetime();

/** What a book has of a business key, or is to have. All null: nothing. */
const entry = z.object({
  status: z.string().nullable(),
  amount: z.string().nullable(),
  currency: z.string().nullable(),
});

/** A difference that was settled by one book's word: what the other book has to change. */
export const adjustmentRow = z.object({
  number: z.number().int().describe('Of the difference.'),
  kind: differenceKind,
  businessKey: z.string(),
  book: z
    .enum(['merchant', 'gateway'])
    .describe(
      'Whose book is to be corrected: `merchant` after `accept_ours`, else `gateway`. All three of `from` or `to` are null where a book has nothing of it.',
    ),
  from: entry,
  to: entry,
  amountDelta: z
    .string()
    .nullable()
    .describe(
      '`to` − `from`, exactly; no amount counts as 0. null: neither has one, or they are in different currencies.',
    ),
  action: z.enum(['accept_ours', 'accept_theirs']),
  reason: z.string(),
  by: z.object({ keyId: z.string(), name: z.string() }),
  at: time,
});
export type AdjustmentRow = z.output<typeof adjustmentRow>;

export const adjustmentsView = z.object({
  reconciliationId: z.string(),
  merchantId: z.string(),
  date: z.string(),
  timezone: z.string(),
  /** When our side was collected; null: it is not yet. */
  asOf: time.nullable(),
  rowCount: z.number().int(),
  rows: z.array(adjustmentRow),
});

const example: AdjustmentRow = {
  number: 3,
  kind: 'amount_mismatch',
  businessKey: 'ORDER-20261122-0001',
  book: 'merchant',
  from: { status: 'SUCCESS', amount: '90.00', currency: 'CNY' },
  to: { status: 'SUCCESS', amount: '100.00', currency: 'CNY' },
  amountDelta: '10.00',
  action: 'accept_ours',
  reason: 'typed wrong at the cash desk',
  by: { keyId: 'key_01m81swkggesnbwkwy47zvky46', name: 'accounting' },
  at: '2026-11-23T02:10:00.000Z',
};
z.globalRegistry.add(adjustmentsView, {
  examples: [
    {
      reconciliationId: 'rec_01m81swkggesnbwkwy47zvky45',
      merchantId: 'm_1001',
      date: '2026-11-22',
      timezone: 'UTC',
      asOf: '2026-11-23T01:00:00.000Z',
      rowCount: 1,
      rows: [example],
    },
  ],
});
