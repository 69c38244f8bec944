import { setTimeout as pause } from 'node:timers/promises';
import { type Build, build, nextVersion, previousVersion } from '../builds.ts';
import type { Figures } from '../figures.ts';
import type { Run, Scenario } from '../house.ts';
import { openScene } from '../scene.ts';

const SECOND = 1000;

/**
 * What every migration here may do: columns that may stay empty, tables and indexes beside the old
 * ones, functions that answer the same. And the locks that come with it, on tables in full use.
 */
const ADDITIVE = `
  ALTER TABLE delivery ADD COLUMN chaos_note text;
  ALTER TABLE notification ADD COLUMN chaos_note text DEFAULT 'as before';
  ALTER TABLE attempt ADD COLUMN chaos_note integer;
  CREATE INDEX delivery_chaos ON delivery (chaos_note) WHERE chaos_note IS NOT NULL;
  CREATE TABLE chaos_table (id text PRIMARY KEY, at timestamptz NOT NULL DEFAULT postrider_now());
  CREATE OR REPLACE FUNCTION postrider_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT date_trunc('milliseconds', statement_timestamp()) $$;
`;

/** An upgrade machine by machine: both versions take in and deliver, while the newer one migrates. */
export const versions: Scenario = {
  number: 7,
  title: 'two versions during a migration',
  backends: ['postgres', 'redis'],
  parts(run) {
    const next = '7 this version beside its next';
    const parts = [
      { name: next, play: async () => upgrade(run, next, null, await nextVersion(ADDITIVE)) },
    ];
    // Takes a build of its own: once is enough.
    if (run.size === 'short' || run.backend === 'redis') return parts;
    const commit = previousVersion();
    if ('missing' in commit) {
      run.say(`no previous version to run: ${commit.missing}`);
      return parts;
    }
    const name = '7 previous version beside this one';
    return [...parts, { name, play: async () => upgrade(run, name, await build(commit), null) }];
  },
};

/** @param older, newer null: the build of this checkout */
async function upgrade(
  run: Run,
  scenario: string,
  older: Build | null,
  newer: Build | null,
): Promise<Figures> {
  const seconds = run.size === 'long' ? 10 : 2;
  const of = (build: Build | null) => (build === null ? {} : { main: build.main });
  const scene = await openScene(run, { first: of(older) });
  try {
    const oldWorker = await scene.launch('worker', of(older));
    const [oldApi] = scene.actors();
    scene.produce({ perSecond: 30, count: 1_000_000 });
    await pause(SECOND);
    scene.fault();
    // Migrates at its start, in the middle of the load.
    await scene.launch('api,worker', of(newer));
    // The newer one takes the calls from now on; the older API goes on with what the worker brings.
    await pause(seconds * SECOND);
    const { rows } = await scene.sql.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM _prisma_migrations WHERE finished_at IS NOT NULL',
    );
    run.say(`${rows[0]?.n} migrations applied, both versions at work`);
    for (const actor of [oldWorker, oldApi]) {
      const code = actor === undefined ? 0 : await scene.terminate(actor);
      if (code !== 0) scene.miss(`the older version ended with ${code}`);
    }
    await pause(SECOND);
    return await scene.finish({ scenario });
  } finally {
    await scene.close();
    await older?.remove();
    await newer?.remove();
  }
}
