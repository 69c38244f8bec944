import type { OnWake, Wake, WakeQueue } from '../src/engine/timers/wake-queue.ts';
import type { Process } from './process.ts';
import type { Random } from './random.ts';
import type { Settings } from './settings.ts';
import type { Timeline } from './timeline.ts';

/** Timers that lose, repeat, delay and forget, shared by all workers. */
export interface Timers {
  /** As one process sees them. */
  openFor(process: Process): WakeQueue;
  /** Like FLUSHALL: what was planned is gone. */
  flush(): void;
}

interface Listener {
  process: Process;
  queue: string;
  onWake: OnWake;
}

export function createTimers(timeline: Timeline, random: Random, settings: () => Settings): Timers {
  const listeners = new Set<Listener>();
  // BullMQ ignores an id that it still knows in whatever state.
  const known = new Set<string>();
  let generation = 0;

  function deliver({ queue, deliveryId }: Wake): void {
    const able = [...listeners].filter(
      (each) => each.queue === queue && each.process.isAlive && !each.process.isStalled,
    );
    if (able.length === 0) return;
    const { process, onWake } = random.pick(able);
    process.at(0, () => onWake(deliveryId, null));
  }

  function plan(wake: Wake, delayMs: number): void {
    const planned = generation;
    timeline.at(delayMs, () => {
      if (planned === generation) deliver(wake);
    });
  }

  return {
    openFor(process) {
      const { skewMs } = settings();
      const skew = random.whole(-skewMs, skewMs);
      async function wake(wakes: readonly Wake[]): Promise<void> {
        const { wakeLost, wakeTwice, wakeLate } = settings();
        for (const wake of wakes) {
          if (known.has(wake.key)) continue;
          known.add(wake.key);
          if (random.chance(wakeLost)) continue;
          // A timer's time is the clock of the process that set it, read by another one's.
          const delayMs = wake.delayMs === 0 ? 0 : Math.max(0, wake.delayMs + skew);
          const lateMs = random.chance(wakeLate) ? random.exponential(60_000) : random.whole(1, 20);
          plan(wake, delayMs + Math.ceil(lateMs));
          if (random.chance(wakeTwice)) plan(wake, delayMs + random.whole(0, 5_000));
        }
      }
      return {
        wake,
        share: wake,
        async listen(queue, _concurrency, onWake) {
          const listener = { process, queue, onWake };
          listeners.add(listener);
          return {
            async close() {
              listeners.delete(listener);
            },
          };
        },
        async ping() {},
        givenUp: 0,
        async close() {},
      };
    },
    flush() {
      generation += 1;
      known.clear();
      for (const listener of listeners) {
        if (!listener.process.isAlive) listeners.delete(listener);
      }
    },
  };
}
