import { setTimeout as pause } from 'node:timers/promises';
import { onRedis } from '../../test/support/redis.ts';
import type { Figures } from '../figures.ts';
import type { Run, Scenario } from '../house.ts';
import type { Actor } from '../processes.ts';
import { openScene, type Scene } from '../scene.ts';

const SIZES = {
  long: { kills: 200, perSecond: 25, byHeaderPerSecond: 5 },
  // A client that repeats by `Idempotency-Key` waits a minute for the lock of a dead process.
  short: { kills: 5, perSecond: 25, byHeaderPerSecond: 0 },
};
const NO_END = 1_000_000;

/** kill -9 of workers, and of the API in the middle of intake, wherever they happen to be. */
export const kill: Scenario = {
  number: 1,
  title: 'kill -9 at random points',
  backends: ['postgres', 'redis'],
  parts(run) {
    const name = `1 kill -9 × ${SIZES[run.size].kills}`;
    return [{ name, play: () => play(run, name) }];
  },
};

async function play(run: Run, name: string): Promise<Figures> {
  // Few at once, so that a kill leaves few leases behind: they count until they run out.
  const scene = await openScene(run, { policy: { concurrency: 20, timeoutMs: 3000 } });
  try {
    await killOften(run, scene);
    return await scene.finish({ scenario: name, settleMs: 180_000 });
  } finally {
    await scene.close();
  }
}

async function killOften(run: Run, scene: Scene): Promise<void> {
  const { kills, perSecond, byHeaderPerSecond } = SIZES[run.size];
  await Promise.all([scene.launch('worker'), scene.launch('worker')]);
  scene.produce({ perSecond, count: NO_END });
  if (byHeaderPerSecond > 0) {
    scene.produce({ perSecond: byHeaderPerSecond, count: NO_END, repeats: 'idempotency-key' });
  }

  const starting = new Set<Promise<unknown>>();
  const replace = ({ roles }: Actor) => {
    const started: Promise<unknown> = scene
      .launch(roles)
      .catch((error: Error) => scene.miss(`a process did not come back: ${error.message}`))
      .finally(() => starting.delete(started));
    starting.add(started);
  };
  const isManned = () => ['api', 'worker'].every((role) => actorsOf(scene, role).length > 0);

  for (let n = 1; n <= kills; n += 1) {
    while (!isManned() && starting.size > 0) await Promise.race(starting);
    // A point in the work rather than in time, and then anywhere between two requests.
    const more = scene.receiver.requests.length + run.random.between(1, 15);
    await scene.receiver.waitFor(more, 20_000).catch(() => {});
    await pause(30 * run.random());
    const victim = run.random.pick(scene.actors());
    await scene.kill(victim);
    replace(victim);
    if (run.backend === 'redis' && n % 5 === 0) await flush(run);
    if (n % 10 === 0) run.say(`${n} kills, ${scene.arrivals.length} requests`);
  }
  await Promise.all(starting);
}

function actorsOf(scene: Scene, role: string): Actor[] {
  return scene.actors().filter(({ roles }) => roles === role);
}

async function flush({ house }: Run): Promise<void> {
  if (house.redis) await onRedis(house.redis.url, (redis) => redis.flushall());
}
