import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { batched } from './batch.ts';
import {
  type Backend,
  type Consumer,
  openReport,
  type Producer,
  RETRY_MS,
  type Report,
  type WakeJob,
  within,
} from './queue-backend.ts';
import { openPostgres } from './queue-postgres.ts';
import { openRedis } from './queue-redis.ts';

/** "Look at this delivery then." */
export interface Wake {
  queue: string;
  deliveryId: string;
  delayMs: number;
  /**
   * Distinct for each (delivery, due time): becomes the job's id. BullMQ ignores an id that it
   * still knows in whatever state, without a word; it refuses ids with ':' and bare integers.
   */
  key: string;
}

/** Timers that may fail: whatever they lose, the sweep finds again in Postgres. */
export interface WakeQueue {
  /**
   * Callers of the same moment share one bulk insert per queue. Never throws, and resolves within
   * 2 s: once handed over, or given up (logged once in 10 s, and counted).
   */
  wake(wakes: readonly Wake[]): Promise<void>;
  /**
   * Starts a worker on that queue and keeps it alive through outages. The job is done when `onWake`
   * returns: it only hands the id on.
   */
  listen(
    queue: string,
    concurrency: number,
    onWake: (deliveryId: string) => void,
  ): Promise<{ close(): Promise<void> }>;
  /** @throws when the backend can't be reached within 1 s */
  ping(): Promise<void>;
  /** How many wakes were not handed over since the start. */
  readonly givenUp: number;
  /** Waits 5 s at most. */
  close(): Promise<void>;
}

export type WakeBackend = { kind: 'postgres'; url: string } | { kind: 'redis'; url: string };

const MAX_WAITING = 20_000;
const MAX_BULK = 1000;
const MAX_BULKS_AT_ONCE = 2;
/** One bulk insert's time; the caller's is a little more, because a bulk may be queued before it. */
const HAND_OVER_MS = 1500;
const WAKE_MS = 1900;
/** After a bulk insert that timed out, nothing is tried for so long: callers shall not all wait. */
const REST_MS = 1000;
const PING_MS = 1000;
const GRACE_MS = 2500;
const FORCE_MS = 1000;

/**
 * Opens the timers: BullMQ on Redis, or on PostgreSQL (schema "bullmq" of the same database).
 *
 * @throws Error with one sentence when the backend is unfit: a Redis that may evict keys, a
 *   PostgreSQL that can't be reached
 */
export async function openWakeQueue(backend: WakeBackend, log: Logger): Promise<WakeQueue> {
  const report = openReport(log);
  const timers =
    backend.kind === 'redis'
      ? await openRedis(backend.url, report)
      : await openPostgres(backend.url, report);
  const lanes = new Map<string, Lane>();
  const listeners = new Set<{ close(): Promise<void> }>();
  let givenUp = 0;
  let closed = false;

  function laneOf(queue: string): Lane {
    const lane = lanes.get(queue) ?? openLane(timers, nameOf(queue), report);
    lanes.set(queue, lane);
    return lane;
  }

  async function handOver(wake: Wake): Promise<void> {
    try {
      if (closed) throw new Error('the timers are closed');
      await laneOf(wake.queue).add({ wake, dueAt: Date.now() + wake.delayMs });
    } catch (error) {
      givenUp += 1;
      report('Wakes given up, the sweep will find them', error);
    }
  }

  return {
    async wake(wakes) {
      await within(WAKE_MS, Promise.all(wakes.map(handOver))).catch(() => {});
    },
    async listen(queue, concurrency, onWake) {
      const listener = startListener(timers, nameOf(queue), concurrency, onWake, report);
      listeners.add(listener);
      return {
        async close() {
          listeners.delete(listener);
          await listener.close();
        },
      };
    },
    async ping() {
      if (!timers.isUp()) throw new Error('not connected');
      await within(PING_MS, timers.ping());
    },
    get givenUp() {
      return givenUp;
    },
    async close() {
      closed = true;
      await Promise.all([...listeners].map((listener) => listener.close()));
      await Promise.all([...lanes.values()].map((lane) => lane.close()));
      await timers.close();
    },
  };
}

