import { setTimeout as sleep } from 'node:timers/promises';
import type { ReceiverOrder, ReceiverReport } from '../load/receiver.ts';
import type { LoadOrder, LoadReport } from '../load/run.ts';
import type { WorkerProcess } from '../load/worker.ts';
import { nearestRank } from '../support.ts';
import { type Parts, type Use, watch } from './machine.ts';
import type { Kind } from './options.ts';
import type { Subject } from './subject.ts';
import { RUNG_SECONDS } from './subject-postrider.ts';

/** What the phases of a run share. */
export interface Stage {
  seconds: number;
  due: number;
  generator: WorkerProcess<LoadOrder, LoadReport>;
  receiver: WorkerProcess<ReceiverOrder, ReceiverReport>;
  /** PostgreSQL and Redis, for the account of CPU. */
  servers: Parts;
  /** So many calls were made: each phase sends numbers of its own. */
  nextCall: number;
}

export interface Measured {
  figures: Record<string, number>;
  use: Use;
  timeline?: number[];
}

/** Enough for throughput to stand still; more only makes answers wait longer. */
const CALLERS = 64;
const PATIENCE_MS = 180_000;
const POLL_MS = 100;

/** Callers in one go: as many as a batch's, a transaction's weight lets them be. */
const CALLERS_OF: Partial<Record<Kind, number>> = { batch: 4, tcc: 32, messages: 32 };

type Measure = (stage: Stage, subject: Subject, pace: number) => Promise<Measured>;

/** @param pace calls a second, where a kind has one; or how quick it is expected to be */
export function measure(
  kind: Kind,
  stage: Stage,
  subject: Subject,
  pace: number,
): Promise<Measured> {
  return MEASURES[kind](stage, subject, pace);
}

const MEASURES: Record<Kind, Measure> = {
  intake: (stage, subject) => throughput('intake', stage, subject),
  batch: (stage, subject) => throughput('batch', stage, subject),
  both: (stage, subject) => through('both', stage, subject, (report) => report.notifications),
  messages: (stage, subject) =>
    through('messages', stage, subject, (report) => report.notifications),
  tcc: (stage, subject) =>
    subject.pid === null
      ? throughput('tcc', stage, subject)
      : through('tcc', stage, subject, (report) => report.confirms / 2),
  deliver,
  latency,
  rungs,
  drain,
};

/** Calls as quickly as they are answered. */
async function throughput(kind: Kind, stage: Stage, subject: Subject): Promise<Measured> {
  const { report, use } = await load(kind, stage, subject, null);
  return { figures: callFigures(report), use };
}

/** The same, and what comes out at the other end meanwhile; then until all of it is out. */
async function through(
  kind: Kind,
  stage: Stage,
  subject: Subject,
  countOf: (report: ReceiverReport) => number,
): Promise<Measured> {
  await stage.receiver.ask({ ask: 'reset', keep: 'counts' });
  const stop = watch(partsOf(stage, subject), subject.pid);
  const order = orderFor(kind, stage, subject, null);
  // The count is read at the end of the time, not when the last call has been answered.
  const [report, [doneInTime, use]] = await Promise.all([
    stage.generator.ask(order),
    untilEnd(stage).then(async (): Promise<[number, Use]> => {
      const use = stop();
      return [countOf(await stage.receiver.ask({ ask: 'report' })), use];
    }),
  ]);
  stage.nextCall += report.calls;
  const drainedMs = await untilCounted(stage, report.succeeded, countOf);
  const missing = report.succeeded - countOf(await stage.receiver.ask({ ask: 'report' }));
  await untilIdle(subject);
  const donePerSecond = doneInTime / stage.seconds;
  const { perSecond, ...calls } = callFigures(report);
  return {
    figures: {
      ...calls,
      acceptedPerSecond: perSecond,
      donePerSecond,
      perSecond: Math.min(perSecond, donePerSecond),
      backlogDrainedMs: drainedMs,
      missing: Math.max(0, missing),
      repeated: Math.max(0, -missing),
      ...cpuFigures(use, doneInTime, stage.seconds),
    },
    use,
  };
}

/** What is due is let go, and counted as it arrives. The bare loop has nothing to let go. */
async function deliver(stage: Stage, subject: Subject, pace: number): Promise<Measured> {
  if (subject.fill === undefined) {
    const { report, use } = await load('deliver', stage, subject, null);
    const figures = callFigures(report);
    return { figures: { ...figures, ...cpuFigures(use, report.units, stage.seconds) }, use };
  }
  const count = Math.min(200_000, Math.ceil(stage.seconds * pace));
  await subject.fill(count);
  await stage.receiver.ask({ ask: 'reset', keep: 'counts' });
  const stop = watch(partsOf(stage, subject), subject.pid);
  const startedAt = Date.now();
  await subject.release?.();
  await sleep(Math.max(0, startedAt + stage.seconds * 1000 - Date.now()));
  const use = stop();
  const { notifications, lastAt } = await stage.receiver.ask({ ask: 'report' });
  // Where they were fewer than the time allowed, the time ends with the last one.
  const seconds = notifications >= count ? (lastAt - startedAt) / 1000 : stage.seconds;
  await untilCounted(stage, count, (report) => report.notifications);
  await untilIdle(subject);
  return {
    figures: {
      perSecond: notifications / seconds,
      ...cpuFigures(use, notifications, stage.seconds),
    },
    use,
  };
}

