import { LRUCache } from 'lru-cache';

interface Burst {
  /** When its first call came, `performance.now()`. */
  since: number;
  running: number;
  /** When the latest of its calls ended, while none runs. */
  endedAt: number;
}

const MOST_BURSTS = 10_000;
/** Two callers who never pause would else be one burst for ever. */
const LONGEST_MS = 10_000;

/**
 * Calls that overlap one after the other like roof tiles are one burst, however many and however long:
 * what the first of them asked for, all of them did. A caller who waits for the answer before the next
 * call never overlaps with itself.
 *
 * @returns runs a call about `key` with the time when its burst began, `performance.now()`
 */
export function createBursts() {
  const bursts = new LRUCache<string, Burst>({ max: MOST_BURSTS });
  return async <T>(
    key: string,
    receivedAt: number,
    run: (since: number) => Promise<T>,
  ): Promise<T> => {
    const last = bursts.get(key);
    const isOver =
      last === undefined ||
      (last.running === 0 && receivedAt > last.endedAt) ||
      receivedAt - last.since > LONGEST_MS;
    const burst = isOver ? { since: receivedAt, running: 0, endedAt: 0 } : last;
    burst.since = Math.min(burst.since, receivedAt);
    burst.running += 1;
    bursts.set(key, burst);
    try {
      return await run(burst.since);
    } finally {
      burst.running -= 1;
      burst.endedAt = performance.now();
    }
  };
}
