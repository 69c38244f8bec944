import { setTimeout as pause } from 'node:timers/promises';
import { within } from '../../platform/time/within.ts';
import { type Backend, type BullWorker, RETRY_MS, type Report, type WakeJob } from './backend.ts';
import type { OnWake } from './wake-queue.ts';

const GRACE_MS = 2000;
const FORCE_MS = 500;

/**
 * Listens on one queue until it is closed: with a BullMQ worker, and with another one whenever that
 * could not start. A worker that did start gets over outages by itself.
 */
export function startConsumer(
  timers: Backend,
  name: string,
  concurrency: number,
  onWake: OnWake,
  report: Report,
): { close(): Promise<void> } {
  const closing = new AbortController();
  const waiting = new Set<NodeJS.Timeout>();
  let current: BullWorker | undefined;

  async function take({ data }: { data: WakeJob }): Promise<void> {
    onWake(data.deliveryId, data.receiverId ?? null);
    for (const [deliveryId, receiverId, laterMs] of data.more ?? []) {
      if (laterMs <= 0) onWake(deliveryId, receiverId);
      else soon(laterMs, () => onWake(deliveryId, receiverId));
    }
  }

  /** What is not due yet when the consumer is closed is left to others' sweeps. */
  function soon(laterMs: number, act: () => void): void {
    const timer = setTimeout(() => {
      waiting.delete(timer);
      act();
    }, laterMs);
    waiting.add(timer);
  }

  async function keepListening(): Promise<void> {
    while (!closing.signal.aborted) {
      current = timers.openWorker(name, concurrency, take);
      current.worker.on('error', (error) => report('taking timers failed', error));
      try {
        await current.worker.waitUntilReady();
        await current.worker.run();
      } catch (error) {
        report('taking timers failed', error);
      }
      if (closing.signal.aborted) return;
      await shut(current);
      await pause(RETRY_MS, undefined, { signal: closing.signal }).catch(() => {});
    }
  }

  void keepListening();
  return {
    async close() {
      closing.abort();
      for (const timer of waiting) clearTimeout(timer);
      if (current !== undefined) await shut(current);
    },
  };
}

/**
 * Ends a worker in 3 s at most; BullMQ's own `close` waits without limit, a second, forced one waits
 * along with the first. Jobs left behind are found by the stalled check of another worker.
 */
async function shut({ worker, free }: BullWorker): Promise<void> {
  // Ends the stalled check, whose timer would keep the process alive if `close` gets stuck.
  await worker.pause(true).catch(() => {});
  try {
    await within(GRACE_MS, worker.close());
  } catch {
    await within(FORCE_MS, worker.getBackend().close(true)).catch(() => {});
  }
  await free();
}
