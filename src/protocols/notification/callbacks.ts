import type { Protocol } from '../../engine/protocol.ts';
import { PROTOCOL_QUEUES } from '../../engine/protocol-queues.ts';
import { originReceiver } from '../../engine/receiver-id.ts';
import { wakeFor } from '../../engine/run.ts';
import type { Wake, Waker } from '../../engine/timers/wake-queue.ts';
import type { Targets } from '../../features/accounts/signing/destinations.ts';
import type { Sql } from '../../platform/db/client.ts';
import { newId } from '../../platform/ids.ts';
import {
  type CallbackLane,
  findCallbackLane,
  findCallbacks,
  findToldEnds,
  insertCallbacks,
  type NewCallback,
  type ToldEnd,
} from './store/callbacks.ts';

/**
 * Deliveries of notifications whose producer hears of their ends. A kind of their own, so that the end of
 * all others stays one statement.
 */
export const TOLD = 'told-notification';

const SECOND = 1000;

/**
 * Makes the calls that tell producers of these ends, in the transaction that has ended the deliveries: so
 * an end is never recorded without its call. Calls have ends of their own, which nobody is told of.
 *
 * @param deliveryIds deliveries that have just ended, however many
 * @returns what to wake once the transaction has committed
 */
export async function tellProducers(tx: Sql, deliveryIds: string[]): Promise<Wake[]> {
  if (deliveryIds.length === 0) return [];
  const ends = await findToldEnds(tx, deliveryIds);
  if (ends.length === 0) return [];
  const lane = await findCallbackLane(tx);
  const due = await insertCallbacks(
    tx,
    ends.map((end) => callbackOf(end, lane)),
  );
  return due.map(wakeFor);
}

/** As a protocol: `told` adds to that of notifications that their producers hear of their ends. */
export function telling(notifications: Protocol, wake: Waker): Protocol {
  return {
    ...notifications,
    async settled(tx, deliveries) {
      const wakes = await tellProducers(
        tx,
        deliveries.map(({ id }) => id),
      );
      return wakes.length === 0 ? undefined : () => void wake(wakes);
    },
  };
}

/** The calls themselves, as a protocol on the engine. */
export function callbackProtocol(sql: Sql, targets: Targets): Protocol {
  return {
    async compose(deliveries) {
      const callbacks = await findCallbacks(
        sql,
        deliveries.map(({ ownerId }) => ownerId),
      );
      const keyIds = [...callbacks.values()].map(({ producerKeyId }) => producerKeyId);
      const secretsById = await targets.loadCallbackSecrets([...new Set(keyIds)]);
      const letters: Awaited<ReturnType<Protocol['compose']>> = new Map();
      for (const { id, ownerId, url } of deliveries) {
        const callback = callbacks.get(ownerId);
        const secrets = callback && secretsById.get(callback.producerKeyId);
        if (callback === undefined || secrets === undefined || url === null) continue;
        letters.set(id, {
          url,
          headers: {},
          body: callback.body,
          secrets,
          isProducers: true,
          // One end has one id, whatever becomes of the row that tells of it.
          webhookId: `${callback.deliveryId}:${callback.cycle}:${callback.event}`,
        });
      }
      return letters;
    },
  };
}

function callbackOf(end: ToldEnd, lane: CallbackLane): NewCallback {
  const id = newId('cb');
  const { firstDelaySeconds, deadlineSeconds } = lane;
  return {
    id,
    end,
    body: bodyOf(end),
    delivery: {
      id: newId('dlv'),
      ownerKind: 'callback',
      ownerId: id,
      purpose: 'callback',
      // No merchant's, so none sees it.
      merchantId: null,
      type: `notification.${end.event}`,
      businessKey: end.businessKey,
      queue: PROTOCOL_QUEUES.producerCallbacks,
      policyVersion: lane.version,
      receiverId: originReceiver(end.producerKeyId, end.url),
      endpointId: null,
      url: end.url,
      delayMs: Math.min(firstDelaySeconds, deadlineSeconds) * SECOND,
      deadlineMs: deadlineSeconds * SECOND,
    },
  };
}

function bodyOf(end: ToldEnd): string {
  const endedAt = end.endedAt.toISOString();
  return JSON.stringify({
    type: `notification.${end.event}`,
    timestamp: endedAt,
    data: {
      notificationId: end.notificationId,
      deliveryId: end.deliveryId,
      merchantId: end.merchantId,
      endpointId: end.endpointId,
      notificationType: end.type,
      businessKey: end.businessKey,
      eventId: end.eventId,
      status: end.status,
      reason: end.reason,
      cycle: end.cycle,
      attempts: end.attemptCount,
      lastOutcome: end.outcome,
      lastStatusCode: end.statusCode,
      endedAt,
    },
  });
}
