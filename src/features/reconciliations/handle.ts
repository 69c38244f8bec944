import { notFound, Problem } from '../../api/problem.ts';
import type { DeliveryCommands } from '../../engine/commands.ts';
import type { Sql } from '../../platform/db/client.ts';
import type { DifferenceView } from './contract.ts';
import {
  countMissing,
  findDeliveryIds,
  findDifference,
  type Handling,
  listMissing,
  noteHandled,
} from './store-differences.ts';

interface HandleDeps {
  sql: Sql;
  commands: Pick<DeliveryCommands, 'resend'>;
}

/**
 * Settles one difference by hand. The same action again changes nothing.
 *
 * A re-send goes first and is noted then: cut off in between, the repeat of this call sends once
 * more, which receivers must bear anyway; the other way round it would never be sent.
 *
 * @throws Problem 404; 409 `already_handled` by another action, `nothing_to_resend`, `no_endpoint`
 */
export async function handleDifference(
  { sql, commands }: HandleDeps,
  reconciliationId: string,
  number: number,
  handling: Handling,
): Promise<DifferenceView> {
  const found = await findDifference(sql, reconciliationId, number);
  if (found === null) throw notFound('difference');
  if (found.handled === undefined) {
    if (handling.action === 'resend') await resend(sql, commands, found, handling.by.keyId);
    await noteHandled(sql, reconciliationId, [number], handling);
  }
  const now = await findDifference(sql, reconciliationId, number);
  // Two books came together on it in this very moment.
  if (now === null) throw notFound('difference');
  if (now.handled?.action === handling.action) return now;
  throw new Problem(
    409,
    'already_handled',
    `This difference was handled already: ${now.handled?.action}.`,
  );
}

async function resend(
  sql: Sql,
  commands: HandleDeps['commands'],
  { gateway }: DifferenceView,
  keyId: string,
): Promise<void> {
  const ids = gateway === undefined ? [] : await findDeliveryIds(sql, gateway.notificationId);
  if (ids.length === 0) {
    throw new Problem(409, 'nothing_to_resend', 'There is no notification that could be sent.');
  }
  const resent = await commands.resend(ids, 'repeat', keyId);
  if (resent.every(({ verdict }) => verdict === 'no_receiver')) {
    throw new Problem(409, 'no_endpoint', 'No endpoint of the merchant listened to it.');
  }
}

/** What came of sending again what a merchant's list does not have. */
export interface ResentMissing {
  /** Differences that were looked at: of ours alone, and not handled yet. */
  matched: number;
  /** Deliveries that are due now. */
  resent: number;
  /** Deliveries that are on their way already, or have nowhere to go. */
  skipped: number;
  /** Differences that are still not handled. */
  remaining: number;
}

const ROWS_AT_ONCE = 500;
/** What one call takes on; the next call goes on from there. */
const MAX_ROWS = 20_000;

/** Sends again all that only we have. What had nowhere to go stays unhandled. */
export async function resendMissing(
  { sql, commands }: HandleDeps,
  reconciliationId: string,
  by: Handling['by'],
): Promise<ResentMissing> {
  const sum = { matched: 0, resent: 0, skipped: 0 };
  const handling: Handling = { action: 'resend', reason: 'resend-missing', by };
  for (let after = 0; sum.matched < MAX_ROWS; ) {
    const missing = await listMissing(sql, reconciliationId, after, ROWS_AT_ONCE);
    const last = missing.at(-1);
    if (last === undefined) break;
    after = last.number;
    const ids = missing.flatMap(({ deliveryIds }) => deliveryIds);
    const verdicts = await commands.resend(ids, 'repeat', by.keyId);
    const onTheirWay = new Set(
      verdicts.flatMap(({ id, verdict }) => (verdict === 'no_receiver' ? [] : [id])),
    );
    const handled = missing.filter((each) => each.deliveryIds.some((id) => onTheirWay.has(id)));
    await noteHandled(
      sql,
      reconciliationId,
      handled.map(({ number }) => number),
      handling,
    );
    sum.matched += missing.length;
    const due = verdicts.filter(({ verdict }) => verdict === 'due').length;
    sum.resent += due;
    sum.skipped += verdicts.length - due;
  }
  return { ...sum, remaining: await countMissing(sql, reconciliationId) };
}
