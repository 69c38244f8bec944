import { invalid, Problem, under } from '../../api/problem.ts';
import type { Principal } from '../../api/route.ts';
import { wakeFor } from '../../engine/run.ts';
import type { Waker } from '../../engine/timers/wake-queue.ts';
import type { Database } from '../../platform/db/client.ts';
import { isRefusedValue } from '../../platform/db/database-error.ts';
import { fingerprintOf } from '../../platform/json/fingerprint.ts';
import { unrounded } from '../../platform/json/text.ts';
import { fanOut } from '../notification/fan-out.ts';
import { loadIntakeContext } from '../notification/store/subscribers.ts';
import { checkDelivery } from './check.ts';
import type { PrepareMessage } from './contract.ts';
import {
  type EarlierMessage,
  eventIsTaken,
  findEarlierMessage,
  insertMessage,
  type NewMessage,
} from './store/insert.ts';

/** A message on its way in. */
interface Announcement {
  input: PrepareMessage;
  /** The notification's payload as the producer wrote it. */
  payloadText: string;
  principal: Principal;
  /** Its id; what it is called by, if the producer chose no name. */
  id: string;
}

export type Prepare = (announcement: Announcement) => Promise<{ status: 201 | 200; id: string }>;

interface PrepareOptions {
  database: Database;
  wake: Waker;
  checkUrl(url: string): string | null;
}

/**
 * Takes a message in. It is stored, with the check-back that will ask for it, when this returns; what
 * it cannot promise to deliver it refuses now, because after the producer's transaction it is too late.
 *
 * The returned function throws Problem: 422 as for a notification and for a refused `checkUrl`, 409
 * `message_conflict` for an id that the producer itself has taken, `event_conflict` for an event that is.
 */
export function createPrepare({ database: { prisma }, wake, checkUrl }: PrepareOptions): Prepare {
  return async (announcement) => {
    const { input, payloadText, principal, id } = announcement;
    const refused = checkUrl(input.checkUrl);
    if (refused !== null) throw invalid('body.checkUrl', refused);
    const audience = await loadIntakeContext(
      prisma,
      [input.notification.merchantId],
      [principal.keyId],
    );
    const planned = fanOut(
      { input: input.notification, payloadText, principal, id: input.messageId ?? id },
      audience,
      { merchants: checkUrl, producers: checkUrl },
    );
    if (planned instanceof Problem) throw under('body.notification', planned);

    const message = rowOf(announcement);
    const earlier = await findEarlierMessage(prisma, message);
    if (earlier !== null) return repeatOf(earlier, message);
    if (message.eventId !== null && (await eventIsTaken(prisma, message))) throw eventConflict();
    const due = await insertMessage(prisma, message, checkDelivery(message)).catch(refusedValue);
    if (due !== null) {
      void wake([wakeFor(due)]);
      return { status: 201, id: message.id };
    }
    const winner = await findEarlierMessage(prisma, message);
    if (winner === null) throw new Error('a message was neither stored nor there before');
    return repeatOf(winner, message);
  };
}

function rowOf({ input, payloadText, principal, id }: Announcement): NewMessage {
  const { messageId, notification, ...rules } = input;
  const { payload: _payload, ...content } = notification;
  return {
    id,
    messageId: messageId ?? null,
    producerKeyId: principal.keyId,
    merchantId: notification.merchantId,
    type: notification.type,
    businessKey: notification.businessKey,
    eventId: notification.eventId ?? null,
    input: JSON.stringify(content),
    payload: payloadText,
    fingerprint: fingerprintOf({
      notification: { ...notification, payload: unrounded(notification.payload, payloadText) },
      ...rules,
    }),
    ...rules,
  };
}

/** The same content again is the same message, whichever of the two ids tells so. */
function repeatOf(earlier: EarlierMessage, message: NewMessage): { status: 200; id: string } {
  const same =
    earlier.producerKeyId === message.producerKeyId && earlier.fingerprint === message.fingerprint;
  if (same) return { status: 200, id: earlier.id };
  if (!earlier.isNamed) throw eventConflict();
  throw new Problem(409, 'message_conflict', 'You have another message of this id.');
}

function eventConflict(): Problem {
  return new Problem(409, 'event_conflict', 'This event was already sent.');
}

function refusedValue(error: unknown): never {
  if (!isRefusedValue(error)) throw error;
  throw new Problem(422, 'invalid_request', 'The database refused a value of this message.');
}
