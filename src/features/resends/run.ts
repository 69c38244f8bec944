import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { wakeFor } from '../../engine/run.ts';
import { type Resent, resendDeliveries } from '../../engine/store/resend.ts';
import type { Waker } from '../../engine/timers/wake-queue.ts';
import type { Database, Transaction } from '../../platform/db/client.ts';
import { isStatementTimeout } from '../../platform/db/database-error.ts';
import { type Repeated, repeat } from '../../platform/time/periodic.ts';
import {
  type Found,
  findPage,
  type HeldJob,
  holdDueJob,
  moveOn,
  nextPageInMs,
  noteFault,
} from './store-page.ts';

interface ResendDeps {
  database: Database;
  wake: Waker;
  /** Gives a delivery that nobody listened to to whoever listens now; again changes nothing. */
  adopt(tx: Transaction, orphan: Found): Promise<void>;
  log: Logger;
}

const SECOND = 1000;
const LOOK_EVERY_MS = SECOND;
/** While another worker has the only job that is due. */
const SHORTEST_PAUSE_MS = 50;
const PAGE_MS = 60 * SECOND;
/** So much of a second's rate at once: small enough to be even, large enough to be cheap. */
const PAGE_SHARE = 0.25;
const MAX_PAGE = 500;
/** As they end they draw in the rest, by priority; see `CROWD`. */
const WOKEN_EACH = 20;
/** Two minutes of trying in all. */
const MAX_TRIES = 7;

/** Works the jobs that run, a page here and a page there, wherever a worker is. */
export function startResending(deps: ResendDeps): Repeated {
  return repeat(
    LOOK_EVERY_MS,
    (stopping) => resendWaiting(deps, stopping),
    (error) => deps.log.error({ err: error }, 'looking for re-sends failed'),
  );
}

async function resendWaiting(deps: ResendDeps, stopping: AbortSignal): Promise<void> {
  const { prisma } = deps.database;
  while (!stopping.aborted) {
    if (await resendPage(deps)) continue;
    const waitMs = await nextPageInMs(prisma);
    if (waitMs === null || waitMs > LOOK_EVERY_MS) return;
    const pauseMs = Math.max(SHORTEST_PAUSE_MS, waitMs);
    await sleep(pauseMs, undefined, { signal: stopping }).catch(() => {});
  }
}

/**
 * One page of the job that has waited longest: find → adopt → re-send → move on, in one transaction.
 *
 * Where a crash can happen, and what makes it good: before the commit nothing was sent or adopted, the
 * lock is gone with the connection, and the same page comes again. After the commit, before the wake: due
 * and unclaimed, the sweep finds it.
 *
 * @returns false where no job was due
 */
async function resendPage(deps: ResendDeps): Promise<boolean> {
  const { database, log } = deps;
  let held: HeldJob | null = null;
  try {
    const resent = await database.prisma.$transaction(
      async (tx) => {
        held = await holdDueJob(tx);
        if (held === null) return null;
        const limit = pageSize(held);
        const found = await findPage(tx, held, limit);
        // One after the other, on the transaction's own connection: with a pool of others like it, each
        // would wait for the next one's.
        for (const each of found.filter(({ isOrphan }) => isOrphan)) await deps.adopt(tx, each);
        const ids = found.map(({ id }) => id);
        const resent = await resendDeliveries(tx, ids, {
          delivered: held.force ? 'repeat' : 'refuse',
          priority: 2,
          by: held.id,
        });
        await moveOn(tx, held, {
          cursor: ids.at(-1) ?? held.cursor,
          ...countsOf(resent),
          isLast: found.length < limit,
        });
        return resent;
      },
      { maxWait: 5 * SECOND, timeout: PAGE_MS },
    );
    if (resent === null) return false;
    void deps.wake(firstOfEach(resent).map((each) => wakeFor({ ...each, waitMs: 0 })));
    return true;
  } catch (error) {
    // Assigned inside a callback, which the compiler does not follow.
    const job = held as HeldJob | null;
    if (job === null) throw error;
    log.error({ err: error, resendId: job.id }, 'a page was not re-sent');
    const why = isStatementTimeout(error)
      ? 'Looking for the next deliveries took too long. A narrower filter may be quicker.'
      : 'The next deliveries could not be made due. The log says why.';
    await noteFault(database.prisma, job.id, { maxTries: MAX_TRIES, error: why });
    return true;
  }
}

function pageSize({ ratePerSecond }: HeldJob): number {
  return Math.min(MAX_PAGE, Math.max(1, Math.ceil(ratePerSecond * PAGE_SHARE)));
}

function countsOf(resent: Resent[]) {
  const count = (fits: (each: Resent) => boolean) => resent.filter(fits).length;
  const due = count(({ verdict }) => verdict === 'due');
  const failed = count(({ verdict }) => verdict === 'no_receiver');
  return { resent: due, failed, skipped: resent.length - due - failed };
}

function firstOfEach(resent: Resent[]): Resent[] {
  const woken = new Map<string, number>();
  return resent.filter(({ verdict, queue, receiverId }) => {
    if (verdict !== 'due') return false;
    const line = `${queue} ${receiverId}`;
    const before = woken.get(line) ?? 0;
    woken.set(line, before + 1);
    return before < WOKEN_EACH;
  });
}
