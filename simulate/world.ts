import { createCrew } from './crew.ts';
import { putPolicy } from './model/commands.ts';
import { emptyTables, newReceiver } from './model/rows.ts';
import type { Machine } from './process.ts';
import { createProgress } from './progress.ts';
import { type Random, randomOf } from './random.ts';
import { drawTemper, type Temper } from './receivers.ts';
import { DAY, drawPolicy, drawSettings, HOUR, MINUTE, type Settings } from './settings.ts';
import type { Surroundings } from './surroundings.ts';
import { createTimeline } from './timeline.ts';
import { createTimers } from './timers.ts';
import { createTrace } from './trace.ts';
import { createTraffic } from './traffic.ts';
import { checkNothingForgotten, createWatch } from './watch.ts';
import { SWEEP_EVERY_MS } from './worker.ts';

/** What a world of some days came to. */
export interface Outcome {
  seed: number;
  days: number;
  violation: string | null;
  /** Of everything that happened: the same seed gives the same. */
  hash: string;
  last: string[];
  steps: number;
  counts: Counts;
}

export interface Counts {
  accepted: number;
  ended: number;
  sends: number;
  crashes: Record<string, number>;
  overruns: number;
  /** Ended by their deadline with nothing sent. */
  untried: number;
}

const BEGINNING = Date.UTC(2026, 0, 1);

/**
 * Lets some days pass: all but the last in trouble, the last one without any.
 *
 * @param change of what the seed has drawn
 */
export async function runWorld(
  seed: number,
  days: number,
  change: (drawn: Settings, random: Random) => Settings = (drawn) => drawn,
): Promise<Outcome> {
  const random = randomOf(seed);
  const trace = createTrace();
  const timeline = createTimeline(BEGINNING);
  const tables = emptyTables(BEGINNING);
  let settings = change(drawSettings(random), random);
  const watch = createWatch(tables, timeline, trace);
  const progress = createProgress(tables, watch);
  let isDirty = true;
  tables.onChange = (row, before) => {
    isDirty = true;
    watch.changed(row, before);
    progress.changed(row);
  };

  const machine: Machine = {
    timeline,
    random: random.fork(),
    rounds: new Set(),
    nextWork(everyMs, lastMs) {
      if (everyMs === SWEEP_EVERY_MS) return progress.nextSweepMs();
      return rulesChangedAtMs > lastMs ? rulesChangedAtMs : Number.POSITIVE_INFINITY;
    },
  };
  const tempers = new Map<string, Temper>();
  const deleted = new Set<string>();
  let databaseUpAtMs = 0;
  let rulesChangedAtMs = 0;
  const crashes: Record<string, number> = {};
  const world: Surroundings = {
    machine,
    tables,
    trace,
    watch,
    timers: createTimers(timeline, random.fork(), () => settings),
    settings: () => settings,
    databaseIsUp: () => timeline.nowMs >= databaseUpAtMs,
    temperOf: (receiverId) => tempers.get(receiverId) ?? 'up',
    isDeleted: (receiverId) => deleted.has(receiverId),
    diesAt(process, step) {
      if (!process.isAlive) return true;
      if (machine.random.chance(settings.crash / 4)) {
        process.stall(machine.random.whole(100, MINUTE));
      }
      if (!machine.random.chance(settings.crash)) return false;
      crashes[step] = (crashes[step] ?? 0) + 1;
      trace.note(timeline.nowMs, process.name, 'dies at', step);
      process.kill();
      return true;
    },
  };
  for (const rules of settings.queues) putPolicy(tables, rules);
  for (const { id, ...limits } of settings.receivers) {
    tables.receivers.set(id, newReceiver(id, limits));
    tempers.set(id, drawTemper(random, settings.tempers));
  }
  const crew = createCrew(world, random.fork());
  const traffic = createTraffic(world, crew, deleted, random.fork());
  plagueWith();

  /** Things that go wrong by themselves, each at its own pace. */
  function plagueWith(): void {
    const dice = random.fork();
    const { every } = settings;
    const again = (what: string, meanMs: number, act: () => void) => {
      timeline.at(Math.ceil(dice.exponential(meanMs)), () => {
        if (settings.crash === -1) return;
        trace.note(timeline.nowMs, what);
        act();
        isDirty = true;
        again(what, meanMs, act);
      });
    };
    again('stall', every.stall, () => crew.stallOne(dice.whole(100, 2 * MINUTE)));
    again('deploy', every.deploy, () => crew.replaceOne());
    again('flush', every.flush, () => world.timers.flush());
    again('outage', every.outage, () => {
      databaseUpAtMs = timeline.nowMs + dice.whole(1_000, 3 * MINUTE);
    });
    again('temper', every.temper / settings.receivers.length, () => {
      tempers.set(dice.pick(settings.receivers).id, drawTemper(dice, settings.tempers));
    });
    again('policy', every.policy, () => {
      putPolicy(tables, drawPolicy(dice, dice.pick(settings.queues).queue));
      rulesChangedAtMs = timeline.nowMs;
      crew.refresh();
    });
    again('command', every.command, () => traffic.command());
  }

  function heal(): void {
    trace.note(timeline.nowMs, 'all is well');
    settings = healthy(settings);
    databaseUpAtMs = 0;
    for (const id of tempers.keys()) tempers.set(id, 'up');
    traffic.resumeAll();
    progress.healed(timeline.nowMs);
    isDirty = true;
  }

  function afterStep(): void {
    watch.step();
    if (watch.violation !== null) throw new Error(watch.violation);
    if (!isDirty) return;
    isDirty = false;
    for (const round of machine.rounds) round.reconsider();
  }

  let violation: string | null = null;
  try {
    for (let day = 1; day <= days; day += 1) {
      if (day === days) heal();
      for (let part = 0; part < 24 * 12; part += 1) {
        await timeline.runUntil(BEGINNING + (day - 1) * DAY + (part + 1) * (HOUR / 12), afterStep);
        tables.nowMs = timeline.nowMs;
        progress.look({ canWork: world.databaseIsUp() && crew.isAtWork() });
        isDirty = true;
        afterStep();
      }
      const forgotten = checkNothingForgotten(tables);
      if (forgotten !== null) throw new Error(forgotten);
    }
  } catch (error) {
    violation =
      error instanceof Error ? (watch.violation ?? error.stack ?? error.message) : String(error);
  }
  const all = [...tables.deliveries.values()];
  return {
    seed,
    days,
    violation,
    hash: trace.hash,
    last: trace.last,
    steps: timeline.steps,
    counts: {
      accepted: all.length,
      ended: all.filter(({ settledAt }) => settledAt !== null).length,
      sends: watch.sends,
      crashes,
      overruns: watch.overruns,
      untried: all.filter(
        ({ reason, attemptCount }) => reason === 'deadline_passed' && attemptCount === 0,
      ).length,
    },
  };
}

/** The same world without its faults. -1: nothing dies any more, and nothing new goes wrong. */
function healthy(settings: Settings): Settings {
  return { ...settings, crash: -1, storeError: 0, wakeLost: 0, wakeTwice: 0, wakeLate: 0 };
}
