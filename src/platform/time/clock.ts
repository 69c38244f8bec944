import { setTimeout as sleep } from 'node:timers/promises';

/**
 * The time and the timers of this process. The engine takes it as a parameter, so that a simulation
 * can let days pass in milliseconds and stop one worker while the others go on.
 */
export interface Clock {
  /** Monotonic, ms since whenever: only differences mean something. */
  now(): number;
  /** Rejects with the signal's reason when that aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Once, in `ms`. */
  after(ms: number, act: () => void): Timer;
  /** Again and again, the first time in `ms`. */
  every(ms: number, act: () => void): Timer;
  /** When the current tick has ended. */
  soon(act: () => void): void;
}

export interface Timer {
  cancel(): void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal && { signal }),
  after(ms, act) {
    const timer = setTimeout(act, ms);
    return { cancel: () => clearTimeout(timer) };
  },
  every(ms, act) {
    const timer = setInterval(act, ms);
    return { cancel: () => clearInterval(timer) };
  },
  soon(act) {
    setImmediate(act);
  },
};
