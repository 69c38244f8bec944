import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { type Figures, withResumeLimit } from '../figures.ts';
import type { Run, Scenario } from '../house.ts';
import { openScene, type Scene } from '../scene.ts';

const SECOND = 1000;
const OURS = "application_name LIKE 'chaos-%' OR application_name LIKE 'postrider-%'";

interface Trouble {
  name: string;
  make(run: Run, scene: Scene): Promise<void>;
}

const TROUBLES: Record<Run['size'], Trouble[]> = {
  long: [
    restart('fast', 5),
    restart('immediate', 5),
    killedBackends(100),
    allTaken(8 * SECOND),
    lockedOut(12 * SECOND),
  ],
  short: [restart('fast', 1), restart('immediate', 1), killedBackends(20), lockedOut(6 * SECOND)],
};

/** The truth itself is away for a while: callers are told to come back, and nothing is lost. */
export const postgres: Scenario = {
  number: 3,
  title: 'PostgreSQL fails',
  backends: ['postgres', 'redis'],
  parts(run) {
    const troubles = TROUBLES[run.size];
    const part = (name: string, its: Trouble[]) => ({ name, play: () => suffer(run, its, name) });
    return run.size === 'short'
      ? [part('3 PostgreSQL fails', troubles)]
      : troubles.map((trouble) => part(`3 PostgreSQL ${trouble.name}`, [trouble]));
  },
};

async function suffer(run: Run, troubles: Trouble[], scenario: string): Promise<Figures> {
  const scene = await openScene(run);
  try {
    await scene.launch('worker');
    const producers = scene.produce({ perSecond: 30, count: 10_000_000 });
    await pause(2 * SECOND);
    for (const trouble of troubles) {
      await trouble.make(run, scene);
      run.say(`${trouble.name}: resumed after ${(await scene.resumed()).toFixed(1)} s`);
      await pause(SECOND);
    }
    await producers.stop();
    const unanswered = producers.calls.filter(({ status }) => status === null).length;
    if (unanswered > 0) scene.miss(`${unanswered} calls got no answer at all`);
    return withResumeLimit(await scene.finish({ scenario, unknownMayBe: 'any' }));
  } finally {
    await scene.close();
  }
}

function restart(mode: 'fast' | 'immediate', times: number): Trouble {
  return {
    name: `restart ${mode}${times > 1 ? ` × ${times}` : ''}`,
    async make({ house, random }, scene) {
      for (let n = 0; n < times; n += 1) {
        await pause(random.between(0, SECOND));
        scene.fault();
        await house.postgres.restart(mode, random.between(0, 3 * SECOND));
        if (n < times - 1) await scene.resumed();
      }
    },
  };
}

function killedBackends(times: number): Trouble {
  return {
    name: `backends killed × ${times}`,
    async make({ random }, scene) {
      for (let n = 0; n < times; n += 1) {
        const { rows } = await scene.sql.query<{ pid: number }>(
          `SELECT pid FROM pg_stat_activity WHERE (${OURS}) AND pid <> pg_backend_pid() ORDER BY pid`,
        );
        if (rows.length > 0) {
          scene.fault();
          await scene.sql.query('SELECT pg_terminate_backend($1)', [random.pick(rows).pid]);
        }
        await pause(random.between(0, 100));
      }
    },
  };
}

/** Somebody else has all the connections the server gives. */
function allTaken(ms: number): Trouble {
  return {
    name: 'connections all taken',
    async make({ house }, scene) {
      scene.fault();
      const taken: pg.Client[] = [];
      const takeAll = async () => {
        for (;;) {
          const client = new pg.Client({ connectionString: house.postgres.url('postgres') });
          client.on('error', () => {});
          try {
            await client.connect();
            taken.push(client);
          } catch {
            return;
          }
        }
      };
      const endsAt = performance.now() + ms;
      while (performance.now() < endsAt) {
        await takeAll();
        await taken[0]?.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${OURS}`,
        );
        await pause(100);
      }
      await Promise.all(taken.map((client) => client.end()));
    },
  };
}

/** Every statement waits for a lock, until the gateway's own pool has nothing left to give. */
function lockedOut(ms: number): Trouble {
  return {
    name: 'pool exhausted',
    async make(_run, scene) {
      scene.fault();
      const client = await scene.sql.connect();
      try {
        await client.query('BEGIN');
        await client.query('LOCK TABLE notification, delivery IN ACCESS EXCLUSIVE MODE');
        const readers = Array.from({ length: 60 }, () => scene.api.get('/v1/deliveries'));
        await pause(ms);
        await client.query('ROLLBACK');
        const answers = await Promise.all(readers);
        const refused = answers.filter(({ status }) => status === 503);
        const orderly = refused.filter(
          ({ headers }) =>
            headers.get('content-type')?.startsWith('application/problem+json') &&
            headers.has('retry-after'),
        );
        const others = answers.filter(({ status }) => status !== 200 && status !== 503);
        if (refused.length === 0) scene.miss('pool exhausted: no reader was told to come back');
        if (orderly.length < refused.length)
          scene.miss('pool exhausted: a 503 without Retry-After');
        if (others.length > 0) scene.miss(`pool exhausted: a reader got ${others[0]?.text}`);
      } finally {
        client.release();
      }
    },
  };
}
