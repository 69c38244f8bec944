import { z } from 'zod';
import { ATTEMPT_OUTCOMES } from '../../engine/delivery.ts';

const time = z.iso.datetime();
const count = z.int().min(0);

/** How long a chart looks back, and the width of its buckets. */
export const WINDOWS = {
  '1h': { bucketSeconds: 60, buckets: 60 },
  '24h': { bucketSeconds: 900, buckets: 96 },
  '7d': { bucketSeconds: 7200, buckets: 84 },
} as const;
export type WindowName = keyof typeof WINDOWS;

export const overviewQuery = z.strictObject({
  window: z.enum(['1h', '24h', '7d']).default('1h'),
});

const rate = z.number().min(0).max(1).nullable().describe('0 to 1; null: there were none.');

const percentiles = z
  .object({ p50: count, p95: count, p99: count })
  .nullable()
  .describe('Milliseconds, from a histogram: true to about an eighth. null: there were none.')
  .meta({ id: 'Percentiles' });

const outcomes = z.record(z.enum(ATTEMPT_OUTCOMES), count).describe('Attempts by how they ended.');

const ended = z
  .object({
    delivered: count,
    failed: count,
    acknowledged: count,
    cancelled: count,
    skipped: count,
  })
  .describe('Deliveries by how they ended. All but `delivered` are counted some minutes late.');

export const failingEndpoint = z
  .object({
    id: z.string(),
    merchantId: z.string(),
    url: z.string(),
    failures: count,
    lastFailedAt: time,
    lastOutcome: z.enum(ATTEMPT_OUTCOMES),
    lastStatusCode: z.int().nullable(),
    lastError: z.string().nullable(),
    status: z.enum(['active', 'paused', 'disabled']),
    circuit: z.object({ state: z.enum(['closed', 'open']), openUntil: time.nullable() }),
  })
  .meta({ id: 'FailingEndpoint' });

export const backlog = z
  .object({
    waiting: count.describe('Not yet delivered, due or not.'),
    due: count.describe('Of those: the time has come, and nothing holds them back.'),
    held: count.describe(
      'Due, but held back by their receiver: paused, disabled, behind an open circuit, or at work ' +
        'within its limits of rate and attempts at once.',
    ),
    oldestDueAgeMs: count.nullable().describe('Of what is due and not held.'),
    isCapped: z.boolean().describe('There are more than are counted here.'),
  })
  .meta({ id: 'Backlog' });

const bucket = z
  .object({
    at: time.describe('The beginning of the bucket.'),
    attempts: count,
    succeeded: count,
    firstAttempts: count,
    firstSucceeded: count,
    delivered: count,
    latencyMs: percentiles,
  })
  .meta({ id: 'OverviewBucket' });

/** How deliveries fare, for whoever asks: all of them, or a merchant's own. */
export const overview = z
  .object({
    window: z.enum(['1h', '24h', '7d']),
    from: time.describe('The beginning of the first bucket.'),
    to: time.describe('Now.'),
    bucketSeconds: z.int(),
    countedUntil: time.describe('Attempts recorded until then are in the counts.'),
    attempts: z.object({ count, succeeded: count, successRate: rate, outcomes }),
    firstAttempts: z.object({ count, succeeded: count, successRate: rate }),
    latencyMs: percentiles,
    timeToDeliveredMs: percentiles,
    ended,
    backlog,
    failingEndpoints: z.array(failingEndpoint).max(10),
    series: z.array(bucket).describe('Every bucket of the window, oldest first, empty ones too.'),
  })
  .meta({ id: 'Overview' });

export const endpointsParams = z.strictObject({ merchantId: z.string().min(1).max(64) });

/** How a merchant's endpoints fare, each of them, over the last 24 hours. */
export const endpointsOverview = z
  .object({
    from: time.describe('Attempts from then on are counted.'),
    countedUntil: time.describe('Attempts recorded until then are in the counts.'),
    data: z
      .array(
        z.object({
          id: z.string(),
          attempts: count.describe('Tests are not counted.'),
          failures: count,
          lastFailure: z
            .object({
              at: time,
              outcome: z.enum(ATTEMPT_OUTCOMES),
              statusCode: z.int().nullable(),
              error: z.string().nullable(),
            })
            .nullable()
            .describe('null: nothing failed.'),
        }),
      )
      .describe('Every endpoint of the merchant, newest first.'),
  })
  .meta({ id: 'EndpointsOverview' });

export type EndpointsOverview = z.output<typeof endpointsOverview>;
export type Overview = z.output<typeof overview>;
export type Backlog = z.output<typeof backlog>;
export type FailingEndpoint = z.output<typeof failingEndpoint>;
