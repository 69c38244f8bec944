import { setTimeout as pause } from 'node:timers/promises';
import { type Figures, withResumeLimit } from '../figures.ts';
import type { Run, Scenario } from '../house.ts';
import { LONG_CLAIM_MS, openScene, type Scene } from '../scene.ts';

const SECOND = 1000;
const SIZES = {
  long: { forMs: 120 * SECOND, everyMs: 2 * SECOND, perSecond: 30 },
  short: { forMs: 4 * SECOND, everyMs: SECOND, perSecond: 20 },
};
const NO_END = 10_000_000;
/** Of what was accepted: a result that could not be recorded is the one reason for a repeat. */
const MOST_DUPLICATES = 0.01;
const FEW = 3;

/** A database that ends all of the gateway's connections again and again, as in a row of failovers. */
export const backends: Scenario = {
  number: 9,
  title: 'all connections to PostgreSQL ended every 2 s',
  backends: ['postgres', 'redis'],
  parts(run) {
    const name = `9 all backends ended for ${SIZES[run.size].forMs / SECOND} s`;
    return [{ name, play: () => suffer(run, name) }];
  },
};

async function suffer(run: Run, scenario: string): Promise<Figures> {
  const { forMs, everyMs, perSecond } = SIZES[run.size];
  const scene = await openScene(run, { roles: 'api,worker' });
  try {
    await scene.launch('api,worker');
    const producers = scene
      .actors()
      .map(({ process }) => scene.produce({ url: () => process.url, perSecond, count: NO_END }));
    const endsAt = performance.now() + forMs;
    while (performance.now() < endsAt) {
      await pause(everyMs);
      run.say(`${await endBackends(scene)} backends ended`);
    }
    run.say(`resumed after ${(await scene.resumed()).toFixed(1)} s`);
    await Promise.all(producers.map((each) => each.stop()));
    const unanswered = producers
      .flatMap(({ calls }) => calls)
      .filter(({ status }) => status === null);
    if (unanswered.length > 0) scene.miss(`${unanswered.length} calls got no answer at all`);
    const figures = await scene.finish({ scenario, unknownMayBe: 'any', claimMs: LONG_CLAIM_MS });
    const { duplicates, accepted, broken } = figures;
    if (duplicates > FEW + MOST_DUPLICATES * accepted) {
      broken.push(`${duplicates} duplicates of ${accepted}, which is not few`);
    }
    return withResumeLimit(figures);
  } finally {
    await scene.close();
  }
}

/** @returns how many */
async function endBackends(scene: Scene): Promise<number> {
  scene.fault();
  const { rowCount } = await scene.sql.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND application_name LIKE 'chaos-%'`,
  );
  return rowCount ?? 0;
}
