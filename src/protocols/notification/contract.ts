import { z } from 'zod';
import { businessKey } from '../../api/business-key.ts';
import { notifyProducer } from '../../api/notify-producer.ts';
import { moment } from '../../api/pagination.ts';
import {
  ATTEMPT_OUTCOMES,
  DELIVERY_STATUSES,
  SHOWN_REASONS,
  TRIGGERS,
} from '../../engine/delivery.ts';
import { examples } from './examples.ts';

const time = z.iso.datetime({ offset: true });

/** Dotted words: `payment.succeeded`. */
const eventType = z
  .string()
  .max(128)
  .regex(/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/, 'Expected dotted words, such as payment.succeeded');

/** At most 18 digits, of those at most 8 behind the point; exactly as written, never a float. */
const amount = z
  .string()
  .regex(/^-?(0|[1-9]\d*)(\.\d{1,8})?$/, 'Expected a decimal such as "100.00", at most 8 decimals')
  .refine((text) => text.replace(/[-.]/g, '').length <= 18, 'At most 18 digits');

const result = z.strictObject({
  status: z.string().min(1).max(64),
  version: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
  amount: amount.optional(),
  currency: z
    .string()
    .regex(/^[A-Z0-9]{3,8}$/, 'Expected a currency code such as CNY')
    .optional(),
});

/** What a producer sends: one business event for one merchant. */
export const notificationInput = z.strictObject({
  merchantId: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
  type: eventType,
  businessKey,
  eventId: z.string().min(1).max(128).nullish(),
  occurredAt: moment.nullish(),
  result: result.nullish(),
  payload: z.record(z.string(), z.unknown()),
  queue: z.string().min(1).max(64).nullish(),
  notifyUrl: z.string().min(1).max(2048).nullish(),
  notifyProducer: notifyProducer.nullish(),
});
export type NotificationInput = z.output<typeof notificationInput>;

export const deliveryStatus = z.enum(DELIVERY_STATUSES);

/** A delivery as its notification shows it. */
const deliverySummary = z.object({
  id: z.string(),
  endpointId: z.string().nullable(),
  url: z.string().nullable(),
  status: deliveryStatus,
  reason: z.enum(SHOWN_REASONS).nullable(),
  cycle: z.number().int(),
  attemptCount: z.number().int(),
  nextAttemptAt: time.nullable(),
  deadlineAt: time,
});

export const notification = z.object({
  id: z.string(),
  merchantId: z.string(),
  type: z.string(),
  businessKey: z.string(),
  eventId: z.string().nullable(),
  queue: z.string(),
  /** The least advanced of the deliveries' states. */
  status: deliveryStatus,
  result: z
    .object({
      status: z.string(),
      version: z.number().int(),
      amount: z.string().optional(),
      currency: z.string().optional(),
    })
    .nullable(),
  occurredAt: time,
  acceptedAt: time,
  endedAt: time
    .optional()
    .describe('When the last of its deliveries ended; with ended=true alone.'),
  deliveries: z.array(deliverySummary),
});
export type Notification = z.output<typeof notification>;
export type DeliverySummary = z.output<typeof deliverySummary>;

/** A delivery on its own. */
export const delivery = deliverySummary.extend({
  notificationId: z.string().nullable(),
  merchantId: z.string().nullable(),
  type: z.string(),
  businessKey: z.string(),
  queue: z.string(),
  policyVersion: z.number().int(),
  acceptedAt: time,
  settledAt: time.nullable(),
});
export type DeliveryView = z.output<typeof delivery>;

export const attempt = z.object({
  id: z.string(),
  number: z.number().int(),
  cycle: z.number().int(),
  trigger: z.enum(TRIGGERS),
  resentBy: z
    .string()
    .nullable()
    .describe('Who asked for it: a key (`key_…`), or a bulk re-send (`rsd_…`).'),
  startedAt: time,
  durationMs: z.number().int().nullable(),
  outcome: z.enum(ATTEMPT_OUTCOMES),
  statusCode: z.number().int().nullable(),
  responseExcerpt: z.string().nullable(),
  remoteAddress: z.string().nullable(),
  error: z.string().nullable(),
});
export type AttemptView = z.output<typeof attempt>;

/** What is still to come for a delivery, if every attempt fails at once. */
export const schedule = z.object({
  status: deliveryStatus,
  cycle: z.number().int(),
  policyVersion: z.number().int(),
  ladderLength: z.number().int(),
  deadlineAt: time,
  attempts: z.array(
    z.object({
      rung: z
        .number()
        .int()
        .nullable()
        .describe('1 is the first of the ladder; null: asked for in between.'),
      delaySeconds: z.number().int().describe("The ladder's entry."),
      at: time,
      latest: time.describe('With all the jitter there can be.'),
    }),
  ),
});
export type ScheduleView = z.output<typeof schedule>;

// What /docs shows of them.
z.globalRegistry.add(notificationInput, { id: 'Notification', examples: [examples.input] });
z.globalRegistry.add(notification, { id: 'Notification', examples: [examples.notification] });
z.globalRegistry.add(delivery, { id: 'Delivery', examples: [examples.delivery] });
z.globalRegistry.add(attempt, { id: 'Attempt', examples: [examples.attempt] });
