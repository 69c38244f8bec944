import { notFound, Problem } from '../../api/problem.ts';
import type { OwnedDelivery } from '../../engine/protocol.ts';
import type { Resent } from '../../engine/store/resend.ts';
import type { Sql } from '../../platform/db/client.ts';
import { findBranchById } from './store/find.ts';
import { resumeTransactions } from './store/progress.ts';

/**
 * A call that is made once more by hand keeps to the protocol: a try only until the decision, and what
 * was decided only at the branch whose turn it is. A branch that has done it is called again by force
 * alone, as is any receiver that has said yes; that changes nothing of the transaction.
 *
 * @throws Problem 409 `transaction_decided`, `already_delivered`, `not_its_turn`
 */
export async function resendCall(
  sql: Sql,
  { ownerId, purpose, status }: OwnedDelivery,
  resend: () => Promise<Resent[]>,
): Promise<Resent[]> {
  const branch = await findBranchById(sql, ownerId);
  if (branch === null) throw notFound('branch');
  if (purpose === 'try') {
    if (branch.decision !== null) {
      throw new Problem(409, 'transaction_decided', 'It was decided; its tries are over.');
    }
    if (status === 'delivered') throw doneAlready('This branch has been tried.');
    return resend();
  }
  if (branch.isFinished) {
    if (status === 'delivered') return resend();
    throw doneAlready('What was decided was done by hand.');
  }
  requireTurn(branch);
  // First the call, then the state: a crash in between leaves a call that ends the transaction.
  const resent = await resend();
  await resumeTransactions(sql, [branch.transactionId]);
  return resent;
}

/** @throws Problem 409 `not_its_turn` */
export function requireTurn({ isItsTurn }: { isItsTurn: boolean }): void {
  if (isItsTurn) return;
  throw new Problem(409, 'not_its_turn', 'The branches before it have not finished.');
}

function doneAlready(detail: string): Problem {
  return new Problem(409, 'already_delivered', detail);
}
