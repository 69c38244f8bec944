import { randomBytes } from 'node:crypto';
import { batched } from '../../platform/batch.ts';
import type { SharedListener } from './postgres-listener.ts';
import type { OnWake, Wake } from './wake-queue.ts';

/** What is due now goes straight to a worker, without a timer. */
export interface DirectWakes {
  /** Hands them to workers that are known to live, this process excepted. @returns false: there is none */
  send(wakes: readonly Wake[]): Promise<boolean>;
  /** Takes what others send, and lets them know that it does. */
  serve(take: (queue: string, ...wake: Parameters<OnWake>) => void): void;
  close(): Promise<void>;
}

/** @param notify commits these payloads to those channels, and does not wait for the disk */
type Notify = (channels: string[], payloads: string[]) => Promise<unknown>;

const SECOND = 1000;
const WORKERS = 'postrider_workers';
const HERE_EVERY_MS = SECOND;
/** Of a worker that has said nothing for so long nobody knows whether it lives. */
const KNOWN_FOR_MS = 3 * SECOND;
/** A payload has 8,000 bytes at most; a wake is two ids. */
const MOST_IN_ONE = 80;
const MOST_WAITING = 20_000;

/**
 * Wakes by NOTIFY. A job of BullMQ's is written, fetched and removed by statements of its own: for what is due
 * at once that was a quarter of all the database had to do, and while somebody held a snapshot most of it. What
 * gets lost here (a worker that has just died) the sweep finds.
 *
 * Each wake goes to one worker, in turns, so that not all of them claim the same. (Rejected: NOTIFY in the
 * statement that accepts, because commits that notify take turns.)
 */
export function openDirectWakes(
  listener: Pick<SharedListener, 'subscribe'>,
  notify: Notify,
): DirectWakes {
  const ownId = randomBytes(6).toString('hex');
  const seenAt = new Map<string, number>();
  let turn = 0;
  let here: NodeJS.Timeout | undefined;

  // A worker says its id, and with a minus before it that it leaves.
  listener.subscribe(WORKERS, (payload) => {
    const id = payload.replace(/^-/, '');
    if (payload.startsWith('-')) seenAt.delete(id);
    else if (id !== ownId) seenAt.set(id, performance.now());
  });

  function living(): string[] {
    const oldest = performance.now() - KNOWN_FOR_MS;
    for (const [id, at] of seenAt) if (at < oldest) seenAt.delete(id);
    return [...seenAt.keys()];
  }

  const sendTogether = batched<Wake, boolean>(
    {
      maxItems: 1_000,
      maxRuns: 1,
      maxWaiting: MOST_WAITING,
      whenFull: () => new Error(`${MOST_WAITING} wakes are waiting already`),
    },
    async (wakes) => {
      const workers = living();
      if (workers.length === 0) return wakes.map(() => false);
      const parcels = parcelsOf(wakes, workers.length).map((parcel) => {
        turn = (turn + 1) % workers.length;
        return { channel: channelOf(workers[turn] ?? ''), payload: JSON.stringify(parcel) };
      });
      await notify(
        parcels.map(({ channel }) => channel),
        parcels.map(({ payload }) => payload),
      );
      return wakes.map(() => true);
    },
  );

  const say = (payload: string) => notify([WORKERS], [payload]).catch(() => {});

  return {
    async send(wakes) {
      if (living().length === 0) return false;
      const sent = await Promise.all(wakes.map(sendTogether));
      return sent.every((each) => each);
    },
    serve(take) {
      if (here !== undefined) return;
      listener.subscribe(channelOf(ownId), (payload) => {
        for (const [queue, id, receiverId] of JSON.parse(payload) as Parcel) {
          take(queue, id, receiverId);
        }
      });
      void say(ownId);
      here = setInterval(() => void say(ownId), HERE_EVERY_MS);
    },
    async close() {
      if (here === undefined) return;
      clearInterval(here);
      await say(`-${ownId}`);
    },
  };
}

type Parcel = [queue: string, deliveryId: string, receiverId: string | null][];

/** Evenly over the workers, as far as one message holds. */
function parcelsOf(wakes: readonly Wake[], workers: number): Parcel[] {
  const size = Math.min(MOST_IN_ONE, Math.ceil(wakes.length / workers));
  const parcels: Parcel[] = [];
  for (let from = 0; from < wakes.length; from += size) {
    parcels.push(
      wakes
        .slice(from, from + size)
        .map(({ queue, deliveryId, receiverId }) => [queue, deliveryId, receiverId ?? null]),
    );
  }
  return parcels;
}

function channelOf(workerId: string): string {
  return `postrider_wake_${workerId}`;
}
