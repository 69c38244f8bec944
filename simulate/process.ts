import type { Clock, Timer } from '../src/platform/time/clock.ts';
import { onAbort } from './abort.ts';
import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';

/** A worker's process as the machine sees it: it may stand still, and it may die at any step. */
export interface Process {
  readonly name: string;
  readonly isAlive: boolean;
  readonly isStalled: boolean;
  /** When it last stood still, virtual ms; what it began before then may be late without its fault. */
  readonly lastStalledAtMs: number;
  /** By its own clock, which nobody else's work may depend on. */
  readonly clock: Clock;
  /** Does it in this process: never once that has died, and after a stall at its end. */
  at(delayMs: number, act: () => void): void;
  stall(ms: number): void;
  kill(): void;
}

/** A repeated act whose idle rounds need not be played. */
export interface Round {
  readonly everyMs: number;
  /** To be asked again, because the world has changed. */
  reconsider(): void;
}

export interface Machine {
  timeline: Timeline;
  random: Random;
  /** The rounds of all processes. */
  rounds: Set<Round>;
  /** When a round of such a period could find something after that at `lastMs`; Infinity: not before something changes. */
  nextWork(everyMs: number, lastMs: number): number;
}

/** Quartz is off by this share at most. */
const DRIFT = 50e-6;

/** @param onDeath called once, when it is killed */
export function createProcess(name: string, machine: Machine, onDeath: () => void): Process {
  const { timeline, random } = machine;
  const startedAtMs = timeline.nowMs;
  const offsetMs = random.whole(0, 1_000_000_000);
  const speed = 1 + (2 * random.next() - 1) * DRIFT;
  const rounds = new Set<Round>();
  let isAlive = true;
  let stalledUntilMs = 0;
  let lastStalledAtMs = Number.NEGATIVE_INFINITY;

  function at(delayMs: number, act: () => void): void {
    timeline.at(delayMs, function fire() {
      if (!isAlive) return;
      if (stalledUntilMs > timeline.nowMs) timeline.at(stalledUntilMs - timeline.nowMs, fire);
      else act();
    });
  }

  function after(ms: number, act: () => void): Timer {
    let cancelled = false;
    at(ms, () => {
      if (!cancelled) act();
    });
    return {
      cancel() {
        cancelled = true;
      },
    };
  }

  /** Played at its own beat, but only those rounds in which there is something to find. */
  function every(everyMs: number, act: () => void): Timer {
    let lastMs = timeline.nowMs;
    let planned: { atMs: number; timer: Timer } | null = null;
    const plan = () => {
      const workMs = machine.nextWork(everyMs, lastMs);
      if (workMs === Number.POSITIVE_INFINITY) return;
      const rounds = Math.max(1, Math.ceil((workMs - lastMs) / everyMs));
      const atMs = Math.max(lastMs + rounds * everyMs, timeline.nowMs);
      if (planned !== null && planned.atMs <= atMs) return;
      planned?.timer.cancel();
      const timer = after(atMs - timeline.nowMs, () => {
        planned = null;
        lastMs = timeline.nowMs;
        act();
        plan();
      });
      planned = { atMs, timer };
    };
    const round = { everyMs, reconsider: plan };
    rounds.add(round);
    machine.rounds.add(round);
    plan();
    return {
      cancel() {
        planned?.timer.cancel();
        rounds.delete(round);
        machine.rounds.delete(round);
      },
    };
  }

  const clock: Clock = {
    now: () => offsetMs + (timeline.nowMs - startedAtMs) * speed,
    after,
    every,
    soon: (act) => at(0, act),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const forget = onAbort(signal, reject);
        at(ms, () => {
          forget();
          resolve();
        });
      }),
  };

  return {
    name,
    get isAlive() {
      return isAlive;
    },
    get isStalled() {
      return stalledUntilMs > timeline.nowMs;
    },
    get lastStalledAtMs() {
      return lastStalledAtMs;
    },
    clock,
    at,
    stall(ms) {
      stalledUntilMs = timeline.nowMs + ms;
      lastStalledAtMs = stalledUntilMs;
    },
    kill() {
      if (!isAlive) return;
      isAlive = false;
      for (const round of rounds) machine.rounds.delete(round);
      onDeath();
    },
  };
}
