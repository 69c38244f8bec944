import { setTimeout as sleep } from 'node:timers/promises';
import type { Caller, ScriptName, Target } from './scripts.ts';

/** What the generator is told to do. */
export interface LoadOrder {
  script: ScriptName;
  target: Target;
  callers: number;
  seconds: number;
  /** Calls a second at an even pace; null: every caller calls again as soon as it was answered. */
  perSecond: number | null;
  /** Where the numbers of the calls begin, so that no two phases send the same. */
  from: number;
  /** Whether `acceptances` are kept: answers are read for it, which costs. */
  keepAcceptances?: true;
}

/** What came of it. */
export interface LoadReport {
  /** Units whose answer came within the time, and calls that failed. */
  units: number;
  failed: number;
  /** All units, also those answered after the time. */
  succeeded: number;
  seconds: number;
  /** Each call's time, ms; at a pace from when it should have begun, so that stalls count in full. */
  latenciesMs: number[];
  acceptances: Acceptance[];
  /** Calls made, to count on from there. */
  calls: number;
}

/** Times in ms since 1970. */
export interface Acceptance {
  id: string;
  plannedAt: number;
  acceptedAt: number;
}

/** Runs an order with callers that are open already. */
export async function runLoad(order: LoadOrder, callers: Caller[]): Promise<LoadReport> {
  const report: LoadReport = {
    units: 0,
    failed: 0,
    succeeded: 0,
    seconds: order.seconds,
    latenciesMs: [],
    acceptances: [],
    calls: 0,
  };
  const startedAt = performance.now();
  const endsAt = startedAt + order.seconds * 1000;

  async function once(caller: Caller, plannedAt: number): Promise<void> {
    const n = order.from + report.calls;
    report.calls += 1;
    const { units, answer } = await caller.call(n).catch(() => ({ units: 0, answer: undefined }));
    const now = performance.now();
    if (units === 0) report.failed += 1;
    report.succeeded += units;
    if (now <= endsAt) report.units += units;
    report.latenciesMs.push(now - plannedAt);
    if (order.keepAcceptances && units > 0 && answer !== undefined) {
      const { id, acceptedAt } = JSON.parse(answer) as { id: string; acceptedAt: string };
      const plannedAgoMs = now - plannedAt;
      report.acceptances.push({
        id,
        plannedAt: Date.now() - plannedAgoMs,
        acceptedAt: Date.parse(acceptedAt),
      });
    }
  }

  if (order.perSecond === null) await closedLoop(callers, endsAt, once);
  else await evenly(callers, { startedAt, endsAt, perSecond: order.perSecond }, once);
  return report;
}

type Once = (caller: Caller, plannedAt: number) => Promise<void>;

async function closedLoop(callers: Caller[], endsAt: number, once: Once): Promise<void> {
  await Promise.all(
    callers.map(async (caller) => {
      for (let now = performance.now(); now < endsAt; now = performance.now())
        await once(caller, now);
    }),
  );
}

/** An open loop: a call whose time has come waits for a free caller, and its wait is measured. */
async function evenly(
  callers: Caller[],
  pace: { startedAt: number; endsAt: number; perSecond: number },
  once: Once,
): Promise<void> {
  const free = [...callers];
  const due: number[] = [];
  const running = new Set<Promise<void>>();
  const everyMs = 1000 / pace.perSecond;
  let next = pace.startedAt;

  function begin(): void {
    while (free.length > 0 && due.length > 0) {
      const caller = free.pop() as Caller;
      const call = once(caller, due.shift() as number).then(() => {
        running.delete(call);
        free.push(caller);
        begin();
      });
      running.add(call);
    }
  }

  while (next < pace.endsAt) {
    for (const now = performance.now(); next <= now && next < pace.endsAt; next += everyMs)
      due.push(next);
    begin();
    await sleep(1);
  }
  while (running.size > 0) await Promise.all(running);
}
