import { ATTEMPT_OUTCOMES, type Outcome } from '../../engine/delivery.ts';
import { WINDOWS } from './contract.ts';
import type { AttemptCount, BucketRow, FailureRow, LastFailure } from './store-fold.ts';

export const WIDTHS_SECONDS = Object.values(WINDOWS).map(({ bucketSeconds }) => bucketSeconds);
/** The name under which all merchants are counted together. */
export const ALL_MERCHANTS = '';
/**
 * Before the id of an endpoint: the name under which it is counted by itself. No merchant's id has a
 * colon. (Rejected: a table of its own, with the same columns and the same ways in and out.)
 */
export const ENDPOINT_SCOPE = 'endpoint:';
/** Endpoints are many, and asked for a day alone. */
const ENDPOINT_WIDTH_SECONDS = WINDOWS['24h'].bucketSeconds;

/** Adds up what is alike into the rows of each width: for all, the merchant, the endpoint. Pure. */
export function tallyBuckets(counts: readonly AttemptCount[]): BucketRow[] {
  const rows = new Map<string, BucketRow>();
  for (const each of counts) {
    for (const width of WIDTHS_SECONDS) {
      addTo(bucketIn(rows, ALL_MERCHANTS, width, each.minute), each);
      if (each.merchantId !== null)
        addTo(bucketIn(rows, each.merchantId, width, each.minute), each);
    }
    if (each.endpointId !== null) {
      const scope = ENDPOINT_SCOPE + each.endpointId;
      addOutcome(bucketIn(rows, scope, ENDPOINT_WIDTH_SECONDS, each.minute), each);
    }
  }
  return [...rows.values()];
}

/** Failures by endpoint, with the last of each. Pure. */
export function tallyFailures(
  counts: readonly AttemptCount[],
  lasts: readonly LastFailure[],
): FailureRow[] {
  const rows = new Map<string, FailureRow>();
  for (const width of WIDTHS_SECONDS) {
    for (const last of lasts) {
      const at = bucketStart(last.minute, width);
      const key = `${last.endpointId} ${width} ${at.getTime()}`;
      const known = rows.get(key);
      if (known !== undefined && known.last_at >= last.at) continue;
      rows.set(key, {
        endpoint_id: last.endpointId,
        bucket_seconds: width,
        at,
        failures: known?.failures ?? 0,
        last_at: last.at,
        last_outcome: last.outcome,
        last_status_code: last.statusCode,
        last_error: last.error,
      });
    }
    for (const { endpointId, minute, outcome, count } of counts) {
      if (outcome === 'success') continue;
      const row = rows.get(`${endpointId} ${width} ${bucketStart(minute, width).getTime()}`);
      if (row !== undefined) row.failures += count;
    }
  }
  return [...rows.values()];
}

function bucketIn(
  rows: Map<string, BucketRow>,
  merchantId: string,
  width: number,
  minute: Date,
): BucketRow {
  const at = bucketStart(minute, width);
  const key = `${merchantId} ${width} ${at.getTime()}`;
  const known = rows.get(key);
  if (known !== undefined) return known;
  const row: BucketRow = {
    merchant_id: merchantId,
    bucket_seconds: width,
    at,
    first_attempts: 0,
    first_succeeded: 0,
    delivered: 0,
    outcomes: [],
    latency: [],
    delivered_in: [],
  };
  rows.set(key, row);
  return row;
}

function addTo(row: BucketRow, each: AttemptCount): void {
  const { count, latencySlot, deliveredInSlot } = each;
  if (each.isFirst) row.first_attempts += count;
  if (each.isFirst && each.outcome === 'success') row.first_succeeded += count;
  addOutcome(row, each);
  if (latencySlot !== null) addAt(row.latency, latencySlot, count);
  if (deliveredInSlot !== null) {
    row.delivered += count;
    addAt(row.delivered_in, deliveredInSlot, count);
  }
}

function addOutcome(row: BucketRow, { outcome, count }: AttemptCount): void {
  addAt(row.outcomes, ATTEMPT_OUTCOMES.indexOf(outcome as Outcome), count);
}

function addAt(counts: number[], slot: number, count: number): void {
  while (counts.length <= slot) counts.push(0);
  counts[slot] = (counts[slot] ?? 0) + count;
}

/** As `date_bin` from 1970 has it. */
function bucketStart(time: Date, widthSeconds: number): Date {
  const widthMs = widthSeconds * 1000;
  return new Date(Math.floor(time.getTime() / widthMs) * widthMs);
}
