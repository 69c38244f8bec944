import { setTimeout as pause } from 'node:timers/promises';
import { CONNECTION_CLOSED_ERROR_MSG, type IQueueBackend, type JobsOptions } from 'bullmq';
import type { DirectWakes } from './direct.ts';

/** What a job carries: deliveries to look at. Everything else is in Postgres. */
export interface WakeJob {
  deliveryId: string;
  /** Jobs of older versions have none. */
  receiverId?: string | null;
  /** Others that are due a little later. A worker of an older version leaves them to the sweep. */
  more?: AlsoDue[];
}

/** How much later than its job, in ms. */
export type AlsoDue = [deliveryId: string, receiverId: string | null, laterMs: number];

/** The part of BullMQ's Queue that is used here; its own type differs with each backend. */
export interface BullQueue {
  add(name: string, data: WakeJob, opts: JobsOptions): Promise<unknown>;
  addBulk(jobs: { name: string; data: WakeJob; opts: JobsOptions }[]): Promise<unknown>;
  waitUntilReady(): Promise<unknown>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  close(): Promise<void>;
}

/** The same for BullMQ's Worker, and `free` for what was opened for it. */
export interface BullWorker {
  worker: {
    waitUntilReady(): Promise<unknown>;
    run(): Promise<void>;
    on(event: 'error', listener: (error: Error) => void): unknown;
    pause(doNotWaitActive: true): Promise<void>;
    close(): Promise<void>;
    getBackend(): { close(force?: boolean): Promise<void> };
  };
  free(): Promise<void>;
}

/** One of the two homes that BullMQ can have. */
export interface Backend {
  /** False while it is known to be down, so that nothing is even tried. */
  isUp(): boolean;
  openQueue(name: string): BullQueue;
  openWorker(
    name: string,
    concurrency: number,
    take: (job: { data: WakeJob }) => Promise<void>,
  ): BullWorker;
  /** The way of what is due now, where there is a shorter one than by a timer. */
  direct: DirectWakes | null;
  ping(): Promise<unknown>;
  close(): Promise<void>;
}

export const RETRY_MS = 1000;

/** BullMQ writes an event for every step of every job; nobody reads them here. */
export const EVENT_STREAM = { events: { maxLen: 100 } };

export const WORKER_OPTIONS = {
  autorun: false,
  // The default of 15 s would leave a queue deaf for that long after each outage.
  runRetryDelay: RETRY_MS,
  // A job takes no time, its lock 30 s; and a worker that gets stuck in `close` renews for ever.
  skipLockRenewal: true,
};

/**
 * Two corrections to a worker's backend. What fails for another reason than a refused connection (a
 * database that is still starting, no connection slot left) is repeated by BullMQ almost at once and
 * without end: slow that down. And look at the timers every few seconds on PostgreSQL too, as on Redis,
 * instead of trusting for an hour that no NOTIFY got lost.
 */
export function steady<B extends IQueueBackend>(backend: B, lookSeconds = 10): B {
  backend.moveToActive = paced(backend.moveToActive.bind(backend));
  backend.waitForJob = paced(backend.waitForJob.bind(backend));
  return Object.defineProperty(backend, 'maximumBlockTimeout', { value: lookSeconds });
}

function paced<Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) {
  return async (...args: Args): Promise<Result> => {
    try {
      return await call(...args);
    } catch (error) {
      // A connection of ours that was closed is how BullMQ ends a wait: nothing to slow down.
      if (messageOf(error) !== CONNECTION_CLOSED_ERROR_MSG) await pause(RETRY_MS);
      throw error;
    }
  };
}

/** Says what went wrong, and in which step. */
export type Report = (step: string, error: unknown) => void;

function messageOf(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  return message || code || String(error);
}
