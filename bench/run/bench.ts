import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { hasRedis, startRedis } from '../../test/support/redis.ts';
import type { ReceiverOrder, ReceiverReady, ReceiverReport } from '../load/receiver.ts';
import type { LoadOrder, LoadReport } from '../load/run.ts';
import { startWorkerProcess } from '../load/worker.ts';
import { type Phase, postriderName, type Results } from './figures.ts';
import { describeMachine } from './machine.ts';
import type { BenchOptions } from './options.ts';
import type { Stage } from './phases.ts';
import { runPlan } from './plan.ts';
import { type Cluster, openCluster } from './postgres.ts';
import { writeTopFunctions } from './profile.ts';
import type { Subject } from './subject.ts';
import { openFloor } from './subject-floor.ts';
import { LIMITED, openLimits } from './subject-limit.ts';
import { openPostrider } from './subject-postrider.ts';

/** What is running for a run, ended in the reverse order. */
type Closers = Array<() => Promise<unknown>>;

/** A whole run: starts everything, measures, and leaves nothing behind. */
export async function runBench(
  options: BenchOptions,
  version: string,
  done: (phase: Phase) => void,
  brokenOff: AbortSignal,
): Promise<Results> {
  if (!existsSync('dist/main.js')) throw new Error('dist/ is missing: `npm run build` makes it.');
  if (options.profile !== null) await mkdir(options.profile, { recursive: true });
  const closers: Closers = [];
  try {
    const cluster = await openCluster(options.databaseUrl, options.profile);
    closers.push(cluster.close);
    const redis = hasRedis() ? await startRedis() : null;
    if (redis !== null) closers.push(redis.stop);
    const [generator, receiver] = await Promise.all([
      startWorkerProcess<LoadOrder, LoadReport>(new URL('../load/generator.ts', import.meta.url)),
      startWorkerProcess<ReceiverOrder, ReceiverReport, ReceiverReady>(
        new URL('../load/receiver.ts', import.meta.url),
      ),
    ]);
    closers.push(generator.close, receiver.close);
    const stage: Stage = {
      seconds: options.seconds,
      due: options.due,
      generator,
      receiver,
      servers: {
        postgres: cluster.pid === null ? null : { pid: cluster.pid, family: true },
        redis: redis === null ? null : { pid: redis.pid },
      },
      nextCall: 1,
    };
    const subjects = await openSubjects(
      options,
      cluster,
      redis?.url ?? null,
      receiver.ready,
      closers,
    );
    return {
      date: new Date().toISOString(),
      machine: describeMachine(),
      versions: {
        postrider: version,
        node: process.versions.node,
        postgres: cluster.version,
        ...(redis !== null && { redis: redisVersion() }),
      },
      options: {
        seconds: options.seconds,
        rounds: options.rounds,
        rows: options.rows,
        due: options.due,
      },
      phases: await orBrokenOff(brokenOff, runPlan(options, stage, subjects, done)),
    };
  } finally {
    for (const close of closers.reverse()) await close();
    if (options.profile !== null) await writeTopFunctions(options.profile);
  }
}

/** A phase under way is left to itself: what it talks to is about to end. */
async function orBrokenOff<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const aborted = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  work.catch(() => {});
  return Promise.race([work, aborted]);
}

/** Floor and limits first, then each gateway on a database and a Redis of its own. */
async function openSubjects(
  options: BenchOptions,
  cluster: Cluster,
  redisUrl: string | null,
  receiver: ReceiverReady,
  closers: Closers,
): Promise<Subject[]> {
  const subjects: Subject[] = [];
  const add = (...opened: Subject[]) => {
    subjects.push(...opened);
    closers.push(...opened.map(({ close }) => close));
  };
  let redisDatabase = 0;
  const nextRedis = () => `${redisUrl}/${redisDatabase++}`;
  if (redisUrl !== null) add(await openFloor(receiver, await cluster.create('floor'), nextRedis()));
  if (options.only.some((kind) => LIMITED.includes(kind))) {
    add(...(await openLimits(receiver, await cluster.create('limit'))));
  }
  for (const rows of options.rows) {
    for (const backend of options.backends) {
      if (backend === 'redis' && redisUrl === null) continue;
      const name = postriderName(backend, rows);
      add(
        await openPostrider({
          name,
          receiver,
          databaseUrl: await cluster.create(name, rows),
          redisUrl: backend === 'redis' ? nextRedis() : null,
          profile: options.profile,
        }),
      );
    }
  }
  return subjects;
}

function redisVersion(): string {
  const { stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
  return /v=([\d.]+)/.exec(stdout)?.[1] ?? 'unknown';
}
