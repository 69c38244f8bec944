import { setTimeout as sleep } from 'node:timers/promises';
import { type Caller, openCaller, type Target } from './scripts.ts';
import { answerOrders } from './worker.ts';

// An open loop, in a process of its own: calls begin when their time has come, whatever became of those
// before, and a caller hangs up when its patience ends. That is what producers do, and what lets a
// server work at full speed for nobody.

export interface OpenLoopOrder {
  target: Target;
  perSecond: number;
  seconds: number;
  /** How long a caller waits for its answer. */
  timeoutMs: number;
  /** Connections that are open when it begins; more are opened when all are in use. */
  connections: number;
  /** Where the numbers of the calls begin, so that no two phases send the same. */
  from: number;
}

export interface OpenLoopReport {
  calls: number;
  /** How long each accepted call took, ms, from when it should have begun; sorted. */
  acceptedMs: Float64Array;
  /** How long each call that was told 503 took, ms, likewise. */
  refusedMs: Float64Array;
  timedOut: number;
  /** Broken connections, and any other answer. */
  failed: number;
}

/** Fewer than a gateway takes, so that not their number decides. */
const MOST_CONNECTIONS = 4_000;

interface UnderWay {
  plannedAt: number;
  /** null: on its way. */
  caller: Caller | null;
  isOver: boolean;
}

answerOrders(async (order: OpenLoopOrder): Promise<OpenLoopReport> => {
  const { target, perSecond, seconds, timeoutMs, connections, from } = order;
  const accepted: number[] = [];
  const refused: number[] = [];
  const report = { calls: 0, timedOut: 0, failed: 0 };
  const free: Caller[] = [];
  /** In the order of their times, which is that in which their patience ends. */
  let underWay: UnderWay[] = [];
  let open = 0;

  async function connect(): Promise<Caller> {
    open += 1;
    return openCaller('single', target, open).catch((error) => {
      open -= 1;
      throw error;
    });
  }

  function hangUp(caller: Caller): void {
    open -= 1;
    void caller.close();
  }

  async function call(n: number, plannedAt: number): Promise<void> {
    const entry: UnderWay = { plannedAt, caller: free.pop() ?? null, isOver: false };
    underWay.push(entry);
    try {
      if (entry.caller === null) {
        if (open >= MOST_CONNECTIONS) return;
        const caller = await connect();
        if (entry.isOver) {
          free.push(caller);
          return;
        }
        entry.caller = caller;
      }
      const { caller } = entry;
      const { status } = await caller.call(n);
      if (entry.isOver) return;
      entry.isOver = true;
      free.push(caller);
      const tookMs = performance.now() - plannedAt;
      if (status === 202) accepted.push(tookMs);
      else if (status === 503) refused.push(tookMs);
      else report.failed += 1;
    } catch {
      if (entry.isOver) return;
      entry.isOver = true;
      report.failed += 1;
      if (entry.caller !== null) hangUp(entry.caller);
    }
  }

  /** Answers that are here already count: this process may be late, too. */
  function endPatience(): void {
    const now = performance.now();
    for (const entry of underWay) {
      if (entry.plannedAt + timeoutMs > now) break;
      if (entry.isOver) continue;
      entry.isOver = true;
      report.timedOut += 1;
      if (entry.caller !== null) hangUp(entry.caller);
    }
    underWay = underWay.filter(({ isOver }) => !isOver);
  }

  while (open < connections) free.push(await connect());
  const startedAt = performance.now();
  const endsAt = startedAt + seconds * 1000;
  const everyMs = 1000 / perSecond;
  let next = startedAt;
  while (next < endsAt || underWay.length > 0) {
    for (const now = performance.now(); next <= now && next < endsAt; next += everyMs) {
      void call(from + report.calls, next);
      report.calls += 1;
    }
    await sleep(1);
    // After the network was read.
    await new Promise((resolve) => setImmediate(resolve));
    endPatience();
  }
  for (const caller of free) await caller.close();
  return {
    ...report,
    acceptedMs: Float64Array.from(accepted).sort(),
    refusedMs: Float64Array.from(refused).sort(),
  };
});
