import { join } from 'node:path';
import { mayMount, mountSmallDisk } from '../../test/support/small-disk.ts';
import { acceptMany } from '../batches.ts';
import type { Figures } from '../figures.ts';
import type { Run, Scenario } from '../house.ts';
import type { Actor, LaunchOptions } from '../processes.ts';
import { openScene, type Scene } from '../scene.ts';

const SECOND = 1000;
/** A line for each attempt, and more of them than a process holds back. */
const COUNT = 20_000;
/** With room for what a process holds back, once it is free again. */
const DISK_MB = 16;
const ALL_SENT_MS = 120 * SECOND;
const SAID_WITHIN_MS = 30 * SECOND;
/** Attempts under way may take this long to end, and the last lines half a second. */
const ENDS_WITHIN_MS = 15 * SECOND;
const LOST = /"lost":(\d+),"msg":"lines of this log were lost"/;

/** What takes the log, until it does not any more. */
interface Taker {
  options: LaunchOptions;
  stop(worker: Actor): void;
  goOn(worker: Actor): void;
  remove(): void;
}

/** Nobody takes the lines of the log: a full disk under it, or a reader that sleeps. */
export const log: Scenario = {
  number: 13,
  title: 'nobody takes the log',
  backends: ['postgres', 'redis'],
  // It takes as many lines as a process holds back, and test/log counts them without sending anything.
  onlyLong: true,
  parts(run) {
    const full = '13 log disk full';
    const asleep = '13 log reader asleep';
    const parts = [{ name: asleep, play: () => suffer(run, sleepingReader(), asleep) }];
    // With CI=true nothing may be left out.
    if (process.env.CI === 'true' || mayMount()) {
      parts.push({ name: full, play: () => suffer(run, smallDisk(), full) });
    } else run.say('left out: a small disk, because this process may not mount one');
    return parts;
  },
};

function smallDisk(): Taker {
  const disk = mountSmallDisk(DISK_MB);
  return {
    options: { outputFile: join(disk.path, 'log') },
    stop: disk.fill,
    goOn: disk.free,
    remove: disk.remove,
  };
}

function sleepingReader(): Taker {
  return {
    options: {},
    stop: ({ process }) => process.ignore(),
    goOn: ({ process }) => process.listen(),
    remove() {},
  };
}

async function suffer(run: Run, taker: Taker, scenario: string): Promise<Figures> {
  const scene = await openScene(run, { refusals: 0, slowMs: 0 });
  try {
    const env = { LOG_LEVEL: 'info' };
    const worker = await scene.launch('worker', { ...taker.options, env });
    scene.fault();
    taker.stop(worker);
    await acceptMany(run, scene, COUNT);
    await scene.receiver.waitFor(COUNT, ALL_SENT_MS);
    run.say('all sent, though nobody takes the log');

    taker.goOn(worker);
    const lost = await saysLost(scene, worker);
    run.say(lost === null ? 'no word of lost lines' : `it says that ${lost} lines were lost`);
    if (lost === null) scene.miss('lines were lost, and nothing says so');

    taker.stop(worker);
    await scene.produce({ perSecond: 100, count: 100, name: 'AGAIN' }).done;
    await endsInTime(run, scene, worker);
    await scene.launch('worker');
    return await scene.finish({ scenario });
  } finally {
    await scene.close();
    taker.remove();
  }
}

/** @returns how many; null: it says nothing of it */
async function saysLost(scene: Scene, worker: Actor): Promise<number | null> {
  // A pipe is known to be read again by the next line.
  const more = scene.produce({ perSecond: 20, count: 10_000 });
  try {
    const [, lost] = await worker.process.says((said) => LOST.exec(said), SAID_WITHIN_MS);
    return Number(lost);
  } catch {
    return null;
  } finally {
    await more.stop();
  }
}

async function endsInTime(run: Run, scene: Scene, worker: Actor): Promise<void> {
  const askedAt = performance.now();
  const code = await scene.terminate(worker);
  const ms = Math.round(performance.now() - askedAt);
  run.say(`SIGTERM ended it with ${code} after ${ms} ms`);
  if (code !== 0) scene.miss(`SIGTERM ended it with ${code}`);
  if (ms > ENDS_WITHIN_MS) scene.miss(`SIGTERM took ${ms} ms`);
}
