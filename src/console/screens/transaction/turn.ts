import type { Branch, BranchCall, Transaction } from '../../api/transactions.ts';

/** A branch's call of the second phase; undefined: it is not decided. */
export function secondCallOf({ calls }: Branch): BranchCall | undefined {
  return calls.find(({ op }) => op !== 'try');
}

export function tryCallOf({ calls }: Branch): BranchCall | undefined {
  return calls.find(({ op }) => op === 'try');
}

/**
 * The branch that is called now: confirms go in the order of registration, cancels in the reverse, each
 * when those before it have finished. undefined: nothing is decided, or all is done.
 */
export function turnOf({ decision, branches }: Transaction): Branch | undefined {
  if (decision === null) return undefined;
  const isOpen = ({ finishedAt }: Branch) => finishedAt === null;
  return decision === 'confirm' ? branches.find(isOpen) : branches.findLast(isOpen);
}
