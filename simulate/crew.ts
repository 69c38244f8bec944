import type { Worker } from '../src/engine/engine.ts';
import type { Wake } from '../src/engine/timers/wake-queue.ts';
import { createProcess, type Process } from './process.ts';
import type { Random } from './random.ts';
import { Injected, type Surroundings } from './surroundings.ts';
import { startSimulated } from './worker.ts';

/** The workers: whoever dies is replaced after a while. */
export interface Crew {
  /** As an API does it that runs beside a worker. */
  wake(wakes: Wake[]): void;
  /** Rules have changed: one of them hears of it at once, the others look by themselves. */
  refresh(): void;
  stallOne(ms: number): void;
  /** As in a deployment: one is asked to end, and a new one begins. */
  replaceOne(): void;
  /** Somebody is there who neither stands still nor has just begun. */
  isAtWork(): boolean;
}

interface Place {
  process: Process;
  worker: Worker | null;
}

const LOOKS_AFTER_MS = 2_000;
const GRACE_MS = 15_000;

export function createCrew(world: Surroundings, random: Random): Crew {
  const { machine, trace, watch } = world;
  const { timeline } = machine;
  const places: Place[] = [];
  let begun = 0;

  function begin(place: number): void {
    begun += 1;
    const process = createProcess(`w${begun}`, machine, () => replace(place, process));
    const entry: Place = { process, worker: null };
    places[place] = entry;
    trace.note(timeline.nowMs, process.name, 'begins');
    startSimulated(process, world).then(
      (worker) => {
        entry.worker = worker;
      },
      (error) => {
        if (!(error instanceof Injected)) watch.fail(`the start failed: ${error}`);
        process.kill();
      },
    );
  }

  /** Like a supervisor: who is gone is begun anew, not at once. */
  function replace(place: number, dead: Process): void {
    timeline.at(random.whole(LOOKS_AFTER_MS, 10 * LOOKS_AFTER_MS), () => {
      if (places[place]?.process === dead) begin(place);
    });
  }

  const atWork = () =>
    places.filter(
      ({ process, worker }) => process.isAlive && !process.isStalled && worker !== null,
    );

  for (let place = 0; place < world.settings().workers; place += 1) {
    begin(place);
  }

  return {
    wake(wakes) {
      const able = atWork();
      if (able.length > 0) void random.pick(able).worker?.wake(wakes);
    },
    refresh() {
      for (const { worker } of atWork()) void worker?.refresh().catch(() => {});
    },
    stallOne(ms) {
      const able = atWork();
      if (able.length > 0) random.pick(able).process.stall(ms);
    },
    replaceOne() {
      const able = atWork();
      if (able.length === 0) return;
      const leaving = random.pick(able);
      const place = places.indexOf(leaving);
      void leaving.worker?.close(GRACE_MS).then(() => leaving.process.kill());
      leaving.worker = null;
      if (random.chance(0.5)) begin(place);
    },
    isAtWork: () => atWork().length > 0,
  };
}
