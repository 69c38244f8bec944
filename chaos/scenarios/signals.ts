import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../../test/support/until.ts';
import type { Figures } from '../figures.ts';
import type { Run, Scenario } from '../house.ts';
import { openScene, type Scene } from '../scene.ts';

const SECOND = 1000;
const TERMINATIONS = { long: 20, short: 3 };
const NO_END = 1_000_000;
/** Beyond any lease of these runs, and the sweep after it. */
const LEASES_END_MS = 40 * SECOND;

/** A worker that hangs and comes back, and workers that are asked to go in the middle of their work. */
export const signals: Scenario = {
  number: 5,
  title: 'SIGSTOP past the lease, SIGTERM under load',
  backends: ['postgres', 'redis'],
  parts: (run) => [
    { name: STOPPED, play: () => stopped(run) },
    { name: `5 SIGTERM × ${TERMINATIONS[run.size]}`, play: () => terminated(run) },
  ],
};

const STOPPED = '5 SIGSTOP past the lease';

async function stopped(run: Run): Promise<Figures> {
  const scene = await openScene(run, { policy: { timeoutMs: 1000 }, slowMs: 400 });
  try {
    const [hanging] = await Promise.all([scene.launch('worker'), scene.launch('worker')]);
    scene.produce({ perSecond: 40, count: NO_END });
    await scene.receiver.waitFor(100, 20 * SECOND);
    scene.fault();
    process.kill(hanging.process.pid, 'SIGSTOP');
    await idle(scene, hanging.name);
    const held = await scene.noteInterrupted();
    run.say(`stopped, with ${held} attempts under way in both workers`);
    await until(() => someUnknown(scene), { timeoutMs: LEASES_END_MS, what: 'its leases to end' });
    // The rest of them, and the attempts that the other worker then makes.
    await pause(2 * SECOND);
    process.kill(hanging.process.pid, 'SIGCONT');
    await until(() => hanging.process.stdout().includes('attempt came too late'), {
      timeoutMs: 20 * SECOND,
      what: 'a late result to be refused',
    }).catch((error: Error) => scene.miss(error.message));
    return await scene.finish({ scenario: STOPPED });
  } finally {
    await scene.close();
  }
}

/** What it had asked the database for before it was stopped has been done. */
async function idle({ sql }: Scene, name: string): Promise<void> {
  await until(async () => {
    const { rowCount } = await sql.query(
      `SELECT FROM pg_stat_activity WHERE application_name = $1 AND state = 'active'
          AND wait_event_type IS DISTINCT FROM 'Client'`,
      [name],
    );
    return rowCount === 0;
  });
}

async function someUnknown({ sql }: Scene): Promise<boolean> {
  const { rowCount } = await sql.query(`SELECT FROM attempt WHERE outcome = 'unknown' LIMIT 1`);
  return rowCount !== 0;
}

async function terminated(run: Run): Promise<Figures> {
  const times = TERMINATIONS[run.size];
  const scene = await openScene(run, { slowMs: 200 });
  try {
    let worker = await scene.launch('worker');
    scene.produce({ perSecond: 40, count: NO_END });
    for (let n = 1; n <= times; n += 1) {
      const more = scene.receiver.requests.length + run.random.between(5, 60);
      await scene.receiver.waitFor(more, 20 * SECOND);
      const code = await scene.terminate(worker);
      if (code !== 0) scene.miss(`SIGTERM ${n}: exit code ${code}`);
      worker = await scene.launch('worker');
    }
    const figures = await scene.finish({ scenario: `5 SIGTERM × ${times}` });
    const { duplicates, unanswered, unknown, broken } = figures;
    if (duplicates > unanswered)
      broken.push(`${duplicates} duplicates, though every worker said good-bye`);
    if (unknown > 0) broken.push(`${unknown} attempts unknown, though every worker said good-bye`);
    return figures;
  } finally {
    await scene.close();
  }
}