function nameOf(queue: string): string {
  return `postrider-${queue}`;
}

interface PendingWake {
  wake: Wake;
  /** By this process' clock, like BullMQ's: a wake that waited its turn must not come later for it. */
  dueAt: number;
}

interface Lane {
  add(pending: PendingWake): Promise<void>;
  close(): Promise<void>;
}

/** The producers' side of one queue. */
function openLane(timers: Backend, name: string, report: Report): Lane {
  let producer: Promise<Producer> | undefined;
  let restUntil = 0;

  const add = batched<PendingWake, void>(
    {
      maxItems: MAX_BULK,
      maxRuns: MAX_BULKS_AT_ONCE,
      maxWaiting: MAX_WAITING,
      whenFull: () => new Error(`${MAX_WAITING} wakes are waiting already`),
    },
    async (batch) => {
      if (!timers.isUp() || performance.now() < restUntil) throw new Error('not connected');
      const startedAt = performance.now();
      try {
        await within(HAND_OVER_MS, insert(batch));
      } catch (error) {
        // What fails at once may be tried at once; what hangs must not make every caller wait.
        const now = performance.now();
        if (now - startedAt > HAND_OVER_MS / 2) restUntil = now + REST_MS;
        throw error;
      }
      return new Array<void>(batch.length);
    },
  );

  async function insert(batch: readonly PendingWake[]): Promise<void> {
    const queue = await open();
    const now = Date.now();
    await queue.addBulk(
      batch.map(({ wake, dueAt }) => ({
        name: 'wake',
        data: { deliveryId: wake.deliveryId },
        opts: {
          jobId: wake.key,
          delay: Math.max(0, Math.ceil(dueAt - now)),
          attempts: 1,
          removeOnComplete: true,
          removeOnFail: true,
        },
      })),
    );
  }

  /** A BullMQ queue whose first contact failed stays useless: then the next batch makes another. */
  function open(): Promise<Producer> {
    producer ??= (async () => {
      const queue = timers.openProducer(name);
      queue.on('error', (error) => report('Timers, producer', error));
      await queue.waitUntilReady().catch((error) => {
        producer = undefined;
        throw error;
      });
      return queue;
    })();
    return producer;
  }

  return {
    add,
    async close() {
      const queue = await within(FORCE_MS, producer ?? Promise.reject()).catch(() => undefined);
      await queue?.close().catch(() => {});
    },
  };
}

/** The consumers' side of one queue: a worker, and another one whenever it could not start. */
function startListener(
  timers: Backend,
  name: string,
  concurrency: number,
  onWake: (deliveryId: string) => void,
  report: Report,
): { close(): Promise<void> } {
  const closing = new AbortController();
  let current: Consumer | undefined;

  async function take(job: { data: WakeJob }): Promise<void> {
    onWake(job.data.deliveryId);
  }

  async function keepListening(): Promise<void> {
    while (!closing.signal.aborted) {
      current = timers.openConsumer(name, concurrency, take);
      current.worker.on('error', (error) => report('Timers, worker', error));
      try {
        await current.worker.waitUntilReady();
        await current.worker.run();
      } catch (error) {
        report('Timers, worker', error);
      }
      await shut(current);
      await pause(RETRY_MS, undefined, { signal: closing.signal }).catch(() => {});
    }
  }

  const listening = keepListening();
  return {
    async close() {
      closing.abort();
      if (current !== undefined) await shut(current);
      await within(FORCE_MS, listening).catch(() => {});
    },
  };
}

/** BullMQ waits for its jobs without limit; a second, forced `close` would only wait along. */
async function shut({ worker, free }: Consumer): Promise<void> {
  try {
    await within(GRACE_MS, worker.close());
  } catch {
    await within(FORCE_MS, worker.getBackend().close(true)).catch(() => {});
  }
  await free();
}
