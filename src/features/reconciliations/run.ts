import type { Logger } from 'pino';
import type { Database } from '../../platform/db/client.ts';
import { type Repeated, repeat } from '../../platform/time/periodic.ts';
import { clearEarlier } from './store-clear.ts';
import { collectResults, compareSome } from './store-compare.ts';
import {
  claimReconciliation,
  failReconciliation,
  type Lease,
  releaseReconciliation,
} from './store-lease.ts';
import { settleAndComplete } from './store-settle.ts';

const SECOND = 1000;
const LOOK_EVERY_MS = SECOND;
/** A worker that dies over a comparison takes it up again, or another one does; not for ever. */
const MAX_TRIES = 8;

/**
 * Compares the lists that wait, one at a time, wherever a worker runs. What was begun goes on where
 * it stopped, in this process or another.
 */
export function startReconciling(options: { database: Database; log: Logger }): Repeated {
  return repeat(
    LOOK_EVERY_MS,
    (stopping) => reconcileWaiting(options, stopping),
    (error) => options.log.error({ err: error }, 'looking for reconciliations failed'),
  );
}

async function reconcileWaiting(
  { database, log }: { database: Database; log: Logger },
  stopping: AbortSignal,
): Promise<void> {
  while (!stopping.aborted) {
    const lease = await claimReconciliation(database.prisma);
    if (lease === null) return;
    try {
      await reconcile(database, lease, stopping);
    } catch (error) {
      log.error({ err: error, reconciliationId: lease.id, tries: lease.tries }, 'not reconciled');
      await giveUpOrBack(database, lease);
    }
  }
}

/**
 * clear, where it is compared anew → collect → compare, some thousands of rows at a time → settle. Each step is a transaction of its
 * own that the next run does not repeat.
 */
async function reconcile(database: Database, lease: Lease, stopping: AbortSignal): Promise<void> {
  await clearEarlier(database, lease);
  await collectResults(database, lease);
  while ((await compareSome(database.prisma, lease)) > 0) {
    if (stopping.aborted) return releaseReconciliation(database.prisma, lease, 0);
  }
  await settleAndComplete(database, lease);
}

async function giveUpOrBack({ prisma }: Database, lease: Lease): Promise<void> {
  if (lease.tries >= MAX_TRIES) await failReconciliation(prisma, lease);
  else await releaseReconciliation(prisma, lease, 2 ** lease.tries * SECOND);
}
