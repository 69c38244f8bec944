import { execFileSync } from 'node:child_process';
import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { clusterDir } from '../../src/platform/embedded-postgres/cluster.ts';
import { makeRoot, openLogFiller } from '../../test/support/embedded.ts';
import { mayMount, mountSmallDisk, type SmallDisk } from '../../test/support/small-disk.ts';
import { until } from '../../test/support/until.ts';
import type { Figures } from '../figures.ts';
import { onOwnPostgres, type Run, type Scenario } from '../house.ts';
import { startPostgres } from '../postgres.ts';
import { acceptedAgain } from '../producers.ts';
import { watchReadiness } from '../readiness.ts';
import { LONG_CLAIM_MS, openScene, type Scene } from '../scene.ts';

const SECOND = 1000;
const DISK_MB = 160;
const PER_SECOND = 30;
const NO_END = 10_000_000;
const QUIET_MS = 2 * SECOND;
const FULL_MS = { long: 30 * SECOND, short: 3 * SECOND };
/** Until the pages that there are have been filled. */
const REFUSED_WITHIN_MS = 90 * SECOND;
const SAID_S = 15;
const BACK_S = 30;

/** Where PostgreSQL's log of changes is. A server that cannot write it ends. */
type Log = 'on the same disk' | 'on another disk';

/** The disk under PostgreSQL is full for a while, under load. */
export const disk: Scenario = {
  number: 12,
  title: 'the disk of the database is full',
  backends: ['postgres', 'redis'],
  parts(run) {
    // With CI=true nothing may be left out.
    if (process.env.CI !== 'true' && !mayMount()) {
      run.say('left out: a small disk, because this process may not mount one');
      return [];
    }
    const places = ['on another disk', 'on the same disk'] as const;
    // In small the one that ends the server: what it says while it lives takes longer to see.
    return places.slice(run.size === 'short' ? 1 : 0).map((log) => {
      const name = `12 database disk full, WAL ${log}`;
      return { name, play: () => onSmallDisk(run, log, name) };
    });
  },
};

async function onSmallDisk(outer: Run, log: Log, scenario: string): Promise<Figures> {
  const small = mountSmallDisk(DISK_MB);
  const dataDir = join(small.path, 'data');
  const otherDisk = makeRoot();
  try {
    if (log === 'on another disk') await putLogElsewhere(dataDir, join(otherDisk, 'pg_wal'));
    return await onOwnPostgres(outer, (run) => suffer(run, small, log, scenario), dataDir);
  } finally {
    small.remove();
    rmSync(otherDisk, { recursive: true });
  }
}

async function putLogElsewhere(dataDir: string, folder: string): Promise<void> {
  await (await startPostgres(dataDir)).stop();
  const log = join(clusterDir(dataDir), 'pg_wal');
  // It keeps its owner, who is not us.
  execFileSync('cp', ['-a', log, folder]);
  rmSync(log, { recursive: true });
  symlinkSync(folder, log);
}

async function suffer(run: Run, small: SmallDisk, log: Log, scenario: string): Promise<Figures> {
  const { postgres } = run.house;
  await postgres.administer(
    "ALTER SYSTEM SET max_wal_size = '48MB'",
    "ALTER SYSTEM SET min_wal_size = '32MB'",
    'SELECT pg_reload_conf()',
  );
  const scene = await openScene(run, { roles: 'api,worker' });
  const readiness = watchReadiness(scene.actors()[0]?.process.url ?? '');
  try {
    const producers = scene.produce({ perSecond: PER_SECOND, count: NO_END });
    const filler =
      log === 'on the same disk' ? await openLogFiller(postgres.url('postgres')) : null;
    await pause(QUIET_MS);
    scene.fault();
    small.fill();
    await until(() => producers.calls.some(({ status }) => status === 503), {
      timeoutMs: REFUSED_WITHIN_MS,
      what: 'a refusal',
    });
    const fullAt = performance.now();
    await filler?.writeUntilItEnds();
    await pause(FULL_MS[run.size]);
    const saidS = readiness.secondsUntil('unready', fullAt);
    const ended = postgres.hasEnded();
    run.say(
      `PostgreSQL ${ended ? 'ended' : 'went on'}; /readyz said so after ${saidS.toFixed(1)} s`,
    );
    if (saidS > SAID_S) scene.miss('/readyz did not say that nothing can be stored');

    small.free();
    await postgres.bringBack();
    const freeAt = performance.now();
    const backS = await acceptedAgain(producers, freeAt);
    run.say(`accepted again ${backS.toFixed(1)} s after there was room`);
    if (backS > BACK_S) scene.miss(`intake came back after ${backS.toFixed(1)} s`);
    run.say(`resumed after ${(await scene.resumed()).toFixed(1)} s`);
    await comesBack(scene, () => readiness.secondsUntil('ready', freeAt));
    return await scene.finish({
      scenario: `${scenario} (${ended ? 'it ended' : 'it went on'})`,
      unknownMayBe: 'any',
      claimMs: LONG_CLAIM_MS,
    });
  } finally {
    await scene.close();
    await readiness.stop();
  }
}

async function comesBack(scene: Scene, secondsUntilReady: () => number): Promise<void> {
  await until(() => Number.isFinite(secondsUntilReady()), {
    timeoutMs: BACK_S * SECOND,
    what: '/readyz to come back',
  }).catch((error: Error) => scene.miss(error.message));
}
