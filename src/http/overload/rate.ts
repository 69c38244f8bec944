const SECOND = 1000;
const BUCKETS = 10;
const BUCKET_MS = SECOND / BUCKETS;

/** Adds up what was counted within about the last second. */
export interface Rate {
  count(weight: number): void;
  lastSecond(): number;
}

/** @param nowMs a monotonic clock */
export function createRate(nowMs: () => number): Rate {
  const buckets = new Float64Array(BUCKETS);
  let current = Math.floor(nowMs() / BUCKET_MS);
  let sum = 0;

  /** Forgets the buckets whose second is over. */
  function advance(): number {
    const now = Math.floor(nowMs() / BUCKET_MS);
    const steps = Math.min(now - current, BUCKETS);
    for (let step = 1; step <= steps; step += 1) {
      const index = (now - steps + step) % BUCKETS;
      sum -= buckets[index] ?? 0;
      buckets[index] = 0;
    }
    current = now;
    return now % BUCKETS;
  }

  return {
    count(weight) {
      const index = advance();
      buckets[index] = (buckets[index] ?? 0) + weight;
      sum += weight;
    },
    lastSecond() {
      advance();
      return sum;
    },
  };
}
