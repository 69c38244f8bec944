import { z } from 'zod';
import { ENDS } from '../../api/notify-producer.ts';
import { RECEIVER_ANSWERS, type Webhook } from '../../api/webhook.ts';
import {
  ATTEMPT_OUTCOMES,
  DELIVERY_STATUSES,
  SETTLE_REASONS,
  UNSETTLED,
} from '../../engine/delivery.ts';
import { notification } from './contract.ts';
import { examples } from './examples.ts';

const time = z.iso.datetime();

export const notificationId = z
  .string()
  .regex(/^ntf_[0-9a-z]{26}$/)
  .describe('The notification: the same in every attempt and re-send. Act once for each.');

const payload = z
  .record(z.string(), z.unknown())
  .meta({ id: 'NotificationPayload', examples: [examples.input.payload] })
  .describe('The producer’s payload, byte for byte. Numbers may be longer than a double holds.');

const envelope = z
  .object({
    id: z.string().describe('As `webhook-id`.'),
    type: z.string(),
    timestamp: time.describe('When it happened: `occurredAt`, or when it was accepted.'),
    businessKey: z.string(),
    result: notification.shape.result,
    data: payload,
  })
  .meta({ id: 'NotificationEnvelope', examples: [examples.envelope] });

/** What a notification's receiver gets: one of the two, as its endpoint has chosen. */
export const notificationBody = z.union([envelope, payload]);

const callback = z
  .object({
    type: z.enum(ENDS.map((end) => `notification.${end}` as const)),
    timestamp: time.describe('As `data.endedAt`.'),
    data: z.object({
      notificationId: z.string(),
      deliveryId: z
        .string()
        .describe('The delivery that ended. `postrider-delivery` is that of this call.'),
      merchantId: z.string(),
      endpointId: z
        .string()
        .nullable()
        .describe('null: it went to an address of its own, or to nobody.'),
      notificationType: z.string(),
      businessKey: z.string(),
      eventId: z.string().nullable(),
      status: z.enum(DELIVERY_STATUSES).exclude(UNSETTLED),
      reason: z.enum(SETTLE_REASONS).nullable().describe('null: delivered.'),
      cycle: z.int().describe('The round that ended: one more with each re-send by hand.'),
      attempts: z.int().describe('Of this round.'),
      lastOutcome: z.enum(ATTEMPT_OUTCOMES).nullable().describe('null: there was no attempt.'),
      lastStatusCode: z.int().nullable(),
      endedAt: time,
    }),
  })
  .meta({ id: 'ProducerCallback', examples: [examples.callback] });

/** What is sent to receivers, and to producers when it has ended. */
export const notificationWebhooks: readonly Webhook[] = [
  {
    name: 'notification',
    tag: 'Notifications',
    summary: 'A notification, to a merchant’s endpoint or to its `notifyUrl`',
    description:
      'Signed with the endpoint’s secret; at a `notifyUrl` with the merchant’s own. The body is the envelope, or at an endpoint with `body: raw` the payload alone; its bytes are the same in every attempt. The endpoint’s own `headers` come besides. Alerts for operators (`alert.…`) are notifications, too.',
    headers: z.object({ 'webhook-id': notificationId }),
    body: notificationBody,
    answers: RECEIVER_ANSWERS,
  },
  {
    name: 'producerCallback',
    tag: 'Notifications',
    summary: 'The end of a delivery, to its producer',
    description:
      'To the address that `notifyProducer` of the notification, or of its queue, names; one call for each delivery and round. Signed with the `callbackSecret` of the producer’s key. The rules are those of the queue `producer-callbacks`. Calls may overtake each other: the higher `cycle` is the later word.',
    headers: z.object({
      'webhook-id': z
        .string()
        .regex(new RegExp(`^dlv_[0-9a-z]{26}:[1-9]\\d*:(${ENDS.join('|')})$`))
        .describe('`<deliveryId>:<cycle>:<end>`: one end has one id. Act once for each.'),
    }),
    body: callback,
    answers: {
      '2XX': { description: 'Heard: it is not called again.' },
      410: { description: 'Not wanted: it is not called again, and counts as failed.' },
      default: {
        description:
          'Repeated for a day: every other status, redirects, no answer in time, no connection. `Retry-After` of 429 and 503 lengthens the delay.',
      },
    },
  },
];
