import type { Clock } from '../platform/time/clock.ts';

const MOST_RECEIVERS = 10_000;

/**
 * Keeps starts at one receiver apart in this process. The claim has given each its time; but after a
 * moment in which the process was held up, several of them would be overdue and start at once.
 *
 * @returns a function that gives the time for a start (by `clock`), not before `plannedAt`
 */
export function createPacer(
  clock: Pick<Clock, 'now'>,
): (receiverId: string, plannedAt: number, intervalMs: number) => number {
  // In the order of use. (Rejected: an LRU cache, which takes room for all of them at once.)
  const free = new Map<string, number>();
  return (receiverId, plannedAt, intervalMs) => {
    if (intervalMs === 0) return plannedAt;
    const at = Math.max(plannedAt, free.get(receiverId) ?? 0);
    free.delete(receiverId);
    free.set(receiverId, Math.max(at, clock.now()) + intervalMs);
    const [longestUnused] = free.keys();
    if (free.size > MOST_RECEIVERS && longestUnused !== undefined) free.delete(longestUnused);
    return at;
  };
}
