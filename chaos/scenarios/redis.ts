import { setTimeout as pause } from 'node:timers/promises';
import { onRedis, type RedisServer } from '../../test/support/redis.ts';
import { type Figures, withResumeLimit } from '../figures.ts';
import type { Run, Scenario } from '../house.ts';
import { intakeOf } from '../producers.ts';
import { openScene, type Scene } from '../scene.ts';

const SECOND = 1000;
const QUIET_MS = 4 * SECOND;
const PER_SECOND = 30;
const P99_MS = 250;
const P99_HUNG_MS = 700;
/** A machine that is busy otherwise is slow without any fault, too. */
const TIMES_QUIET = 3;

interface Trouble {
  name: string;
  p99Ms: number;
  perSecond?: number;
  /** Does it and undoes it. */
  make(redis: RedisServer, scene: Scene): Promise<void>;
}

const TROUBLES: Record<Run['size'], Trouble[]> = {
  long: [
    { ...flushes(9, 20 * SECOND), perSecond: 60 },
    down(5 * SECOND),
    down(15 * SECOND),
    down(120 * SECOND),
    restarted(),
    hung(30 * SECOND),
    full(20 * SECOND),
  ],
  short: [flushes(2, SECOND), down(3 * SECOND), hung(4 * SECOND), full(2 * SECOND)],
};

/** The timers fail in every way; api and worker are two processes, with Redis alone between them. */
export const redis: Scenario = {
  number: 2,
  title: 'Redis fails',
  backends: ['redis'],
  parts(run) {
    const troubles = TROUBLES[run.size];
    const part = (name: string, its: Trouble[]) => ({ name, play: () => suffer(run, its, name) });
    // In small all of them in one scene: it is the starts that take the time.
    return run.size === 'short'
      ? [part('2 Redis fails', troubles)]
      : troubles.map((trouble) => part(`2 Redis ${trouble.name}`, [trouble]));
  },
};

async function suffer(run: Run, troubles: Trouble[], scenario: string): Promise<Figures> {
  const server = run.house.redis;
  if (server === null) throw new Error('no redis-server on this machine');
  const perSecond = Math.max(...troubles.map((trouble) => trouble.perSecond ?? PER_SECOND));
  const scene = await openScene(run);
  try {
    await refusesUnsafeRedis(server, scene);
    await scene.launch('worker');
    const producers = scene.produce({
      perSecond,
      count: 10_000_000,
    });
    await pause(QUIET_MS);
    const quietP99Ms = intakeOf(producers.calls).p99Ms ?? 0;
    const begun = producers.calls.length;
    for (const trouble of troubles) {
      const from = producers.calls.length;
      await trouble.make(server, scene);
      judge(scene, trouble, intakeOf(producers.calls.slice(from)), quietP99Ms);
      run.say(`${trouble.name}: resumed after ${(await scene.resumed()).toFixed(1)} s`);
    }
    await producers.stop();
    const figures = await scene.finish({ scenario, calls: producers.calls.slice(begun) });
    return withResumeLimit(figures);
  } finally {
    await scene.close();
  }
}

function judge(
  scene: Scene,
  { name, p99Ms: goalMs }: Trouble,
  { intakePercent, p99Ms }: ReturnType<typeof intakeOf>,
  quietP99Ms: number,
): void {
  if (intakePercent !== 100) scene.miss(`${name}: intake ${intakePercent?.toFixed(2)} %, not 100`);
  const limitMs = Math.max(goalMs, TIMES_QUIET * quietP99Ms);
  if (p99Ms !== null && p99Ms > limitMs) {
    scene.miss(`${name}: intake p99 ${Math.round(p99Ms)} ms, over ${Math.round(limitMs)}`);
  }
}

/** Timers that may be evicted are no timers: a process says so and ends. */
async function refusesUnsafeRedis(server: RedisServer, scene: Scene): Promise<void> {
  const set = (policy: string) =>
    onRedis(server.url, (client) => client.config('SET', 'maxmemory-policy', policy));
  await set('allkeys-lru');
  try {
    const said = await scene.launch('worker').then(
      () => 'it started',
      (error: Error) => error.message,
    );
    if (!said.includes('noeviction')) {
      scene.miss(`with a Redis that evicts keys: ${said.slice(0, 200)}`);
    }
  } finally {
    await set('noeviction');
  }
}

function flushes(times: number, everyMs: number): Trouble {
  return {
    name: `FLUSHALL × ${times}`,
    p99Ms: P99_MS,
    async make(server, scene) {
      for (let n = 0; n < times; n += 1) {
        await pause(everyMs);
        scene.fault();
        await onRedis(server.url, (client) => client.flushall());
      }
    },
  };
}

function down(ms: number): Trouble {
  return {
    name: `down ${ms / SECOND} s`,
    p99Ms: P99_MS,
    async make(server, scene) {
      scene.fault();
      await server.stop();
      await pause(ms);
      await server.start();
    },
  };
}

function restarted(): Trouble {
  return {
    name: 'restarted empty',
    p99Ms: P99_MS,
    async make(server, scene) {
      for (let n = 0; n < 3; n += 1) {
        scene.fault();
        await server.restart();
        await pause(3 * SECOND);
      }
    },
  };
}

function hung(ms: number): Trouble {
  return {
    name: `hung ${ms / SECOND} s`,
    p99Ms: P99_HUNG_MS,
    async make(server, scene) {
      scene.fault();
      server.pause();
      await pause(ms);
      server.resume();
    },
  };
}

function full(ms: number): Trouble {
  return {
    name: 'out of memory',
    p99Ms: P99_MS,
    async make(server, scene) {
      const limit = (bytes: string) =>
        onRedis(server.url, (client) => client.config('SET', 'maxmemory', bytes));
      scene.fault();
      await limit('1');
      await pause(ms);
      await limit('0');
    },
  };
}
