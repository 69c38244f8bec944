import { z } from 'zod';
import { notifyProducer } from '../../api/notify-producer.ts';
import { moment } from '../../api/pagination.ts';
import { examples } from './examples.ts';

const MAX_DEADLINE_SECONDS = 30 * 86_400;
/** What the column holds; rungs behind the deadline are dropped, not refused. */
const MAX_RUNG_SECONDS = 2_147_483_647;

export const queueName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'Lower-case letters, digits, _ and -, at most 64 in all.');

const success = z
  .strictObject({
    body: z.union([
      z.literal('any'),
      z.strictObject({
        equals: z
          .string()
          .max(256)
          .regex(/^(\S(.*\S)?)?$/s, 'No blanks at the ends: answers are trimmed.'),
      }),
      z.strictObject({
        json: z.strictObject({
          path: z
            .string()
            .max(256)
            .regex(/^[\w$-]+(\.[\w$-]+)*$/, 'Words with dots between them, e.g. data.code.'),
          equals: z.union([z.string().max(256), z.number(), z.boolean(), z.null()]),
        }),
      }),
    ]),
  })
  .describe('A 2xx status is always needed; `body` says what else.');

const rules = {
  ladderSeconds: z
    .array(z.int().min(0).max(MAX_RUNG_SECONDS))
    .min(1)
    .max(64)
    .describe('Entry n is the delay before attempt n, counted from the end of the one before it.'),
  deadlineSeconds: z.int().min(1).max(MAX_DEADLINE_SECONDS),
  jitter: z.number().min(0).max(1).describe('A delay grows by at most this share of itself.'),
  timeoutMs: z.int().min(100).max(60_000),
  success,
  supersede: z
    .boolean()
    .describe('A higher result version of a businessKey cancels the older pending deliveries.'),
  maxInFlightPerEndpoint: z.int().min(1).max(1000),
  // What comes slower than one in a quarter of an hour is a pause, and overflows the pacing's sums.
  ratePerSecondPerEndpoint: z.number().min(0.001).max(10_000).nullable(),
  concurrency: z.int().min(1).max(2000).describe('Attempts at once in one worker process.'),
};

const preset = z.enum(['wechatpay', 'alipay', 'standard-webhooks']);

/** `PUT /v1/queues/{name}`: what is not given comes from the preset, else from the defaults. */
export const putQueue = z.strictObject({
  name: queueName.optional().describe('As a GET has it: that of the path.'),
  version: z.int().positive().optional().describe('As a GET has it; says nothing here.'),
  preset: preset.nullable().default(null),
  ...z.object(rules).partial().shape,
  notifyProducer: notifyProducer.nullable().optional(),
});

/** A queue with the policy it has now, as callers see it. */
export const queueView = z.object({
  name: queueName,
  version: z.int().positive(),
  preset: preset.nullable(),
  ...rules,
  notifyProducer: notifyProducer
    .nullable()
    .optional()
    .describe(
      'Whom its ends are told to, where a notification does not say. Only operators see it.',
    ),
});

/** A number as a query has it. */
const written = (number: z.ZodType<number, number>) => z.coerce.number().pipe(number);

/** Rules that are given here stand in for the queue's own, as a PUT of them would have it. */
export const previewQuery = z.strictObject({
  from: moment.optional().describe('Time of acceptance; now when absent.'),
  preset: preset.optional().describe('Its ladder and success rule, on the defaults for the rest.'),
  ladderSeconds: z
    .string()
    .max(1024)
    .regex(/^\d+(,\d+)*$/, 'Whole seconds with commas between them.')
    .transform((text): unknown => text.split(',').map(Number))
    .pipe(rules.ladderSeconds)
    .optional(),
  deadlineSeconds: written(rules.deadlineSeconds).optional(),
  jitter: written(rules.jitter).optional(),
});

export const previewView = z.object({
  name: queueName,
  version: z.int().positive().describe('That the queue has now.'),
  rules: z.object({ preset: preset.nullable(), ...rules }).describe('What the times follow from.'),
  from: z.iso.datetime(),
  deadlineAt: z.iso.datetime(),
  attempts: z.array(
    z.object({
      attempt: z.int().positive(),
      delaySeconds: z.int().describe("The ladder's entry."),
      at: z.iso.datetime().describe('When every attempt before it fails at once.'),
      earliest: z.iso.datetime(),
      latest: z.iso.datetime().describe('With all the jitter there can be.'),
      offsetSeconds: z.int().describe('From `from` to `at`.'),
    }),
  ),
  dropped: z
    .array(
      z.object({
        attempt: z.int().positive(),
        delaySeconds: z.int().describe("The ladder's entry."),
        reason: z.enum(['behind_deadline']),
      }),
    )
    .describe('Rungs for which the ladder is too long.'),
});

export type Preset = z.output<typeof preset>;
export type QueueView = z.output<typeof queueView>;
export type PreviewView = z.output<typeof previewView>;
export type PutQueue = Omit<z.output<typeof putQueue>, 'name' | 'version'>;

// What /docs shows of them.
z.globalRegistry.add(putQueue, { id: 'Queue', examples: [examples.putQueue] });
z.globalRegistry.add(queueView, { id: 'Queue', examples: [examples.queueView] });
