import type { Clock } from '../platform/time/clock.ts';

/** What takes less is done as often as it is asked for. */
const DEAR_MS = 250;
/** The work may take one in so many parts of the time. */
const PARTS = 20;
/** Whoever waits for what the work finds waits no longer for it. */
const LONGEST_REST_MS = 15_000;

/** Runs the work, or leaves it out: undefined. */
export type Sparing = <T>(work: () => Promise<T>) => Promise<T | undefined>;

/**
 * Does periodic work more rarely when it is dear, as a search is while somebody holds an old snapshot: all that has
 * ended since lies in its way, and nothing can clear it away.
 *
 * The shorter of the last two times counts: one may have been spent waiting for a connection. What failed says nothing.
 */
export function createSparing(clock: Pick<Clock, 'now'>): Sparing {
  let lastMs = 0;
  let beforeMs = 0;
  let endedAt = Number.NEGATIVE_INFINITY;
  return async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    const tookMs = Math.min(lastMs, beforeMs);
    const restMs = tookMs < DEAR_MS ? 0 : Math.min(LONGEST_REST_MS, tookMs * (PARTS - 1));
    if (clock.now() - endedAt < restMs) return undefined;
    const began = clock.now();
    const result = await work();
    endedAt = clock.now();
    beforeMs = lastMs;
    lastMs = endedAt - began;
    return result;
  };
}
