import type { Logger } from 'pino';
import type { Database } from '../../platform/db/client.ts';
import { WINDOWS } from './contract.ts';
import { countEnded, forgetOldBuckets, isEndedDue } from './store-ended.ts';
import {
  addBuckets,
  addFailures,
  countAttempts,
  lastFailures,
  moveOn,
  rebaseFold,
  takeRange,
} from './store-fold.ts';
import { tallyBuckets, tallyFailures, WIDTHS_SECONDS } from './tally.ts';

const EVERY_MS = 2_000;
const LONGEST_ROUND_MS = 25_000;
/** As long as a window, and then some: who asks has begun with a bucket that is still there. */
const KEPT = Object.values(WINDOWS).map(({ bucketSeconds, buckets }) => ({
  bucketSeconds,
  keptSeconds: bucketSeconds * (buckets + 2),
}));

/**
 * One round of counting: the attempts since the last one are added to their buckets, and the place
 * moves on, in one transaction. Whoever dies in it has counted nothing; of two processes one counts.
 *
 * @returns `more`: the round was full; `busy`: another process is at it
 */
export function foldAttempts({ prisma }: Database): Promise<'done' | 'more' | 'busy'> {
  return prisma.$transaction(
    async (tx) => {
      const range = await takeRange(tx);
      if (range === null) return 'busy';
      const counts = await countAttempts(tx, range);
      if (counts.length > 0) {
        const lasts = await lastFailures(tx, range);
        await addBuckets(tx, tallyBuckets(counts));
        await addFailures(tx, tallyFailures(counts, lasts));
      }
      await moveOn(tx, range);
      if (!range.isFull && (await isEndedDue(tx))) {
        await countEnded(tx, WIDTHS_SECONDS);
        await forgetOldBuckets(tx, KEPT);
      }
      return range.isFull ? 'more' : 'done';
    },
    { timeout: LONGEST_ROUND_MS },
  );
}

/** Counts every two seconds, in whichever process comes first. */
export function startFolding(database: Database, log: Logger): { close(): Promise<void> } {
  let isClosing = false;
  let timer: NodeJS.Timeout | undefined;
  const fault = (error: unknown) => log.error({ err: error }, 'counting failed');

  async function round(): Promise<void> {
    const result = await foldAttempts(database).catch(fault);
    if (isClosing) return;
    timer = setTimeout(
      () => {
        current = round();
      },
      result === 'more' ? 0 : EVERY_MS,
    );
  }

  let current = rebaseFold(database.prisma).catch(fault).then(round);
  return {
    async close() {
      isClosing = true;
      clearTimeout(timer);
      await current;
    },
  };
}
