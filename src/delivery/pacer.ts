import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';

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
  const free = new LRUCache<string, number>({ max: MOST_RECEIVERS });
  return (receiverId, plannedAt, intervalMs) => {
    if (intervalMs === 0) return plannedAt;
    const at = Math.max(plannedAt, free.get(receiverId) ?? 0);
    free.set(receiverId, Math.max(at, clock.now()) + intervalMs);
    return at;
  };
}
