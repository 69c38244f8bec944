import { wakeFor } from '../../engine/run.ts';
import { bringForward } from '../../engine/store/bring-forward.ts';
import { resendDeliveries } from '../../engine/store/resend.ts';
import type { Wake } from '../../engine/timers/wake-queue.ts';
import type { Transaction } from '../../platform/db/client.ts';
import { finishOrFindTurns, resumeTransactions } from './store/progress.ts';

/**
 * What follows when branches have done what was decided: the next one's turn, or the end.
 *
 * The next one's call waits, unless the day is over and it has failed without a single attempt: then
 * the transaction was suspended, and it begins again with a day of its own.
 *
 * @param branchIds branches that are done; their transactions are locked
 */
export async function advance(tx: Transaction, branchIds: string[]): Promise<Wake[]> {
  const turns = await finishOrFindTurns(tx, branchIds);
  const failed = turns.filter(({ deliveryStatus }) => deliveryStatus === 'failed');
  const waiting = turns.filter(({ deliveryStatus }) => deliveryStatus === 'pending');
  const due = await bringForward(
    tx,
    waiting.map(({ deliveryId }) => deliveryId),
  );
  if (failed.length === 0) return due.map(wakeFor);
  const resent = await resendDeliveries(
    tx,
    failed.map(({ deliveryId }) => deliveryId),
    { delivered: 'refuse', priority: 0, by: null },
  );
  await resumeTransactions(
    tx,
    failed.map(({ transactionId }) => transactionId),
  );
  const begun = resent.filter(({ verdict }) => verdict === 'due');
  return [...due, ...begun.map((each) => ({ ...each, waitMs: 0 }))].map(wakeFor);
}
