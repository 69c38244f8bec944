import { readFileSync } from 'node:fs';
import { acceptMany } from '../batches.ts';
import type { Figures } from '../figures.ts';
import type { Run, Scenario } from '../house.ts';
import { openScene, type Scene } from '../scene.ts';

const SIZES = {
  long: { due: 100_000, expired: 5_000 },
  short: { due: 3_000, expired: 500 },
};
const ENDPOINTS = 50;
const PAGE = 100;

/** Nothing has run for a while: what waited is due all at once, or too late for ever. */
export const backlog: Scenario = {
  number: 6,
  title: 'an outage of the gateway itself',
  backends: ['postgres', 'redis'],
  parts: (run) => [
    { name: `6 ${SIZES[run.size].due} due at once`, play: () => drained(run) },
    { name: EXPIRED, play: () => expired(run) },
  ],
};

const EXPIRED = '6 24 h over before it is back';

async function drained(run: Run): Promise<Figures> {
  const { due } = SIZES[run.size];
  const scene = await openScene(run, {
    policy: { concurrency: 200 },
    endpoints: ENDPOINTS,
    refusals: 0,
    slowMs: 0,
  });
  try {
    await acceptMany(run, scene, due);
    scene.fault();
    const worker = await scene.launch('worker');
    const startedAt = performance.now();
    await scene.receiver.waitFor(due, 600_000);
    const seconds = (performance.now() - startedAt) / 1000;
    const name = `6 ${due} due at once: ${Math.round(due / seconds)}/s, ${memoryMb(worker.process.pid)} MB`;
    return await scene.finish({ scenario: name });
  } finally {
    await scene.close();
  }
}

async function expired(run: Run): Promise<Figures> {
  const count = SIZES[run.size].expired;
  const scene = await openScene(run, {
    policy: { deadlineSeconds: 86_400 },
    endpoints: ENDPOINTS,
  });
  try {
    await acceptMany(run, scene, count);
    scene.fault();
    // A day goes by, for everything that counts time.
    await scene.sql.query(
      `CREATE OR REPLACE FUNCTION postrider_now() RETURNS timestamptz LANGUAGE sql STABLE
         PARALLEL SAFE AS $$ SELECT date_trunc('milliseconds', statement_timestamp()
           + interval '24 hours 1 second') $$`,
    );
    await scene.launch('worker');
    const figures = await scene.finish({
      scenario: EXPIRED,
      ends: { status: 'failed', reason: 'deadline_passed' },
    });
    if (scene.arrivals.length > 0) figures.broken.push(`${scene.arrivals.length} were sent late`);
    const visible = await countUndelivered(scene);
    if (visible !== count) figures.broken.push(`${visible} of ${count} are visible to queries`);
    return figures;
  } finally {
    await scene.close();
  }
}

async function countUndelivered({ api }: Scene): Promise<number> {
  let seen = 0;
  let cursor = '';
  for (;;) {
    const { body } = await api
      .get(`/v1/notifications?merchantId=m_chaos&undelivered=true&limit=${PAGE}${cursor}`)
      .expect(200);
    seen += body.data.length;
    if (!body.hasMore) return seen;
    cursor = `&cursor=${encodeURIComponent(body.nextCursor)}`;
  }
}

/** The most a process ever had, where the system tells. */
function memoryMb(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Math.round(Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1]) / 1024);
  } catch {
    return Number.NaN;
  }
}