/** From the moment a call should have begun, and from acceptance, to the arrival at the receiver. */
async function latency(stage: Stage, subject: Subject, pace: number): Promise<Measured> {
  await stage.receiver.ask({ ask: 'reset', keep: 'arrivals' });
  const { report, use } = await load('latency', stage, subject, pace, { keepAcceptances: true });
  await untilCounted(stage, report.succeeded, ({ notifications }) => notifications);
  const { arrivals } = await stage.receiver.ask({ ask: 'report' });
  await untilIdle(subject);
  const arrivedAt = new Map<string, number>();
  for (const [id, at] of arrivals) if (!arrivedAt.has(id)) arrivedAt.set(id, at);
  // What never came is infinitely late, not left out.
  const since = (from: 'plannedAt' | 'acceptedAt') =>
    report.acceptances.map(
      (each) => (arrivedAt.get(each.id) ?? Number.POSITIVE_INFINITY) - each[from],
    );
  const { perSecond } = callFigures(report);
  return {
    figures: {
      pacePerSecond: pace,
      perSecond,
      ...spread('accepted', since('acceptedAt')),
      ...spread('sent', since('plannedAt')),
      ...spread('answer', report.latenciesMs),
      failed: report.failed,
    },
    use,
  };
}

const RUNGS_PER_SECOND = 50;

/** Every second first attempt is refused: how late is the next one, beyond the ladder's delay? */
async function rungs(stage: Stage, subject: Subject): Promise<Measured> {
  await stage.receiver.ask({ ask: 'reset', keep: 'counts' });
  const { report, use } = await load('rungs', stage, subject, RUNGS_PER_SECOND);
  const expected = Math.floor(report.succeeded / 2);
  await untilCounted(stage, expected, ({ retries }) => retries);
  const { gapsMs } = await stage.receiver.ask({ ask: 'report' });
  const late = gapsMs.map((gap) => gap - RUNG_SECONDS * 1000);
  const earliest = Math.min(...late);
  return {
    figures: {
      ...spread('late', late),
      earliestMs: earliest,
      missing: Math.max(0, expected - gapsMs.length),
    },
    use,
  };
}

/** So many due at once, as after an outage, until the last one is out. */
async function drain(stage: Stage, subject: Subject): Promise<Measured> {
  await subject.fill?.(stage.due);
  await stage.receiver.ask({ ask: 'reset', keep: 'counts' });
  const stop = watch(partsOf(stage, subject), subject.pid);
  const startedAt = Date.now();
  await subject.release?.();
  const timeline: number[] = [];
  let report = await stage.receiver.ask({ ask: 'report' });
  while (report.notifications < stage.due && Date.now() - startedAt < 2 * PATIENCE_MS) {
    await sleep(startedAt + (timeline.length + 1) * 1000 - Date.now());
    report = await stage.receiver.ask({ ask: 'report' });
    timeline.push(report.notifications);
  }
  const seconds = (report.lastAt - startedAt) / 1000;
  const use = stop();
  await untilIdle(subject);
  return {
    figures: {
      perSecond: report.notifications / seconds,
      seconds,
      missing: Math.max(0, stage.due - report.notifications),
      ...(use.rssMb !== null && { rssMb: use.rssMb }),
      ...cpuFigures(use, report.notifications, seconds),
    },
    use,
    timeline,
  };
}

function orderFor(
  kind: Kind,
  stage: Stage,
  subject: Subject,
  perSecond: number | null,
  more: { keepAcceptances?: true } = {},
): LoadOrder {
  const callers = CALLERS_OF[kind] ?? CALLERS;
  return {
    ...subject.load(kind),
    callers,
    seconds: stage.seconds,
    perSecond,
    from: stage.nextCall,
    ...more,
  };
}

async function load(
  kind: Kind,
  stage: Stage,
  subject: Subject,
  perSecond: number | null,
  more: { keepAcceptances?: true } = {},
): Promise<{ report: LoadReport; use: Use }> {
  const stop = watch(partsOf(stage, subject), subject.pid);
  const report = await stage.generator.ask(orderFor(kind, stage, subject, perSecond, more));
  stage.nextCall += report.calls;
  return { report, use: stop() };
}

function partsOf(stage: Stage, subject: Subject): Parts {
  return {
    subject: subject.pid === null ? null : { pid: subject.pid },
    ...stage.servers,
    generator: { pid: stage.generator.pid },
    receiver: { pid: stage.receiver.pid },
  };
}

function callFigures(report: LoadReport) {
  return {
    perSecond: report.units / report.seconds,
    failed: report.failed,
    ...spread('answer', report.latenciesMs),
  };
}

/** What one notification costs the service: itself, its database, its timers; not load or receiver. */
function cpuFigures(use: Use, count: number, seconds: number): { cpuMsEach?: number } {
  if (count === 0 || use.otherCores === null) return {};
  const { subject = 0, postgres = 0, redis = 0 } = use.cores;
  return { cpuMsEach: ((subject + postgres + redis) * seconds * 1000) / count };
}

function spread(name: string, values: number[]): Record<string, number> {
  if (values.length === 0) return {};
  const sorted = Float64Array.from(values).sort();
  return Object.fromEntries(
    [50, 95, 99].map((share) => [`${name}P${share}Ms`, nearestRank(sorted, share / 100)]),
  );
}

const untilEnd = (stage: Stage) => sleep(stage.seconds * 1000);

async function untilCounted(
  stage: Stage,
  wanted: number,
  countOf: (report: ReceiverReport) => number,
): Promise<number> {
  const startedAt = performance.now();
  while (performance.now() - startedAt < PATIENCE_MS) {
    if (countOf(await stage.receiver.ask({ ask: 'count' })) >= wanted) break;
    await sleep(POLL_MS);
  }
  return performance.now() - startedAt;
}

/** What arrived has still to be recorded. */
async function untilIdle(subject: Subject): Promise<void> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  while ((await subject.backlog?.()) ?? 0) {
    if (performance.now() > giveUpAt) throw new Error(`${subject.name} does not come to rest`);
    await sleep(POLL_MS);
  }
}
