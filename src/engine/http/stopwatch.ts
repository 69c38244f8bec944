import type { LagMeter } from '../lag.ts';

/** How long an attempt took; both in ms. */
export interface Times {
  durationMs: number;
  /** Without what this process itself lagged meanwhile. */
  heldMs: number;
}

export const NO_TIME: Times = { durationMs: 0, heldMs: 0 };

/** Our own lag lengthens an attempt to twice its time at the most: its lease must end some time, too. */
const MOST_TIMES = 2;

export function startWatch(lag: Pick<LagMeter, 'lagMs'>) {
  const startedAt = performance.now();
  const lagBefore = lag.lagMs();

  function read(): Times {
    const durationMs = performance.now() - startedAt;
    const heldMs = Math.max(0, durationMs - (lag.lagMs() - lagBefore));
    return { durationMs: Math.round(durationMs), heldMs: Math.round(heldMs) };
  }

  return {
    read,
    /** Of a receiver's time limit; what we lagged is none of it. */
    leftMs(timeoutMs: number): number {
      const { durationMs, heldMs } = read();
      return Math.min(timeoutMs - heldMs, MOST_TIMES * timeoutMs - durationMs);
    },
  };
}
