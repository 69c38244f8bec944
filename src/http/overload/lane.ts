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

/** A wait that leaves callers most of their patience. */
const WAIT_SECONDS = 1;

/**
 * As many at once as were completed within the last second: so whoever is let in waits for about that
 * long, however quick or slow the machine and the database are at the moment (Little's law). The floor is
 * for a start from rest, and for a machine so busy with other things that a call takes a second of waiting
 * and hardly any work. (Rejected: half a second, with which too few were at work on such a machine. Where
 * even the floor is too much, the batches' patience bounds the wait.)
 *
 * Refusals and failures don't count as completed: a wrong key is told so quickly that thousands of
 * them would let in thousands of calls.
 */
export function createLane(floor: number, nowMs: () => number): Lane {
  const completed = createRate(nowMs);
  let inFlight = 0;
  const limit = () => Math.max(floor, WAIT_SECONDS * completed.lastSecond());
  return {
    // The last one in may overshoot by its weight: one call alone is always possible.
    isFull: () => inFlight >= floor && inFlight >= limit(),
    enter(weight) {
      inFlight += weight;
    },
    leave(weight) {
      inFlight -= weight;
    },
    complete: (weight) => completed.count(weight),
    get inFlight() {
      return inFlight;
    },
    limit,
  };
}
