import { notFound, Problem } from '../../api/problem.ts';
import type { AfterCommit } from '../../engine/protocol.ts';
import type { Waker } from '../../engine/timers/wake-queue.ts';
import type { RaiseAlerts } from '../../features/alerts.ts';
import type { Database } from '../../platform/db/client.ts';
import { tellProducers } from '../notification/callbacks.ts';
import type { CompleteMessage } from './contract.ts';
import { type Completable, completeDeliveries, lockCompletable } from './store/complete.ts';
import type { Listed } from './store/find.ts';

/**
 * Writes down what a consumer made of its own delivery, and ends that delivery. Others of the message
 * go on: their consumers have not spoken. Again: nothing. That one has failed, operators are told once.
 *
 * @returns what its commit brings
 * @throws Problem 404 for a delivery that the message does not have; 409 `not_deliverable` before it is
 *   confirmed, `ambiguous_delivery` where it is not said which of several is meant, `outcome_conflict`
 */
export async function completeMessage(
  prisma: Database['prisma'],
  { wake, raiseAlerts }: { wake: Waker; raiseAlerts: RaiseAlerts },
  { key, id, businessKey, status, notificationId }: Listed,
  completion: CompleteMessage,
): Promise<AfterCommit | undefined> {
  if (notificationId === null) {
    throw new Problem(409, 'not_deliverable', `It is ${status}, not on its way.`);
  }
  return prisma.$transaction(async (tx) => {
    const concerned = concernedBy(await lockCompletable(tx, key), completion);
    if (concerned.some(({ outcome }) => outcome !== null && outcome !== completion.outcome)) {
      throw new Problem(409, 'outcome_conflict', 'It was completed with another outcome.');
    }
    const ids = concerned.filter(({ said }) => !said).map((each) => each.id);
    const settled = await completeDeliveries(tx, key, ids, completion);
    const wakes = await tellProducers(
      tx,
      settled.map(({ id }) => id),
    );
    const told = () => void wake(wakes);
    if (completion.outcome !== 'failed' || ids.length === 0) return told;
    const { consumer = null, reason = null } = completion;
    const alert = (deliveryId: string) => ({
      type: 'message.failed',
      key: `message.failed ${deliveryId}`,
      businessKey,
      detail: { messageId: id, deliveryId, consumer, reason },
    });
    const alerted = await raiseAlerts(tx, ids.map(alert));
    return () => {
      told();
      alerted();
    };
  });
}

/**
 * Whose delivery it is: the named one, or the only one. Of several without a name it is the last that
 * is open, if its consumer can have got it at all.
 *
 * (Rejected: all that have arrived. A receiver that answers 2xx and fails later would have its message
 * completed by a neighbour's word.)
 */
function concernedBy(all: Completable[], { deliveryId, consumer }: CompleteMessage): Completable[] {
  if (deliveryId !== undefined) return orAbsent(all.filter(({ id }) => id === deliveryId));
  const named = all.filter(({ id, endpointId }) => id === consumer || endpointId === consumer);
  if (named.length > 0) return named;
  if (consumer !== undefined && LIKE_AN_ID.test(consumer)) return orAbsent([]);
  if (all.length === 1) return all;
  const open = all.filter(({ outcome }) => outcome === null);
  if (open.length === 0) return all;
  if (open.length === 1 && open[0]?.wasHeard) return open;
  throw new Problem(
    409,
    'ambiguous_delivery',
    'It has several deliveries: say whose it is by deliveryId, the header postrider-delivery.',
  );
}

/** A consumer that calls itself so means a delivery, be it that of another message. */
const LIKE_AN_ID = /^(ep|dlv)_/;

function orAbsent(named: Completable[]): Completable[] {
  if (named.length === 0) throw notFound('delivery');
  return named;
}
