import { z } from 'zod';
import { DELIVERY_STATUSES, SHOWN_REASONS } from '../../engine/delivery.ts';
import { examples } from './examples.ts';

const time = z.iso.datetime({ offset: true });
export const businessKey = z.string().min(1).max(128);
/** The longest history an answer holds. */
export const MAX_HISTORY = 100;
export const MAX_KEYS = 500;
/** Of the answer for many keys; whatever the last one holds comes on top. */
export const MAX_ANSWER_MIB = 4;

const state = z.object({
  notificationId: z.string(),
  type: z.string(),
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
});

const latest = state
  .extend({ payload: z.record(z.string(), z.unknown()) })
  .describe('The highest version; among equals the latest to occur, then the latest accepted.');

export const result = z.object({
  businessKey,
  merchantId: z.string(),
  latest,
  history: z
    .array(state)
    .describe(
      `The highest version first, the latest state included; at most ${MAX_HISTORY}. All of them: ` +
        'GET /v1/notifications?businessKey=…',
    ),
  deliveries: z
    .array(
      z.object({
        id: z.string(),
        notificationId: z.string(),
        endpointId: z.string().nullable(),
        url: z.string().nullable(),
        status: z.enum(DELIVERY_STATUSES),
        reason: z.enum(SHOWN_REASONS).nullable(),
        cycle: z.number().int(),
        attemptCount: z.number().int(),
        nextAttemptAt: time.nullable(),
        deadlineAt: time,
      }),
    )
    .describe('Those of the history, in its order.'),
});

const latestResult = result.pick({ businessKey: true, merchantId: true, latest: true });
export const anyResult = z
  .union([result, latestResult])
  .describe('The second with `fields=latest`.');

export const foundResults = z.object({
  data: z
    .array(z.object({ businessKey, found: z.boolean(), latest: latest.optional() }))
    .describe('In the order asked, each key once.'),
  remaining: z
    .array(businessKey)
    .describe(
      `Keys for which the answer had no room: it ends at ${MAX_ANSWER_MIB} MiB. Ask for these next.`,
    ),
});

export type ResultView = z.output<typeof result>;
export type FoundResults = z.output<typeof foundResults>;
export type FoundResult = FoundResults['data'][number];
export type State = z.output<typeof state>;
export type Delivery = z.output<typeof result>['deliveries'][number];

// What /docs shows of them.
z.globalRegistry.add(result, { id: 'Result', examples: [examples.result] });
z.globalRegistry.add(foundResults, { examples: [examples.found] });
