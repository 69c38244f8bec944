import { type ChildProcess, spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import type { OpenLoopOrder, OpenLoopReport } from './load/open-loop.ts';
import type { ReceiverOrder, ReceiverReady, ReceiverReport } from './load/receiver.ts';
import type { LoadOrder, LoadReport } from './load/run.ts';
import { startWorkerProcess } from './load/worker.ts';
import { watch } from './run/machine.ts';
import { openCluster } from './run/postgres.ts';
import type { Subject } from './run/subject.ts';
import { openPostrider } from './run/subject-postrider.ts';
import { nearestRank } from './support.ts';

// What a gateway does with more calls than it can take, from producers that wait five seconds for an
// answer and call on whatever they got. First as many as it takes from a closed loop, then once, twice
// and five times as many from an open one.
//
//   npm run bench:overload -- [--seconds 10] [--rounds 1] [--times 1,2,5] [--busy]
//     [--connections 2000] [--main dist/main.js,../other-checkout/dist/main.js]
//
// The open loop begins with so many connections and opens more where all are in use: few of them show
// what becomes of a storm of new ones. `--busy` has two more processes keep the cores busy at the same
// priority. Several builds take turns.

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '1' },
    times: { type: 'string', default: '1,2,5' },
    connections: { type: 'string', default: '2000' },
    main: { type: 'string', default: 'dist/main.js' },
    busy: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
const TIMEOUT_MS = 5_000;
/** More let batches grow where answers take long; the better of both counts. */
const CALLERS = [64, 256];
const BUSY_LOOPS = 2;

const closers: Array<() => Promise<unknown> | unknown> = [];
let nextCall = 1;

async function run(): Promise<void> {
  const cluster = await openCluster(null, null);
  closers.push(cluster.close);
  const [generator, openLoop, receiver] = await Promise.all([
    startWorkerProcess<LoadOrder, LoadReport>(new URL('load/generator.ts', import.meta.url)),
    startWorkerProcess<OpenLoopOrder, OpenLoopReport>(
      new URL('load/open-loop.ts', import.meta.url),
    ),
    startWorkerProcess<ReceiverOrder, ReceiverReport, ReceiverReady>(
      new URL('load/receiver.ts', import.meta.url),
    ),
  ]);
  closers.push(generator.close, openLoop.close, receiver.close);
  const subjects: Subject[] = [];
  for (const [n, main] of values.main.split(',').entries()) {
    const databaseUrl = await cluster.create(`overload_${n}`, 10_000);
    const subject = await openPostrider({
      name: main,
      receiver: receiver.ready,
      databaseUrl,
      redisUrl: null,
      profile: null,
      main,
    });
    closers.push(subject.close);
    subjects.push(subject);
  }
  for (const subject of subjects) await best(subject, 3);
  if (values.busy) keepCoresBusy();
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    const bests = new Map<Subject, number>();
    for (const subject of subjects) bests.set(subject, await best(subject, seconds));
    for (const times of values.times.split(',').map(Number)) {
      for (const subject of subjects) await overload(subject, bests.get(subject) ?? 0, times);
    }
  }

  async function best(subject: Subject, forSeconds: number): Promise<number> {
    let best = 0;
    for (const callers of CALLERS) {
      const load = subject.load('intake');
      const order = { ...load, callers, seconds: forSeconds, perSecond: null };
      const report = await generator.ask({ ...order, from: nextCall });
      nextCall += report.calls;
      const perSecond = report.units / report.seconds;
      const sorted = report.latenciesMs.toSorted((a, b) => a - b);
      const figures = `${perSecond.toFixed(0)}/s, ${spread(sorted)}, failed ${report.failed}`;
      say(subject, `${callers} callers: ${figures}`);
      best = Math.max(best, perSecond);
    }
    return best;
  }

  async function overload(subject: Subject, bestPerSecond: number, times: number): Promise<void> {
    const { target } = subject.load('intake');
    const parts = {
      subject: subject.pid === null ? null : { pid: subject.pid },
      load: { pid: openLoop.pid },
      postgres: cluster.pid === null ? null : { pid: cluster.pid, family: true as const },
    };
    const stop = watch(parts, subject.pid);
    const perSecond = bestPerSecond * times;
    const connections = Number(values.connections);
    const order = {
      target,
      perSecond,
      seconds,
      connections,
      timeoutMs: TIMEOUT_MS,
      from: nextCall,
    };
    const { calls, acceptedMs, refusedMs, timedOut, failed } = await openLoop.ask(order);
    nextCall += calls;
    const use = stop();
    const goodput = acceptedMs.length / seconds;
    const share = ((100 * goodput) / bestPerSecond).toFixed(0);
    const cores = Object.entries(use.cores).map(([name, used]) => `${name} ${used.toFixed(2)}`);
    say(
      subject,
      `${times} x: ${(calls / seconds).toFixed(0)}/s offered, ${goodput.toFixed(0)}/s accepted in time (${share} %), ` +
        `refused ${(refusedMs.length / seconds).toFixed(0)}/s, timed out ${(timedOut / seconds).toFixed(0)}/s, failed ${failed}\n` +
        `    accepted ${spread(acceptedMs)}; refused ${spread(refusedMs)}; ` +
        `at most ${use.rssMb?.toFixed(0)} MB; cores: ${cores.join(', ')}, other ${use.otherCores?.toFixed(2)}`,
    );
  }
}

function spread(sorted: ArrayLike<number>): string {
  if (sorted.length === 0) return 'none';
  const [p50, p99] = [0.5, 0.99].map((share) => nearestRank(sorted, share).toFixed(0));
  return `p50 ${p50} p99 ${p99} ms`;
}

function say({ name }: Subject, what: string): void {
  console.log(`${name}\n  ${what}`);
}

/** At the priority of everything else here. */
function keepCoresBusy(): void {
  const loops = Array.from({ length: BUSY_LOOPS }, () =>
    spawn(process.execPath, ['-e', 'for (;;) {}'], { stdio: 'ignore' }),
  );
  closers.push(() => {
    for (const loop of loops as ChildProcess[]) loop.kill('SIGKILL');
  });
}

try {
  await run();
} finally {
  for (const close of closers.reverse()) await close();
}
