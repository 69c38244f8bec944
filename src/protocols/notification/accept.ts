import { callerLeft, Overload, Problem } from '../../api/problem.ts';
import type { Principal } from '../../api/route.ts';
import { leastAdvanced } from '../../engine/delivery.ts';
import { CROWD } from '../../engine/store/create.ts';
import { createFloors } from '../../engine/store/floors.ts';
import type { Wake, Waker } from '../../engine/timers/wake-queue.ts';
import { batched } from '../../platform/batch.ts';
import type { Database, Sql } from '../../platform/db/client.ts';
import { isRefusedValue } from '../../platform/db/database-error.ts';
import type { Notification, NotificationInput } from './contract.ts';
import { fanOut, type Planned, type UrlChecks } from './fan-out.ts';
import { storePlanned } from './keep.ts';
import { findNotifications } from './store/find.ts';
import { findEarlier, type Inserted } from './store/insert.ts';
import { loadIntakeContext } from './store/subscribers.ts';

/** One notification on its way in. */
export interface Offer {
  input: NotificationInput;
  /** The payload's JSON as the producer wrote it. */
  payloadText: string;
  principal: Principal;
  /** The id it gets if it is new; a repeat of a broken call brings the same. */
  id: string;
  /** Offers of one batch, which come in one tick, have the same: they are stored together, in order. */
  batch?: string;
  /** Whether the producer has hung up: then it was promised nothing, and nothing is stored. */
  isGone?(): boolean;
}

const SECOND = 1000;
/**
 * Producers wait five seconds or so. What has not had its turn by now would be stored for callers who
 * have left, and keep others waiting for it.
 */
const LONGEST_WAIT_MS = 2 * SECOND;

/** 202: accepted now. 200: it was there before. */
interface Accepted {
  status: 202 | 200;
  notification: Notification;
}

/** `error`: its part of a run failed, after others of the run were stored. */
type Outcome = Accepted | Problem | { error: unknown };

export type Accept = (offer: Offer) => Promise<Accepted>;

interface AcceptOptions {
  database: Database;
  wake: Waker;
  checks: UrlChecks;
}

/**
 * The way in. A notification is accepted when its rows are committed; that the queue learns of it
 * is not waited for, because the sweep finds what the queue does not know.
 *
 * Callers that come at the same time share two statements: what they must know, and the insert.
 *
 * The returned function throws Problem: 422 for an unknown merchant or queue and for a refused address, 409
 * `event_conflict`, 503 (`Overload`) when too much waits, it waited too long or the producer left.
 */
export function createAccept({
  database: { prisma, direct },
  wake,
  checks,
}: AcceptOptions): Accept {
  const floors = createFloors();
  const accept = batched<Offer, Outcome>(
    {
      maxItems: 100,
      maxRuns: 2,
      maxWaiting: 5_000,
      whenFull: () => new Overload('queue', 'Too many notifications wait to be stored.'),
      patience: {
        maxWaitMs: LONGEST_WAIT_MS,
        whenOver: () => new Overload('late', 'It waited too long for its turn to be stored.'),
      },
      abandoned: ({ isGone }) => (isGone?.() === true ? callerLeft() : null),
      // In two statements at once, which of two repeats comes first would be a matter of luck.
      belongTogether: (one, next) => one.batch !== undefined && one.batch === next.batch,
    },
    acceptInParts,
  );

  /** One after the other: the order of offers that share a run counts. What a part has stored stays. */
  async function acceptInParts(offers: Offer[]): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    for (const part of partsOf(offers)) {
      try {
        outcomes.push(...(await acceptBatch(part)));
      } catch (error) {
        if (outcomes.length === 0) throw error;
        const left = offers.length - outcomes.length;
        return [...outcomes, ...Array.from({ length: left }, () => ({ error }))];
      }
    }
    return outcomes;
  }

  async function acceptBatch(offers: Offer[]): Promise<Array<Accepted | Problem>> {
    try {
      return await acceptTogether(offers);
    } catch (error) {
      // One value that PostgreSQL refuses must not sink its neighbours. It is looked for by halves, one
      // after the other, as their order counts.
      if (offers.length === 1) return refusedValue(error);
      if (!isRefusedValue(error)) throw error;
      const half = Math.ceil(offers.length / 2);
      const first = await acceptBatch(offers.slice(0, half));
      return [...first, ...(await acceptBatch(offers.slice(half)))];
    }
  }

  async function acceptTogether(offers: Offer[]): Promise<Array<Accepted | Problem>> {
    const audience = await loadIntakeContext(
      prisma,
      [...new Set(offers.map((each) => each.input.merchantId))],
      signersOf(offers),
    );
    const planned = offers.map((offer) => fanOut(offer, audience, checks));
    const wanted = planned.filter((each): each is Planned => !(each instanceof Problem));
    const { inserted, wakes } = await storePlanned(direct, floors, wanted);
    void wake([...wakesOf(wanted, inserted), ...wakes]);
    const earlier = await answerEarlier(prisma, wanted, inserted);
    return planned.map((each) => {
      if (each instanceof Problem) return each;
      const now = inserted.get(each.row.id);
      return now !== undefined
        ? { status: 202, notification: answerOf(each, now) }
        : (earlier.get(each) ?? vanished());
    });
  }

  return async (offer) => {
    const outcome = await accept(offer);
    if (outcome instanceof Problem) throw outcome;
    if ('error' in outcome) throw outcome.error;
    return outcome;
  };
}

