import { LRUCache } from 'lru-cache';

/**
 * Where the living begin in the indexes of deliveries, receiver by receiver, as far as this process has seen.
 *
 * What has ended leaves a dead entry behind until nobody's snapshot could still see it; while a dump holds
 * one, a look that began at the first entry would visit all that ended since. A floor only spares work: what
 * is committed late, below one, is found by the sweep, which knows none.
 */
export interface Floors {
  /** No lease of the receiver has a lower number; null: unknown. */
  leaseAt(receiverId: string): string | null;
  noteLease(receiverId: string, floor: string): void;
  /** Nothing of the queue waits there that was due earlier, ms since the epoch; null: unknown. */
  dueAt(queue: string, receiverId: string): number | null;
  /** @param oldestMs the oldest that was seen to wait; null: nothing was, at `nowMs` */
  noteDue(queue: string, receiverId: string, oldestMs: number | null, nowMs: number): void;
  /** Something waits there now that is due at that time, however long ago. */
  waits(queue: string, receiverId: string, dueMs: number): void;
}

const MOST_RECEIVERS = 10_000;
/** What is being committed meanwhile may be due a little earlier than what has been seen. */
const COMMIT_LAG_MS = 1_000;

export function createFloors(): Floors {
  const leases = new LRUCache<string, string>({ max: MOST_RECEIVERS });
  const dues = new LRUCache<string, number>({ max: MOST_RECEIVERS });
  return {
    leaseAt: (receiverId) => leases.get(receiverId) ?? null,
    noteLease: (receiverId, floor) => void leases.set(receiverId, floor),
    dueAt: (queue, receiverId) => dues.get(`${queue} ${receiverId}`) ?? null,
    noteDue(queue, receiverId, oldestMs, nowMs) {
      dues.set(`${queue} ${receiverId}`, oldestMs ?? nowMs - COMMIT_LAG_MS);
    },
    waits(queue, receiverId, dueMs) {
      const key = `${queue} ${receiverId}`;
      if ((dues.get(key) ?? 0) > dueMs) dues.set(key, dueMs);
    },
  };
}
