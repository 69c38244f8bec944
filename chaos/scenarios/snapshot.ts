import { setTimeout as pause } from 'node:timers/promises';
import { canTellCpu, cpuSecondsOf } from '../cpu.ts';
import type { Figures } from '../figures.ts';
import { onOwnPostgres, type Run, type Scenario } from '../house.ts';
import { openScene, type Scene } from '../scene.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const PER_SECOND = 300;
const NO_END = 10_000_000;
/** Until plans, statistics and caches are those of a server that has been at work. */
const WARM_UP_MS = MINUTE;
const HELD_MS = 10 * MINUTE;
const MOST_GROWTH = 1.5;
const STATEMENTS_SHOWN = 8;

/** What a stretch of time cost. */
interface Cost {
  /** CPU of all of PostgreSQL's processes. */
  msPerNotification: number;
  statements: ReadonlyMap<string, Statement>;
}

interface Statement {
  calls: number;
  totalMs: number;
  pages: number;
}

/** Somebody reads once and stays: a dump, an analyst, a forgotten transaction. Nothing dead can be cleared away. */
export const snapshot: Scenario = {
  number: 11,
  title: 'a snapshot is held for ten minutes at 300/s',
  backends: ['postgres', 'redis'],
  // In small it shows nothing; test/delivery/held-snapshot counts pages instead.
  onlyLong: true,
  parts(run) {
    if (canTellCpu())
      return [{ name: '11 snapshot held', play: () => onOwnPostgres(run, measured) }];
    run.say('left out: this system does not tell the CPU of a process');
    return [];
  },
};

async function measured(run: Run): Promise<Figures> {
  const { postgres } = run.house;
  await postgres.administer("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'");
  await postgres.restart('fast', 0);
  const scene = await openScene(run, { policy: { ladderSeconds: [0, 5, 5, 5] } });
  try {
    await scene.sql.query('CREATE EXTENSION pg_stat_statements');
    await scene.launch('worker');
    scene.produce({ perSecond: PER_SECOND, count: NO_END });
    await pause(WARM_UP_MS);
    const before = await costOf(run, scene);
    run.say(`before: ${before.msPerNotification.toFixed(2)} ms of CPU a notification`);
    const holder = await scene.sql.connect();
    await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await holder.query('SELECT count(*) FROM delivery');
    scene.fault();
    for (let heldMs = 0; heldMs < HELD_MS - MINUTE; heldMs += MINUTE) {
      const { msPerNotification } = await costOf(run, scene);
      run.say(`held for ${heldMs / MINUTE + 1} min: ${msPerNotification.toFixed(2)} ms`);
    }
    const after = await costOf(run, scene);
    const growth = after.msPerNotification / before.msPerNotification;
    if (growth > MOST_GROWTH) {
      scene.miss(`a notification costs ${growth.toFixed(2)} times as much`);
      for (const line of dearest(before, after)) run.say(line);
    }
    await holder.query('ROLLBACK');
    holder.release();
    const costs = [before, after].map(({ msPerNotification }) => msPerNotification.toFixed(2));
    return await scene.finish({ scenario: `11 snapshot held 10 min: ${costs.join(' → ')} ms CPU` });
  } finally {
    await scene.close();
  }
}

/** The next minute's. */
async function costOf({ house }: Run, scene: Scene): Promise<Cost> {
  const { clusterDir } = house.postgres;
  await scene.sql.query('SELECT pg_stat_statements_reset()');
  const [cpuS, arrived] = [cpuSecondsOf(clusterDir), scene.arrivals.length];
  await pause(MINUTE);
  const usedS = cpuSecondsOf(clusterDir) - cpuS;
  const { rows } = await scene.sql.query<Statement & { query: string }>(
    `SELECT left(regexp_replace(query, '\\s+', ' ', 'g'), 90) AS query, sum(calls)::int AS calls,
            sum(total_exec_time + total_plan_time)::double precision AS "totalMs",
            sum(shared_blks_hit + shared_blks_read)::double precision AS pages
       FROM pg_stat_statements GROUP BY 1`,
  );
  return {
    msPerNotification: (usedS * SECOND) / (scene.arrivals.length - arrived),
    statements: new Map(rows.map(({ query, ...statement }) => [query, statement])),
  };
}

/** The statements that have become dearer by most. */
function dearest(before: Cost, after: Cost): string[] {
  const nothing: Statement = { calls: 0, totalMs: 0, pages: 0 };
  const one = ({ calls, totalMs, pages }: Statement) =>
    `${(totalMs / calls).toFixed(2)} ms, ${Math.round(pages / calls)} pages`;
  return [...after.statements]
    .map(([query, now]) => ({ query, now, earlier: before.statements.get(query) ?? nothing }))
    .sort((a, b) => b.now.totalMs - b.earlier.totalMs - (a.now.totalMs - a.earlier.totalMs))
    .slice(0, STATEMENTS_SHOWN)
    .map(
      ({ query, now, earlier }) =>
        `  ${Math.round(now.totalMs - earlier.totalMs)} ms more: ${earlier.calls} × ${one(earlier)} → ${now.calls} × ${one(now)}: ${query}`,
    );
}
