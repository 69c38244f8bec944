import type { FenceCall, FenceOp } from './fence.ts';
import { type Headers, isGenuine } from './verify.ts';

/** A call whose signature has been checked. */
export interface BranchCall extends FenceCall {
  /** The branch's payload, as it was registered. */
  payload: unknown;
}

const OPS: readonly string[] = ['try', 'confirm', 'cancel'] satisfies FenceOp[];

/**
 * The call that the gateway has signed. Of its headers only `webhook-id` is, and that says which call of which branch
 * it is: `<gid>:<branch>:<op>`. The three `postrider-` headers must say the same, or somebody has changed them.
 *
 * @param headers by lower-case names, as Node gives them
 * @param body the very bytes that came
 * @param secrets the producer key's `callbackSecret`, `whsec_…`; two while one takes the place of another
 * @returns `not_genuine`: not signed, or not as this call; `no_branch_call`: what no gateway sends
 */
export function readBranchCall(
  headers: Headers,
  body: Buffer,
  secrets: readonly string[],
): BranchCall | 'not_genuine' | 'no_branch_call' {
  if (!isGenuine(headers, body, secrets)) return 'not_genuine';
  const gid = headers['postrider-gid'];
  const branchId = headers['postrider-branch'];
  const op = headers['postrider-op'];
  if (typeof gid !== 'string' || typeof branchId !== 'string' || !isOp(op)) return 'no_branch_call';
  // None of the three can hold a colon.
  if (headers['webhook-id'] !== `${gid}:${branchId}:${op}`) return 'not_genuine';
  try {
    return { gid, branchId, op, payload: JSON.parse(body.toString()) };
  } catch {
    return 'no_branch_call';
  }
}

function isOp(op: unknown): op is FenceOp {
  return typeof op === 'string' && OPS.includes(op);
}
