import { z } from 'zod';
import { moment } from '../../api/pagination.ts';
import { DELIVERY_STATUSES } from '../../engine/delivery.ts';
import { examples } from './examples.ts';

/** More business keys than this are a list of their own: send them in several jobs. */
const MAX_BUSINESS_KEYS = 500;
const MAX_VALUES = 50;
/** Deliveries made due in a second. */
const DEFAULT_RATE = 100;
const MAX_RATE = 5_000;
/** What one job takes on; more is a slip of the filter, or several jobs. */
export const MAX_MATCHED = 1_000_000;

const time = z.iso.datetime();

export const resendStatus = z.enum(['running', 'paused', 'completed', 'cancelled', 'failed']);

const deliveryStatus = z.enum(DELIVERY_STATUSES);

/** One value or several. */
function some<T extends z.ZodType<string>>(item: T) {
  return z
    .union([item, z.array(item).min(1).max(MAX_VALUES)])
    .transform((given): z.output<T>[] => (Array.isArray(given) ? given : [given]));
}

const text = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[^\0]*$/, 'No NUL.');

/** Which deliveries; all that is given must fit. */
const resendFilter = z
  .strictObject({
    merchantId: some(text),
    endpointId: some(text),
    queue: some(text),
    type: some(text).describe('Exactly this type.'),
    status: some(deliveryStatus).describe(
      'failed when absent. skipped: those that nobody listened to. delivered: only with force.',
    ),
    businessKeys: z.array(text).min(1).max(MAX_BUSINESS_KEYS),
    from: moment.describe('Accepted then or later.'),
    to: moment.describe('Accepted before then.'),
  })
  .partial()
  .refine((filter) => Object.keys(filter).length > 0, 'Say at least one thing to look for.');
export type ResendFilter = z.output<typeof resendFilter>;

export const resendInput = z.strictObject({
  filter: resendFilter,
  reason: z.string().min(1).max(500),
  dryRun: z.boolean().default(false).describe('Counts what would be sent, and does nothing.'),
  force: z.boolean().default(false).describe('Sends again what was delivered already.'),
  ratePerSecond: z
    .number()
    .min(0.1)
    .max(MAX_RATE)
    .default(DEFAULT_RATE)
    .describe("Deliveries made due in a second. The receivers' own limits hold besides."),
});

export const resendView = z.object({
  id: z.string(),
  status: resendStatus,
  merchantId: z.string().nullable().describe('Whose job it is; null: the operators’.'),
  filter: z
    .record(z.string(), z.unknown())
    .describe('As it was understood: lists, and the status looked for.'),
  reason: z.string(),
  force: z.boolean(),
  ratePerSecond: z.number(),
  createdBy: z.object({ keyId: z.string(), name: z.string() }),
  matched: z.int().describe('Deliveries that the filter found when the job was made.'),
  resent: z.int().describe('Made due: they are sent after what is new and after repeats.'),
  skipped: z
    .int()
    .describe('Nothing to be done: delivered, on their way, cancelled or sent again meanwhile.'),
  failed: z.int().describe('Could not be sent: no endpoint listens.'),
  error: z.string().nullable().describe('Why a job is failed.'),
  startedAt: time,
  finishedAt: time.nullable(),
});
export type ResendView = z.output<typeof resendView>;

/** The answer to a dry run. */
export const resendCount = z.object({ matched: z.int() });

// What /docs shows of them.
// Not `examples`: of an input that is transformed zod leaves those out.
z.globalRegistry.add(resendInput, { id: 'Resend', example: examples.input });
z.globalRegistry.add(resendView, { id: 'Resend', examples: [examples.view] });
z.globalRegistry.add(resendCount, { examples: [examples.count] });