/** What a statement may carry: several copies of it are made, and of 500 large ones they would be dear. */
const STATEMENT_CHARACTERS = 2 ** 20;

function partsOf(offers: Offer[]): Offer[][] {
  const parts: Offer[][] = [];
  let characters = STATEMENT_CHARACTERS;
  for (const offer of offers) {
    characters += offer.payloadText.length;
    if (characters > STATEMENT_CHARACTERS) {
      parts.push([]);
      characters = offer.payloadText.length;
    }
    parts.at(-1)?.push(offer);
  }
  return parts;
}

/** The keys that are to sign callbacks which their notifications name. */
function signersOf(offers: Offer[]): string[] {
  const telling = offers.filter(({ input }) => input.notifyProducer != null);
  return [...new Set(telling.map(({ principal }) => principal.keyId))];
}

/** What becomes of offers that the insert left out: the first notification, or a conflict. */
async function answerEarlier(
  sql: Sql,
  wanted: Planned[],
  inserted: Map<string, Inserted>,
): Promise<Map<Planned, Accepted | Problem>> {
  const answers = new Map<Planned, Accepted | Problem>();
  const left = wanted.filter((each) => !inserted.has(each.row.id));
  if (left.length === 0) return answers;
  const earlier = await findEarlier(
    sql,
    left.map((each) => each.row),
  );
  const notifications = await findNotifications(
    sql,
    earlier.map((each) => each.id),
    // Answered together: what one of them may not see, none is shown.
    left.map(({ offer }) => offer.principal).find(({ role }) => role === 'producer')?.keyId ?? null,
  );
  for (const each of left) {
    const { row } = each;
    const first = earlier.find(
      (other) =>
        other.id === row.id ||
        (other.merchantId === row.merchantId &&
          other.eventId !== null &&
          other.eventId === row.eventId),
    );
    const notification = first && notifications.get(first.id);
    if (notification === undefined) continue;
    answers.set(
      each,
      first?.fingerprint === row.fingerprint
        ? { status: 200, notification }
        : eventConflict(row.eventId),
    );
  }
  return answers;
}

/**
 * The jobs of new deliveries. A receiver for which many wait gets no more of them: each attempt that
 * ends there draws in the next, and ten thousand wakes for one would hold up those of all others.
 */
export function wakesOf(accepted: Planned[], inserted: Map<string, Inserted>): Wake[] {
  const woken = new Map<string | null, number>();
  return accepted.flatMap(({ row }) =>
    (inserted.get(row.id)?.deliveries ?? []).flatMap(({ id, waitMs, nextAttemptAt, crowded }) => {
      const delivery = row.deliveries.find((each) => each.id === id);
      if (delivery === undefined || waitMs === null) return [];
      const before = woken.get(delivery.receiverId) ?? 0;
      woken.set(delivery.receiverId, before + 1);
      if (waitMs <= 0 && (crowded || before >= CROWD)) return [];
      const key = `${id}-${Date.parse(nextAttemptAt ?? '')}`;
      const { queue, receiverId } = delivery;
      return [{ queue, deliveryId: id, receiverId, delayMs: waitMs, key }];
    }),
  );
}

function answerOf({ row, offer, urls }: Planned, inserted: Inserted): Notification {
  const { result } = offer.input;
  return {
    id: row.id,
    merchantId: row.merchantId,
    type: row.type,
    businessKey: row.businessKey,
    eventId: row.eventId,
    queue: row.queue,
    status: leastAdvanced(inserted.deliveries.map((delivery) => delivery.status)),
    result: result ?? null,
    occurredAt: inserted.occurredAt,
    acceptedAt: inserted.acceptedAt,
    deliveries: inserted.deliveries.map(
      ({ waitMs: _w, crowded: _c, oldestMs: _o, ...delivery }) => ({
        ...delivery,
        endpointId: row.deliveries.find((each) => each.id === delivery.id)?.endpointId ?? null,
        url: urls.get(delivery.id) ?? null,
        cycle: 1,
        attemptCount: 0,
      }),
    ),
  };
}

function refusedValue(error: unknown): Problem[] {
  if (!isRefusedValue(error)) throw error;
  return [
    new Problem(422, 'invalid_request', 'The database refused a value of this notification.'),
  ];
}

function eventConflict(eventId: string | null): Problem {
  return new Problem(
    409,
    'event_conflict',
    `Event ${eventId} was already sent with other content.`,
  );
}

/** It was there when the insert looked, and is gone since. */
function vanished(): Problem {
  return new Problem(503, 'unavailable', 'An earlier one was removed just now. Try again.', {
    headers: { 'retry-after': '1' },
  });
}
