import { callerLeft, Overload, Problem } from '../problem.ts';
import type { Principal } from '../route.ts';

/** Gives a place back. */
export type Release = () => void;

export interface Shares {
  /**
   * A place among those that look something up; waits for one in the caller's own line.
   *
   * @throws Problem 429 where the caller has too many in line already, 503 after too long a wait
   */
  take(principal: Principal, isGone: () => boolean): Promise<Release>;
}

interface SharesOptions {
  /** Calls of one tenant that are worked on at once. */
  atOnce: number;
  /** And those that wait for it. */
  mostWaiting: number;
  maxWaitMs: number;
}

/** Of the eight connections for calls: so that it takes three tenants to have them all, and one never does. */
const DEFAULTS: SharesOptions = { atOnce: 3, mostWaiting: 100, maxWaitMs: 5_000 };

interface Line {
  running: number;
  waiting: Array<() => void>;
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

  function leave(tenant: string, line: Line): void {
    // The place goes to whoever waits longest, or it is free.
    const next = line.waiting.shift();
    if (next === undefined) line.running -= 1;
    else next();
    if (line.running === 0) lines.delete(tenant);
  }

  return {
    async take(principal, isGone) {
      const tenant = principal.merchantId ?? principal.keyId;
      const line = lines.get(tenant) ?? { running: 0, waiting: [] };
      lines.set(tenant, line);
      if (line.running < atOnce) line.running += 1;
      else await placeIn(line, { mostWaiting, maxWaitMs });
      const release = () => leave(tenant, line);
      if (!isGone()) return release;
      release();
      throw callerLeft();
    },
  };
}

function placeIn(
  { waiting }: Line,
  { mostWaiting, maxWaitMs }: Pick<SharesOptions, 'mostWaiting' | 'maxWaitMs'>,
): Promise<void> {
  if (waiting.length >= mostWaiting) {
    throw new Problem(
      429,
      'too_many_calls',
      'Too many of your calls wait for each other already.',
      {
        headers: { 'retry-after': '1' },
      },
    );
  }
  return new Promise((resolve, reject) => {
    const take = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      waiting.splice(waiting.indexOf(take), 1);
      reject(new Overload('share', 'Your other calls take all the time that you may have.'));
    }, maxWaitMs);
    waiting.push(take);
  });
}
