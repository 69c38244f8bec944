import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { dayIn } from '../../api/calendar-day.ts';
import { type Removal, removeRows } from '../../platform/db/batch-delete.ts';
import type { Database } from '../../platform/db/client.ts';
import { type Repeated, repeat } from '../../platform/time/periodic.ts';
import type { Statements } from '../statements/statements.ts';
import {
  advance,
  findMerchants,
  findOldestDay,
  type Lease,
  releaseLease,
  removeNotifications,
  takeLease,
} from './store.ts';

/**
 * Removes things of one kind that ended before, with all that belongs to them; never what has not
 * ended, or is in somebody's hands.
 *
 * @param limit things in a batch
 */
export type RemoveEnded = (before: Date, limit: number) => Removal;

interface RetentionOptions {
  database: Database;
  statements: Pick<Statements, 'closeUtcDay'>;
  /** Whole UTC days that things are kept; 0: for ever. */
  retentionDays: number;
  /** Forgets at most so many old idempotency keys. @returns how many */
  removeExpiredKeys(limit: number): Promise<number>;
  /** What goes besides notifications, and in this order after them; by its name in the log. */
  ended: Readonly<Record<string, RemoveEnded>>;
  log: Logger;
}

const MINUTE = 60_000;
const EVERY_MS = 5 * MINUTE;
/** Then the rest waits for the next round; well within the lease. */
const ROUND_MS = 4 * MINUTE;
/** Few, because each brings its deliveries and all their attempts with it. */
const THINGS_AT_ONCE = 100;
const KEYS_AT_ONCE = 500;
const SHORTEST_PAUSE_MS = 20;

/** Removes what is too old, in some process that works, every few minutes. */
export function startRetention(options: RetentionOptions): Repeated {
  return repeat(
    EVERY_MS,
    (stopping) => removeOld(options, stopping),
    (error) => options.log.error({ err: error }, 'retention failed'),
  );
}

/**
 * One round. First the days that are too old are closed for every merchant that has rows in them, so
 * that their statements remain; then notifications go, and whatever else has ended, small batch by
 * small batch, each followed by a pause as long as itself: half of one connection's time at the most,
 * however much there is.
 */
export async function removeOld(options: RetentionOptions, stopping: AbortSignal): Promise<void> {
  const { database, retentionDays, removeExpiredKeys, log } = options;
  const lease = await takeLease(database.prisma, retentionDays);
  if (lease === null) return;
  const timeIsUp = AbortSignal.any([stopping, AbortSignal.timeout(ROUND_MS)]);
  try {
    await gently(timeIsUp, removeRows(KEYS_AT_ONCE, removeExpiredKeys));
    if (retentionDays === 0) return;
    const keptFrom = await closeOldDays(options, lease, timeIsUp);
    const removed: Record<string, number> = {
      notifications: await removeOldNotifications(database, keptFrom, timeIsUp),
      ...(await removeAllEnded(options, keptFrom, timeIsUp)),
    };
    if (Object.values(removed).some((count) => count > 0)) {
      log.info({ ...removed, keptFrom }, 'old rows removed');
    }
  } finally {
    await releaseLease(database.prisma, lease);
  }
}

/** Day by day, so that a round that is cut off leaves the next one less to do. */
async function closeOldDays(
  { database: { prisma }, statements }: RetentionOptions,
  { keptFrom: begin, cutoff }: Lease,
  timeIsUp: AbortSignal,
): Promise<Date> {
  let keptFrom = begin;
  while (keptFrom < cutoff) {
    const date = await findOldestDay(prisma, keptFrom, cutoff);
    if (date === null) {
      await advance(prisma, cutoff);
      return cutoff;
    }
    const { startsAt, endsAt } = dayIn(date, 'UTC');
    for (const merchantId of await findMerchants(prisma, startsAt, endsAt)) {
      if (timeIsUp.aborted) return keptFrom;
      await statements.closeUtcDay(merchantId, date);
    }
    await advance(prisma, endsAt);
    keptFrom = endsAt;
  }
  return keptFrom;
}

async function removeOldNotifications(
  database: Database,
  before: Date,
  timeIsUp: AbortSignal,
): Promise<number> {
  let removed = 0;
  for (const merchantId of await findMerchants(database.prisma, new Date(0), before)) {
    const batches = removeNotifications(database, merchantId, before, THINGS_AT_ONCE);
    removed += await gently(timeIsUp, batches);
  }
  return removed;
}

/** One after the other. A kind that fails does not keep the others from going. @returns how many of each */
async function removeAllEnded(
  { ended, log }: RetentionOptions,
  before: Date,
  timeIsUp: AbortSignal,
): Promise<Record<string, number>> {
  const removed: Record<string, number> = {};
  for (const [what, removeEnded] of Object.entries(ended)) {
    try {
      removed[what] = await gently(timeIsUp, removeEnded(before, THINGS_AT_ONCE));
    } catch (error) {
      log.error({ err: error, what }, 'retention failed');
    }
  }
  return removed;
}

/** Batch by batch, with rests, as long as there is time. @returns how many went */
async function gently(timeIsUp: AbortSignal, batches: Removal): Promise<number> {
  let sum = 0;
  if (timeIsUp.aborted) return sum;
  let beganAt = performance.now();
  for await (const { removed, isLast } of batches) {
    sum += removed;
    if (isLast) break;
    const restMs = Math.max(performance.now() - beganAt, SHORTEST_PAUSE_MS);
    await pause(restMs, undefined, { signal: timeIsUp }).catch(() => {});
    if (timeIsUp.aborted) break;
    beganAt = performance.now();
  }
  return sum;
}
