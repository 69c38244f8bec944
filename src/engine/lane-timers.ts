import type { Clock, Timer } from '../platform/time/clock.ts';

/** What a lane is to do in a short while: one thing for each key. */
interface LaneTimers {
  /** Not while another one of this key runs; and what is too far away is left to the sweep. */
  set(key: string, waitMs: number, act: () => void): void;
  cancelAll(): void;
}

/** What is due later than this is left to the sweep. */
const LONGEST_MS = 60_000;
const MOST = 10_000;

export function createLaneTimers(clock: Pick<Clock, 'after'>): LaneTimers {
  const timers = new Map<string, Timer>();
  return {
    set(key, waitMs, act) {
      if (waitMs > LONGEST_MS || timers.has(key) || timers.size >= MOST) return;
      const timer = clock.after(Math.max(1, waitMs), () => {
        timers.delete(key);
        act();
      });
      timers.set(key, timer);
    },
    cancelAll() {
      for (const timer of timers.values()) timer.cancel();
      timers.clear();
    },
  };
}
