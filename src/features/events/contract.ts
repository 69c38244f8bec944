import { z } from 'zod';
import { oneOrMore, oneOrMoreKeys } from '../../api/pagination.ts';
import { ATTEMPT_OUTCOMES, DELIVERY_STATUSES, SHOWN_REASONS } from '../../engine/delivery.ts';

const time = z.iso.datetime();
const name = z.string().min(1).max(128);

const outcome = z.enum(ATTEMPT_OUTCOMES);

/** What a listener wants to see; a filter that is absent lets everything through. */
export const eventsQuery = z.strictObject({
  merchantId: oneOrMore(name).optional(),
  endpointId: oneOrMore(name).optional(),
  queue: oneOrMore(name).optional(),
  type: oneOrMore(name).optional(),
  outcome: oneOrMore(outcome).optional(),
  businessKey: oneOrMoreKeys(name).optional(),
});
export type EventFilter = z.output<typeof eventsQuery>;

/**
 * The data of an `attempt` event: how it ended, and what became of its delivery. Its id resumes the
 * stream by `Last-Event-ID`. The other event is `gap`, with `{}`: some were left out, because they came
 * too fast or too long ago, and are found in the lists. Comments every 15 seconds keep the connection.
 */
export const attemptEvent = z
  .object({
    id: z.string(),
    deliveryId: z.string(),
    notificationId: z.string().nullable(),
    merchantId: z.string().nullable(),
    endpointId: z.string().nullable(),
    url: z.string().nullable(),
    type: z.string(),
    businessKey: z.string(),
    queue: z.string(),
    cycle: z.int(),
    number: z.int(),
    trigger: z.enum(['ladder', 'resend', 'test']),
    startedAt: time,
    durationMs: z.int().nullable(),
    outcome,
    statusCode: z.int().nullable(),
    error: z.string().nullable(),
    remoteAddress: z.string().nullable(),
    delivery: z
      .object({
        status: z.enum(DELIVERY_STATUSES),
        reason: z.enum(SHOWN_REASONS).nullable(),
        nextAttemptAt: time.nullable(),
      })
      .describe('As it stands when the event is sent.'),
  })
  .meta({ id: 'AttemptEvent' });
export type AttemptEvent = z.output<typeof attemptEvent>;
