import type { Logger } from 'pino';
import type { Waker } from '../../engine/timers/wake-queue.ts';
import type { Database } from '../../platform/db/client.ts';
import { decide } from './decide.ts';
import { findTimedOut } from './store/decide.ts';

interface TimeoutDeps {
  database: Database;
  wake: Waker;
  log: Pick<Logger, 'error'>;
}

const LOOK_EVERY_MS = 1_000;
const BATCH = 100;

/**
 * Cancels what nobody has decided in its time: also where the process that began it is gone. Every
 * worker looks; of two that find the same transaction one decides.
 *
 * A look at an index that holds nothing but open transactions, and no delivery that would have to be
 * made for each transaction and almost always ended unused.
 *
 * @returns stops looking, and waits for the look under way
 */
export function startTimeouts(deps: TimeoutDeps): () => Promise<void> {
  let look: Promise<void> | null = null;
  const timer = setInterval(() => {
    look ??= cancelTimedOut(deps)
      .catch((error) => deps.log.error({ err: error }, 'looking for timeouts failed'))
      .finally(() => {
        look = null;
      });
  }, LOOK_EVERY_MS);
  return async () => {
    clearInterval(timer);
    await look;
  };
}

/** One look of every worker. */
export async function cancelTimedOut({
  database: { prisma },
  wake,
}: Pick<TimeoutDeps, 'database' | 'wake'>): Promise<void> {
  for (;;) {
    const ids = await findTimedOut(prisma, BATCH);
    if (ids.length === 0) return;
    const { wakes } = await prisma.$transaction((tx) =>
      decide(tx, ids, { decision: 'cancel', cause: 'timed_out', reason: null }),
    );
    if (wakes.length > 0) void wake(wakes);
    if (ids.length < BATCH) return;
  }
}
