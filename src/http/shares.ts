import { Overload, Problem } from '../api/problem.ts';
import type { Principal } from '../api/route.ts';
import { createRoom, type Room } from './overload/room.ts';

/** Gives a place back. */
export type Release = () => void;

export interface Shares {
  /**
   * A place among those that look something up; waits for one in the caller's own line.
   *
   * @throws Problem 429 where the caller has too many in line already, 503 after too long a wait;
   *   the reason of `signal` as soon as it is aborted
   */
  take(principal: Principal, signal: AbortSignal): Promise<Release>;
}

interface SharesOptions {
  /** Calls of one tenant that are worked on at once. */
  atOnce: number;
  /** And those that wait for it. */
  mostWaiting: number;
  maxWaitMs: number;
}

/** Of the eight connections for reads: so that it takes three tenants to have them all, and one never does. */
const DEFAULTS: SharesOptions = { atOnce: 3, mostWaiting: 100, maxWaitMs: 5_000 };

interface Line {
  places: Room;
  waiting: number;
}

/**
 * How much of what looks things up one tenant may have at once. A merchant with a million notifications can ask for
 * lists that take seconds each, sixty at a time; the others' calls need connections as well.
 *
 * Per merchant, whatever keys it has made; of producers and operators per key.
 */
export function createShares(given: Partial<SharesOptions> = {}): Shares {
  const { atOnce, mostWaiting, maxWaitMs } = { ...DEFAULTS, ...given };
  const lines = new Map<string, Line>();

  return {
    async take(principal, signal) {
      const tenant = principal.merchantId ?? principal.keyId;
      const fresh = () => ({ places: createRoom({ limit: atOnce, maxWaitMs }), waiting: 0 });
      const line = lines.get(tenant) ?? fresh();
      lines.set(tenant, line);
      if (!line.places.take(1)) await waitIn(line, mostWaiting, signal);
      const release = () => {
        line.places.give(1);
        if (line.places.used === 0) lines.delete(tenant);
      };
      if (!signal.aborted) return release;
      release();
      throw signal.reason;
    },
  };
}

async function waitIn(line: Line, mostWaiting: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (line.waiting >= mostWaiting) {
    throw new Problem(
      429,
      'too_many_calls',
      'Too many of your calls wait for each other already.',
      {
        headers: { 'retry-after': '1' },
      },
    );
  }
  line.waiting += 1;
  const isGranted = await line.places.wait(1, signal);
  line.waiting -= 1;
  if (!isGranted) signal.throwIfAborted();
  if (!isGranted)
    throw new Overload('share', 'Your other calls take all the time that you may have.');
}
