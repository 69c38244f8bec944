import { notFound, Problem } from '../../api/problem.ts';
import type { OwnedDelivery } from '../../engine/protocol.ts';
import type { Resent } from '../../engine/store/resend.ts';
import type { Sql } from '../../platform/db/client.ts';
import { markPrepared } from './store/decide.ts';
import { findStatus } from './store/find.ts';

/**
 * A check-back that is made once more by hand keeps to the protocol: there is something to ask only
 * until the message is decided, and not before its first check is due, as the producer's transaction
 * may be under way and be taken for one that never was. Of a suspended message it is a recheck.
 *
 * @throws Problem 409 `already_confirmed`, `already_cancelled`, `not_its_turn`
 */
export async function resendCheck(
  sql: Sql,
  { ownerId, attempts }: OwnedDelivery,
  resend: () => Promise<Resent[]>,
): Promise<Resent[]> {
  const status = await findStatus(sql, ownerId);
  if (status === null) throw notFound('message');
  if (status === 'confirmed') throw decided('already_confirmed');
  if (status === 'cancelled') throw decided('already_cancelled');
  if (attempts === 0) {
    throw new Problem(409, 'not_its_turn', 'The first check-back waits until checkAfterSeconds.');
  }
  // First the check, then the state: a crash in between leaves a check that decides the message.
  const resent = await resend();
  if (status === 'suspended') await markPrepared(sql, ownerId);
  return resent;
}

function decided(code: string): Problem {
  return new Problem(409, code, 'The message was decided; there is nothing left to ask.');
}
