import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Database } from '../../db/client.ts';
import { type Repeated, repeat } from '../../repeat.ts';
import { dayIn } from '../statements/day.ts';
import type { Statements } from '../statements/statements.ts';
import {
  advance,
  findMerchants,
  findOldestDay,
  type Lease,
  releaseLease,
  removeNotifications,
  removePings,
  takeLease,
} from './store.ts';

interface RetentionOptions {
  database: Database;
  statements: Pick<Statements, 'closeUtcDay'>;
  /** Whole UTC days that notifications are kept; 0: for ever. */
  retentionDays: number;
  /** Forgets at most so many old idempotency keys. @returns how many */
  removeExpiredKeys(limit: number): Promise<number>;
  log: Logger;
}

const MINUTE = 60_000;
const EVERY_MS = 5 * MINUTE;
/** Then the rest waits for the next round; well within the lease. */
const ROUND_MS = 4 * MINUTE;
/** Few, because each brings its deliveries and all their attempts with it. */
const NOTIFICATIONS_AT_ONCE = 100;
const ROWS_AT_ONCE = 500;
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
 * that their statements remain; then notifications go, small batch by small batch, each followed by
 * a pause as long as itself: half of one connection's time at the most, however much there is.
 */
export async function removeOld(options: RetentionOptions, stopping: AbortSignal): Promise<void> {
  const { database, retentionDays, removeExpiredKeys, log } = options;
  const lease = await takeLease(database.prisma, retentionDays);
  if (lease === null) return;
  const timeIsUp = AbortSignal.any([stopping, AbortSignal.timeout(ROUND_MS)]);
  try {
    await removeRows(timeIsUp, removeExpiredKeys);
    if (retentionDays === 0) return;
    const keptFrom = await closeOldDays(options, lease, timeIsUp);
    const notifications = await removeOldNotifications(database, keptFrom, timeIsUp);
    const pings = await removeRows(timeIsUp, (limit) =>
      removePings(database.prisma, keptFrom, limit),
    );
    if (notifications + pings > 0) log.info({ notifications, pings, keptFrom }, 'old rows removed');
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
    let place = { acceptedAt: new Date(0), id: '' };
    await gently(timeIsUp, async () => {
      const limit = NOTIFICATIONS_AT_ONCE;
      const batch = await removeNotifications(database, merchantId, before, place, limit);
      removed += batch.removed;
      place = batch.next ?? place;
      return batch.next === null ? 'done' : 'more';
    });
  }
  return removed;
}

/** @returns how many went */
async function removeRows(
  timeIsUp: AbortSignal,
  remove: (limit: number) => Promise<number>,
): Promise<number> {
  let removed = 0;
  await gently(timeIsUp, async () => {
    const rows = await remove(ROWS_AT_ONCE);
    removed += rows;
    return rows < ROWS_AT_ONCE ? 'done' : 'more';
  });
  return removed;
}

async function gently(timeIsUp: AbortSignal, step: () => Promise<'more' | 'done'>): Promise<void> {
  while (!timeIsUp.aborted) {
    const beganAt = performance.now();
    if ((await step()) === 'done') return;
    const restMs = Math.max(performance.now() - beganAt, SHORTEST_PAUSE_MS);
    await pause(restMs, undefined, { signal: timeIsUp }).catch(() => {});
  }
}
