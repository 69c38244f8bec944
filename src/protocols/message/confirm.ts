import type { Wake } from '../../engine/timers/wake-queue.ts';
import type { Sql } from '../../platform/db/client.ts';
import { newId } from '../../platform/ids.ts';
import { wakesOf } from '../notification/accept.ts';
import type { NotificationInput } from '../notification/contract.ts';
import { fanOut, type Planned, UNCHECKED } from '../notification/fan-out.ts';
import { tellOfBorn } from '../notification/keep.ts';
import { insertNotifications } from '../notification/store/insert.ts';
import { type IntakeContext, loadIntakeContext } from '../notification/store/subscribers.ts';
import { type ConfirmedRow, type Decided, markConfirmed, type Undecided } from './store/decide.ts';

export interface Confirmed {
  /** Those that were confirmed now. */
  ids: string[];
  /** To be woken once the transaction has committed. */
  wakes: Wake[];
}

/**
 * Confirms messages and makes what will be delivered, in the caller's transaction.
 *
 * A queue that supersedes does not concern them: every message that was confirmed is to arrive.
 */
export async function confirmMessages(
  tx: Sql,
  ids: string[],
  from: readonly Undecided[],
  decided: Decided,
): Promise<Confirmed> {
  const notificationIds = ids.map(() => newId('ntf'));
  const rows = await markConfirmed(tx, ids, notificationIds, from, decided);
  if (rows.length === 0) return { ids: [], wakes: [] };
  const contents = rows.map((row) => ({
    row,
    input: { ...(row.input as object), payload: JSON.parse(row.payload) } as NotificationInput,
  }));
  const audience = await loadIntakeContext(
    tx,
    [...new Set(contents.map(({ input }) => input.merchantId))],
    [...new Set(rows.map(({ producerKeyId }) => producerKeyId))],
  );
  const planned = contents.map(({ row, input }) => planConfirmed(row, input, audience));
  const inserted = await insertNotifications(
    tx,
    planned.map((each) => each.row),
  );
  const left = planned.filter((each) => !inserted.has(each.row.id));
  if (left.length > 0) {
    // Since it was announced, its event has come as a notification too. The producer's transaction
    // stands, so it is delivered all the same; only the event's id stays with the other one.
    const rest = left.map((each) => ({ ...each.row, eventId: null }));
    for (const [id, each] of await insertNotifications(tx, rest)) inserted.set(id, each);
  }
  const told = await tellOfBorn(tx, planned, inserted);
  return { ids: rows.map(({ id }) => id), wakes: [...wakesOf(planned, inserted), ...told] };
}

function planConfirmed(
  row: ConfirmedRow,
  input: NotificationInput,
  audience: IntakeContext,
): Planned {
  const queue = input.queue != null && audience.lanes.has(input.queue) ? input.queue : null;
  const planned = fanOut(
    {
      input: { ...input, queue },
      payloadText: row.payload,
      principal: { keyId: row.producerKeyId, role: 'producer', name: '', merchantId: null },
      id: row.notificationId,
    },
    audience,
    UNCHECKED,
  );
  if (planned instanceof Error) throw planned;
  const deliveries = planned.row.deliveries.map((each) => ({ ...each, ownerKind: 'message' }));
  return { ...planned, row: { ...planned.row, deliveries } };
}
