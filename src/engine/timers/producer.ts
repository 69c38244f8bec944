import { batched } from '../../platform/batch.ts';
import { within } from '../../platform/time/within.ts';
import type { AlsoDue, Backend, BullQueue, Report } from './backend.ts';
import type { Wake } from './wake-queue.ts';

export interface PendingWake {
  wake: Wake;
  /** By this process' clock, like BullMQ's: who waited for a turn must not come later for it. */
  dueAt: number;
}

const MAX_WAITING = 20_000;
const MAX_BULK = 1000;
const MAX_BULKS_AT_ONCE = 2;
const BULK_MS = 1500;
/** After a bulk that hung, nothing is tried for so long: callers must not all wait in vain. */
const REST_MS = 1000;
const GOODBYE_MS = 500;

/**
 * Wakes that are due within so long of each other share a job: a job costs more than an attempt does. Not those
 * of this very moment, nor too many: one worker takes a job, and others are idle meanwhile.
 */
const TOGETHER_MS = 1000;
const MOST_TOGETHER = 25;
export const NOT_SOON_MS = 1000;
/** So long before, such wakes wait for each other. What a process takes with it that dies meanwhile, the sweep finds. */
export const GATHER_MS = 500;

type Group = [PendingWake, ...PendingWake[]];

/** The first of each group is the one that is due first. */
function groupsOf(batch: readonly PendingWake[], now: number): Group[] {
  const groups: Group[] = [];
  const once = new Map(batch.map((pending) => [pending.wake.key, pending])).values();
  for (const pending of [...once].sort((a, b) => a.dueAt - b.dueAt)) {
    const last = groups.at(-1);
    const fits =
      last !== undefined &&
      last.length < MOST_TOGETHER &&
      last[0].dueAt - now >= NOT_SOON_MS &&
      pending.dueAt - last[0].dueAt <= TOGETHER_MS;
    if (fits) last.push(pending);
    else groups.push([pending]);
  }
  return groups;
}

function dataOf({ wake: { deliveryId, receiverId } }: PendingWake) {
  return { deliveryId, receiverId: receiverId ?? null };
}

function moreOf(first: PendingWake, others: readonly PendingWake[]): AlsoDue[] {
  return others.map(({ wake, dueAt }) => [
    wake.deliveryId,
    wake.receiverId ?? null,
    Math.round(dueAt - first.dueAt),
  ]);
}

/** Hands the wakes of one queue over to BullMQ, many at a time. */
export function openProducer(
  timers: Backend,
  name: string,
  report: Report,
): { add(pending: PendingWake): Promise<unknown>; close(): Promise<void> } {
  let opened: Promise<BullQueue> | undefined;
  let restUntil = 0;

  async function handOver(batch: readonly PendingWake[]): Promise<undefined[]> {
    const startedAt = performance.now();
    if (!timers.isUp() || startedAt < restUntil) throw new Error('the timers are not connected');
    try {
      await within(BULK_MS, insert(batch));
    } catch (error) {
      // What fails at once may be tried again at once.
      const now = performance.now();
      if (now - startedAt > BULK_MS / 2) restUntil = now + REST_MS;
      throw error;
    }
    return new Array<undefined>(batch.length);
  }

  async function insert(batch: readonly PendingWake[]): Promise<void> {
    opened ??= open();
    const queue = await opened;
    const now = Date.now();
    const jobs = groupsOf(batch, now).map(([first, ...others]) => ({
      name: 'wake',
      data: { ...dataOf(first), ...(others.length > 0 && { more: moreOf(first, others) }) },
      opts: {
        jobId: first.wake.key,
        delay: Math.max(0, Math.ceil(first.dueAt - now)),
        attempts: 1,
        removeOnComplete: true,
        removeOnFail: true,
      },
    }));
    const [first] = jobs;
    // On PostgreSQL a bulk makes two temporary tables: too much for one job.
    if (jobs.length === 1 && first) await queue.add(first.name, first.data, first.opts);
    else await queue.addBulk(jobs);
  }

  /** A BullMQ queue whose first contact failed stays useless: the next batch then opens another. */
  async function open(): Promise<BullQueue> {
    const queue = timers.openQueue(name);
    queue.on('error', (error) => report('setting timers failed', error));
    try {
      await queue.waitUntilReady();
      return queue;
    } catch (error) {
      opened = undefined;
      throw error;
    }
  }

  return {
    add: batched<PendingWake, undefined>(
      {
        maxItems: MAX_BULK,
        maxRuns: MAX_BULKS_AT_ONCE,
        maxWaiting: MAX_WAITING,
        whenFull: () => new Error(`${MAX_WAITING} wakes are waiting already`),
      },
      handOver,
    ),
    async close() {
      if (opened === undefined) return;
      await within(
        GOODBYE_MS,
        opened.then((queue) => queue.close()),
      ).catch(() => {});
    },
  };
}
