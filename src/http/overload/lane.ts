import { createRate } from './rate.ts';

/** Calls of one kind that are worked on at once, and the bound on them. Weights: 1 is a small call. */
export interface Lane {
  isFull(): boolean;
  enter(weight: number): void;
  leave(weight: number): void;
  /** Something was done, as it was asked for: not refused, nor failed. */
  complete(weight: number): void;
  readonly inFlight: number;
  limit(): number;
}

const SECOND = 1000;
/** A wait that leaves callers most of their patience. */
const WAIT_SECONDS = 1;
/** A crowd that comes after so long a calm is let in for a second: most of the time it is gone by then. */
const CALM_MS = 10 * SECOND;
const BURST_MS = SECOND;

/**
 * As many at once as were completed within the last second: so whoever is let in waits for about that
 * long, however quick or slow the machine and the database are at the moment (Little's law). The floor is
 * for a start from rest, and for a machine so busy with other things that a call takes a second of waiting
 * and hardly any work. (Rejected: half a second, with which too few were at work on such a machine. Where
 * even the floor is too much, the batches' patience bounds the wait.)
 *
 * Refusals and failures don't count as completed: a wrong key is told so quickly that thousands of
 * them would let in thousands of calls.
 *
 * @param burst more than the limit that are let in at once, where nobody was refused for a while
 */
export function createLane(floor: number, burst: number, nowMs: () => number): Lane {
  const completed = createRate(nowMs);
  let inFlight = 0;
  /** Since when there is more than the limit; null: there is not. */
  let overSince: number | null = null;
  let refusedAt = Number.NEGATIVE_INFINITY;
  const limit = () => Math.max(floor, WAIT_SECONDS * completed.lastSecond());

  function isBurst(now: number): boolean {
    overSince ??= now;
    const isCalm = now - refusedAt > CALM_MS;
    return inFlight < burst && isCalm && now - overSince < BURST_MS;
  }

  return {
    // The last one in may overshoot by its weight: one call alone is always possible.
    isFull() {
      if (inFlight < floor || inFlight < limit()) {
        overSince = null;
        return false;
      }
      const now = nowMs();
      if (isBurst(now)) return false;
      refusedAt = now;
      return true;
    },
    enter(weight) {
      inFlight += weight;
    },
    leave(weight) {
      inFlight -= weight;
      if (inFlight < floor) overSince = null;
    },
    complete: (weight) => completed.count(weight),
    get inFlight() {
      return inFlight;
    },
    limit,
  };
}
