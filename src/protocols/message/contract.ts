import { z } from 'zod';
import { businessKey } from '../../api/business-key.ts';
import { notificationInput } from '../notification/contract.ts';
import { examples } from './examples.ts';

const HALF_A_DAY_SECONDS = 43_200;
const DAY_SECONDS = 86_400;

const time = z.iso.datetime();

/** An id of the producer's choice. Those that look like a notification's are kept for notifications. */
const chosenId = z.string().regex(/^(?!ntf_)[A-Za-z0-9_-]{1,64}$/);

/** `POST /v1/messages`: what is to be delivered if the producer's own transaction succeeds. */
export const prepareMessage = z.strictObject({
  messageId: chosenId.optional(),
  notification: notificationInput,
  checkUrl: z.string().min(1).max(2048).describe('Asked how the producer’s transaction ended.'),
  checkAfterSeconds: z.int().min(0).max(HALF_A_DAY_SECONDS).default(30),
  completion: z
    .enum(['explicit', 'http'])
    .describe('http: a 2xx completes it. explicit: the merchant does, by its own call.'),
  completeAfterSeconds: z
    .int()
    .min(1)
    .max(DAY_SECONDS)
    .default(60)
    .describe('explicit: how long after a 2xx it is sent again.'),
});
export type PrepareMessage = z.output<typeof prepareMessage>;

export const completeMessage = z.strictObject({
  deliveryId: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe(
      'Whose word it is: that of the consumer who got this delivery. Needed where several are open.',
    ),
  consumer: z
    .string()
    .min(1)
    .max(128)
    .optional()
    .describe('Who says so. An endpoint’s or a delivery’s id names the delivery, too.'),
  outcome: z.enum(['success', 'failed']),
  reason: z.string().min(1).max(500).optional(),
});
export type CompleteMessage = z.output<typeof completeMessage>;

/** `POST /v1/messages/complete`: the same for who has both at hand and would rather build no address. */
export const completeByKey = completeMessage.extend({
  messageId: z.string().min(1).max(64).describe('The header postrider-message.'),
  businessKey: businessKey.describe('That of the notification: both must belong together.'),
});

export const resolveMessage = z.strictObject({
  decision: z.enum(['confirm', 'cancel']),
  reason: z.string().min(1).max(500),
});

export const messageStatus = z.enum([
  'prepared',
  'confirmed',
  'sent',
  'completed',
  'cancelled',
  'suspended',
  'dead',
]);

const messageDelivery = z.object({
  id: z.string(),
  endpointId: z.string().nullable(),
  url: z.string().nullable(),
  status: z.enum(['confirmed', 'sent', 'completed', 'dead']),
  outcome: z.enum(['success', 'failed']).nullable(),
  consumer: z.string().nullable(),
  reason: z
    .string()
    .nullable()
    .describe('Why it is dead, or what the merchant said completing it.'),
  cycle: z.number().int(),
  attemptCount: z.number().int(),
  nextAttemptAt: time.nullable(),
  deadlineAt: time,
  completedAt: time.nullable(),
});

export const message = z.object({
  id: z
    .string()
    .describe(
      'The producer’s own messageId, or the one it was given. Another producer may use it, too.',
    ),
  producerKeyId: z.string().nullable().describe('Whose it is. Not shown to merchants.'),
  status: messageStatus.describe(
    'From confirmed on that of the least advanced delivery. Merchants see nothing before that, and nothing cancelled.',
  ),
  merchantId: z.string(),
  type: z.string(),
  businessKey: z.string(),
  eventId: z.string().nullable(),
  completion: z.enum(['explicit', 'http']),
  completeAfterSeconds: z.number().int(),
  checkAfterSeconds: z.number().int(),
  checkUrl: z.string().nullable().describe('Not shown to merchants.'),
  check: z
    .object({
      deliveryId: z.string(),
      count: z.number().int().describe('Calls made so far.'),
      nextAt: time.nullable(),
    })
    .nullable()
    .describe('Not shown to merchants.'),
  outcome: z
    .enum(['success', 'failed'])
    .nullable()
    .describe('failed: some consumer said so. success: all have completed it, and none said so.'),
  preparedAt: time,
  suspendedAt: time.nullable(),
  decidedAt: time.nullable(),
  decidedBy: z.enum(['producer', 'check', 'operator']).nullable(),
  reason: z.string().nullable().describe('Why an operator decided. Not shown to merchants.'),
  notificationId: z.string().nullable(),
  deliveries: z.array(messageDelivery),
});
export type Message = z.output<typeof message>;

// What /docs shows of them.
z.globalRegistry.add(prepareMessage, { id: 'Message', examples: [examples.prepare] });
z.globalRegistry.add(completeMessage, { examples: [examples.complete] });
z.globalRegistry.add(completeByKey, { examples: [examples.completeByKey] });
z.globalRegistry.add(resolveMessage, { examples: [examples.resolve] });
z.globalRegistry.add(message, { id: 'Message', examples: [examples.message] });
