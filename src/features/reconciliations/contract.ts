import { z } from 'zod';
import { calendarDate } from '../../api/calendar-day.ts';

const KIB = 1024;
export const MAX_RECORDS = 100_000;
export const MAX_FILE_BYTES = 16 * KIB * KIB;

const time = z.iso.datetime();

const amount = z
  .string()
  .regex(/^-?(0|[1-9]\d*)(\.\d{1,8})?$/, 'Expected a decimal such as 100.00, at most 8 decimals')
  .refine((text) => text.replace(/[-.]/g, '').length <= 18, 'At most 18 digits');

/** One row of a merchant's own list. Both null: it stands for no money. */
export const record = z
  .strictObject({
    businessKey: z.string().min(1, 'Required.').max(128),
    status: z.string().min(1, 'Required.').max(64),
    amount: amount.nullable(),
    currency: z
      .string()
      .regex(/^[A-Z0-9]{3,8}$/, 'Expected a currency code such as CNY')
      .nullable(),
  })
  .refine(({ amount, currency }) => amount !== null || currency === null, {
    path: ['amount'],
    message: 'Required where there is a currency.',
  });
export type Record = z.output<typeof record>;

export const reconciliationInput = z.strictObject({
  date: calendarDate,
  records: z.array(record).max(MAX_RECORDS, `At most ${MAX_RECORDS} records`),
});

export const differenceKind = z.enum([
  'gateway_only',
  'merchant_only',
  'status_mismatch',
  'amount_mismatch',
  'currency_mismatch',
  'pending_cutoff',
]);
export type DifferenceKind = z.output<typeof differenceKind>;

export const reconciliationStatus = z.enum(['running', 'completed', 'failed']);

export const reconciliationView = z.object({
  id: z.string(),
  merchantId: z.string(),
  date: z.string(),
  timezone: z.string(),
  status: reconciliationStatus,
  /** 0 to 1. */
  progress: z.number(),
  recordCount: z.number().int(),
  /** Business keys on which both books agree. */
  matched: z.number().int(),
  differences: z.record(differenceKind, z.number().int()),
  createdAt: time,
  finishedAt: time.nullable(),
  /** When our side was collected: what arrived later is not in it. null: not yet. */
  asOf: time.nullable(),
});
export type ReconciliationView = z.output<typeof reconciliationView>;

const money = { amount: z.string().nullable(), currency: z.string().nullable() };

export const handleAction = z.enum(['resend', 'accept_ours', 'accept_theirs']);
export type HandleAction = z.output<typeof handleAction>;

export const differenceView = z.object({
  number: z.number().int(),
  kind: differenceKind,
  businessKey: z.string(),
  /** Our side: the latest result of that day, or of one beside it. */
  gateway: z
    .object({
      notificationId: z.string(),
      status: z.string(),
      version: z.number().int(),
      ...money,
      acceptedAt: time,
    })
    .optional(),
  merchant: z.object({ status: z.string(), ...money }).optional(),
  handled: z
    .object({
      action: handleAction,
      reason: z.string(),
      by: z.object({ keyId: z.string(), name: z.string() }),
      at: time,
    })
    .optional(),
});
export type DifferenceView = z.output<typeof differenceView>;
