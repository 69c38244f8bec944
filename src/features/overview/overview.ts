import { ATTEMPT_OUTCOMES } from '../../engine/delivery.ts';
import type { Sql } from '../../platform/db/client.ts';
import { type ReadBacklog, sumOf } from './backlog.ts';
import {
  type EndpointsOverview,
  type FailingEndpoint,
  type Overview,
  WINDOWS,
  type WindowName,
} from './contract.ts';
import { addCounts, percentilesOf } from './histogram.ts';
import { type EndpointCounts, readEndpointCounts } from './store-endpoints.ts';
import {
  type BucketCounts,
  type Failing,
  readBuckets,
  readFailing,
  readSpan,
  type Span,
} from './store-read.ts';

const MOST_FAILING = 10;

/** @param merchantId null: of all */
export async function readOverview(
  sql: Sql,
  readBacklog: ReadBacklog,
  merchantId: string | null,
  window: WindowName,
): Promise<Overview> {
  const { bucketSeconds, buckets } = WINDOWS[window];
  const span = await readSpan(sql, bucketSeconds, buckets);
  const [counts, failing, backlog] = await Promise.all([
    readBuckets(sql, merchantId, span),
    readFailing(sql, merchantId, span, MOST_FAILING),
    readBacklog(merchantId),
  ]);
  return {
    window,
    from: span.from.toISOString(),
    to: span.to.toISOString(),
    bucketSeconds,
    countedUntil: span.countedUntil.toISOString(),
    ...totalsOf(counts),
    backlog: sumOf(backlog),
    failingEndpoints: failing.map((each) => toFailing(each, span.to)),
    series: seriesOf(counts, span, buckets),
  };
}

/** @returns null: there is no such merchant */
export async function readEndpointsOverview(
  sql: Sql,
  merchantId: string,
): Promise<EndpointsOverview | null> {
  const { bucketSeconds, buckets } = WINDOWS['24h'];
  const span = await readSpan(sql, bucketSeconds, buckets);
  const counts = await readEndpointCounts(sql, merchantId, span);
  if (counts === null) return null;
  return {
    from: span.from.toISOString(),
    countedUntil: span.countedUntil.toISOString(),
    data: counts.map(({ id, attempts, failures, ...last }) => ({
      id,
      attempts,
      failures,
      lastFailure: toLastFailure(last),
    })),
  };
}

function toLastFailure(
  last: Omit<EndpointCounts, 'id' | 'attempts' | 'failures'>,
): EndpointsOverview['data'][number]['lastFailure'] {
  const { lastFailedAt, lastOutcome, lastStatusCode, lastError } = last;
  if (lastFailedAt === null || lastOutcome === null) return null;
  const at = lastFailedAt.toISOString();
  return { at, outcome: lastOutcome, statusCode: lastStatusCode, error: lastError };
}

function totalsOf(
  counts: readonly BucketCounts[],
): Pick<Overview, 'attempts' | 'firstAttempts' | 'latencyMs' | 'timeToDeliveredMs' | 'ended'> {
  const sum = (of: (each: BucketCounts) => number) =>
    counts.reduce((total, each) => total + of(each), 0);
  const list = (of: (each: BucketCounts) => number[]) =>
    counts.reduce<number[]>((total, each) => addCounts(total, of(each)), []);
  const outcomes = list((each) => each.outcomes);
  return {
    attempts: {
      ...shareOf(totalOf(outcomes), outcomes[0] ?? 0),
      outcomes: Object.fromEntries(
        ATTEMPT_OUTCOMES.map((outcome, place) => [outcome, outcomes[place] ?? 0]),
      ) as Overview['attempts']['outcomes'],
    },
    firstAttempts: shareOf(
      sum((each) => each.firstAttempts),
      sum((each) => each.firstSucceeded),
    ),
    latencyMs: percentilesOf(list((each) => each.latency)),
    timeToDeliveredMs: percentilesOf(list((each) => each.deliveredIn)),
    ended: {
      delivered: sum((each) => each.delivered),
      failed: sum((each) => each.failed),
      acknowledged: sum((each) => each.acknowledged),
      cancelled: sum((each) => each.cancelled),
      skipped: sum((each) => each.skipped),
    },
  };
}

function shareOf(count: number, succeeded: number) {
  return { count, succeeded, successRate: count === 0 ? null : succeeded / count };
}

function totalOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

function seriesOf(
  counts: readonly BucketCounts[],
  span: Span,
  buckets: number,
): Overview['series'] {
  const known = new Map(counts.map((each) => [each.at.getTime(), each]));
  return Array.from({ length: buckets }, (_none, place) => {
    const atMs = span.from.getTime() + place * span.bucketSeconds * 1000;
    const bucket = known.get(atMs);
    return {
      at: new Date(atMs).toISOString(),
      attempts: totalOf(bucket?.outcomes ?? []),
      succeeded: bucket?.outcomes[0] ?? 0,
      firstAttempts: bucket?.firstAttempts ?? 0,
      firstSucceeded: bucket?.firstSucceeded ?? 0,
      delivered: bucket?.delivered ?? 0,
      latencyMs: percentilesOf(bucket?.latency ?? []),
    };
  });
}

function toFailing(
  { pausedAt, disabledReason, openUntil, ...row }: Failing,
  now: Date,
): FailingEndpoint {
  // As the endpoint itself shows it: a circuit that may be probed is not closed yet.
  const status = disabledReason !== null ? 'disabled' : pausedAt !== null ? 'paused' : 'active';
  return {
    ...row,
    lastFailedAt: row.lastFailedAt.toISOString(),
    status,
    circuit: {
      state: openUntil === null ? 'closed' : 'open',
      openUntil: openUntil !== null && openUntil > now ? openUntil.toISOString() : null,
    },
  };
}
