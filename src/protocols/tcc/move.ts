import { notFound, Problem } from '../../api/problem.ts';
import { originReceiver } from '../../engine/receiver-id.ts';
import { readdressDelivery } from '../../engine/store/readdress.ts';
import type { Database, Transaction } from '../../platform/db/client.ts';
import { type BranchState, findBranch } from './store/find.ts';
import { moveBranch, type NewUrls } from './store/move.ts';
import { lockTransactions } from './store/progress.ts';

/** A decision may come between once; there is no second one. */
const MOST_TRIES = 2;

/**
 * A participant has moved: its branch is confirmed and cancelled at other addresses from now on, also where that was
 * decided before. What was decided stays, and so does the ladder of the call.
 *
 * @param urls have been checked
 * @throws Problem 404, 409 `branch_finished`, `delivery_in_flight`
 */
export async function move(
  { prisma }: Database,
  transactionId: string,
  branchId: string,
  urls: NewUrls,
): Promise<void> {
  for (let tries = 1; tries <= MOST_TRIES; tries += 1) {
    const branch = await findBranch(prisma, transactionId, branchId);
    if (branch === null) throw notFound('branch');
    if (branch.isFinished) break;
    try {
      return await prisma.$transaction((tx) => moveAsSeen(tx, branch, urls));
    } catch (error) {
      if (!(error instanceof Overtaken)) throw error;
    }
  }
  throw new Problem(409, 'branch_finished', 'This branch has done what was decided.');
}

/** The delivery before the transaction, as whoever records an attempt locks them. */
async function moveAsSeen(tx: Transaction, branch: BranchState, urls: NewUrls): Promise<void> {
  const { id, decision, deliveryId, producerKeyId } = branch;
  const url = decision === 'confirm' ? urls.confirmUrl : urls.cancelUrl;
  if (decision !== null && deliveryId !== null && url !== undefined) {
    const to = { url, receiverId: originReceiver(producerKeyId, url) };
    if ((await readdressDelivery(tx, deliveryId, to)) === 'in_flight') {
      throw new Problem(409, 'delivery_in_flight', 'It is being called at the old address now.', {
        headers: { 'Retry-After': '1' },
      });
    }
  }
  await lockTransactions(tx, [id]);
  if (!(await moveBranch(tx, id, decision, urls))) throw new Overtaken();
}

/** It was decided, or has finished, since it was looked at: nothing of this transaction may stay. */
class Overtaken extends Error {}
