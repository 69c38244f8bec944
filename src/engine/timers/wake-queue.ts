import type { Logger } from 'pino';
import type { DatabaseServer } from '../../platform/db/server.ts';
import { within } from '../../platform/time/within.ts';
import type { Report } from './backend.ts';
import { startConsumer } from './consumer.ts';
import { openPostgres } from './postgres.ts';
import { GATHER_MS, NOT_SOON_MS, openProducer, type PendingWake } from './producer.ts';
import { openRedis } from './redis.ts';

/** "Look at this delivery then." */
export interface Wake {
  queue: string;
  deliveryId: string;
  /** Where it goes, if that is known: spares the claim some looking. */
  receiverId?: string | null;
  delayMs: number;
  /**
   * Distinct for each (delivery, due time): becomes the job's id. BullMQ ignores an id that it
   * still knows in whatever state, without a word; it refuses ids with ':' and bare integers.
   */
  key: string;
}

/** Hands wakes on, to this process' own worker or to the timers. Never throws. */
export type Waker = (wakes: readonly Wake[]) => Promise<void>;

/** Takes up what is due, or may be. */
export type OnWake = (deliveryId: string, receiverId: string | null) => void;

/** Timers that may fail: whatever they lose, the sweep finds again in Postgres. */
export interface WakeQueue {
  /**
   * Callers of the same moment share one bulk insert per queue. Never throws, and resolves within
   * 2 s: once handed over, or given up (logged, and counted).
   */
  wake(wakes: readonly Wake[]): Promise<void>;
  /**
   * For what this process' own lane has no place for and remembers: tells other workers, where they are known. Never
   * throws.
   */
  share(wakes: readonly Wake[]): Promise<void>;
  /**
   * Starts a worker on that queue and keeps it alive through outages. The job is done when `onWake`
   * returns: it only hands the id on. Wakes may come twice, and a little early where clocks differ.
   */
  listen(queue: string, concurrency: number, onWake: OnWake): Promise<{ close(): Promise<void> }>;
  /** @throws when the backend can't be reached within 1 s */
  ping(): Promise<void>;
  /** How many wakes were not handed over since the start. */
  readonly givenUp: number;
  /** Waits 5 s at most. */
  close(): Promise<void>;
}

export type WakeBackend =
  | { kind: 'postgres'; server: DatabaseServer }
  | { kind: 'redis'; url: string };

/** A bulk insert may take 1.5 s, and the one before it may have begun a little earlier. */
const WAKE_MS = 1900;
const PING_MS = 1000;
const LAST_WAKES_MS = 1000;

/**
 * Opens the timers: BullMQ on Redis, or on PostgreSQL (schema "bullmq" of the same database).
 *
 * @throws Error with one sentence when the backend is unfit: a Redis that may evict keys, a
 *   PostgreSQL that can't be reached
 */
export async function openWakeQueue(backend: WakeBackend, log: Logger): Promise<WakeQueue> {
  const report: Report = (step, error) => log.warn({ err: error }, step);
  const timers =
    backend.kind === 'redis'
      ? await openRedis(backend.url, report)
      : await openPostgres(backend.server, report);
  const producers = new Map<string, ReturnType<typeof openProducer>>();
  const consumers = new Set<{ close(): Promise<void> }>();
  const takers = new Map<string, OnWake>();
  const underWay = new Set<Promise<void>>();
  let givenUp = 0;
  let closing: Promise<void> | undefined;
  let isClosed = false;
  const gathered: PendingWake[] = [];
  let gathering: NodeJS.Timeout | undefined;

  function producerOf(queue: string) {
    const producer = producers.get(queue) ?? openProducer(timers, nameOf(queue), report);
    producers.set(queue, producer);
    return producer;
  }

  /** What is due goes the short way where there is one; the rest, and what it does not take, to the timers. */
  async function handOverAll(wakes: readonly Wake[]): Promise<void> {
    const { direct } = timers;
    const due = direct === null ? [] : wakes.filter(({ delayMs }) => delayMs <= 0);
    const isTaken =
      due.length > 0 && !closing && (await direct?.send(due).catch(() => false)) === true;
    const left = isTaken ? wakes.filter(({ delayMs }) => delayMs > 0) : wakes;
    const isUrgent = ({ delayMs }: Wake) =>
      delayMs < NOT_SOON_MS + GATHER_MS || closing !== undefined;
    gather(left.filter((wake) => !isUrgent(wake)));
    await Promise.all(left.filter(isUrgent).map((wake) => handOver(pendingOf(wake))));
  }

  /** What is due later than soon waits for others that can share its job; nobody waits with it. */
  function gather(wakes: readonly Wake[]): void {
    gathered.push(...wakes.map(pendingOf));
    if (gathered.length > 0) gathering ??= setTimeout(handOverGathered, GATHER_MS);
  }

  function handOverGathered(): void {
    clearTimeout(gathering);
    gathering = undefined;
    track(Promise.all(gathered.splice(0).map(handOver)).then(() => {}));
  }

  async function handOver(pending: PendingWake): Promise<void> {
    try {
      if (isClosed) throw new Error('the timers are closed');
      await producerOf(pending.wake.queue).add(pending);
    } catch (error) {
      givenUp += 1;
      report('wakes were given up, the sweep will find them', error);
    }
  }

  async function handOverWithin(wakes: readonly Wake[]): Promise<void> {
    await within(WAKE_MS, track(handOverAll(wakes))).catch(() => {});
  }

  /** Is waited for when the queue is closed. */
  function track(handedOver: Promise<void>): Promise<void> {
    underWay.add(handedOver);
    void handedOver.finally(() => underWay.delete(handedOver));
    return handedOver;
  }

  async function closeAll(): Promise<void> {
    handOverGathered();
    isClosed = true;
    await Promise.all([
      ...[...consumers].map((consumer) => consumer.close()),
      within(LAST_WAKES_MS, Promise.all(underWay)).catch(() => {}),
    ]);
    await Promise.all([...producers.values()].map((producer) => producer.close()));
    await timers.close();
  }

  return {
    wake: handOverWithin,
    async share(wakes) {
      const { direct } = timers;
      if (direct === null) return handOverWithin(wakes);
      await within(WAKE_MS, direct.send(wakes)).catch(() => {});
    },
    async listen(queue, concurrency, onWake) {
      const consumer = startConsumer(timers, nameOf(queue), concurrency, onWake, report);
      consumers.add(consumer);
      takers.set(queue, onWake);
      timers.direct?.serve((queue, id, receiverId) => takers.get(queue)?.(id, receiverId));
      return {
        async close() {
          consumers.delete(consumer);
          if (takers.get(queue) === onWake) takers.delete(queue);
          await consumer.close();
        },
      };
    },
    async ping() {
      if (!timers.isUp()) throw new Error('The timers are not connected.');
      await within(PING_MS, timers.ping());
    },
    get givenUp() {
      return givenUp;
    },
    close() {
      closing ??= closeAll();
      return closing;
    },
  };
}

function pendingOf(wake: Wake): PendingWake {
  return { wake, dueAt: Date.now() + wake.delayMs };
}

function nameOf(queue: string): string {
  return `postrider-${queue}`;
}
