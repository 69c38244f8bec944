import { createHash } from 'node:crypto';
import type { Request, Response } from 'express';
import { LRUCache } from 'lru-cache';
import { Problem } from '../api/problem.ts';
import { limitedAddressOf } from './address.ts';
import type { RateLimit } from './limit.ts';

const DAY_MS = 24 * 3600 * 1000;
/** Beyond these, what was seen longest ago is forgotten. */
const MAX_ADDRESSES = 10_000;
const MAX_WRONG_KEYS = 50_000;
const MAX_RIGHT_KEYS = 20_000;

/** What one address has shown since its window began. */
interface Attempts {
  endsAtMs: number;
  /** Calls with a wrong key, repeats of the same one among them. */
  calls: number;
  /** Different keys that are wrong, or whose look-up has not ended. */
  keys: number;
}

/** Stands before each look-up of a key. */
export interface KeyGuard {
  /**
   * @param lookUp null: the key is wrong. It is not called where the address has shown too many wrong keys
   * @throws Problem 401 for a wrong key, 429 `rate_limited` beyond the limit
   */
  check<T>(
    req: Request,
    res: Response,
    key: string,
    lookUp: (key: string) => Promise<T | null>,
  ): Promise<T>;
}

/**
 * Slows guessing: beyond `limit` an address is answered 429 before its key is looked up, right or wrong, so
 * that neither the time nor the status of the answer says which it was. (Rejected: to look the key up and
 * answer 429 only where it is wrong. That counts guesses without slowing them.)
 *
 * Others may sit behind the same address, so these go on:
 *
 * - a key that was right at this address within a day, as a guesser does not have it;
 * - whoever comes with another key while somebody else repeats one wrong key: what is counted against
 *   newcomers is different keys. A job with a revoked key blocks itself alone.
 *
 * What remains: while somebody at an address guesses without end, a key that was never used there has to
 * come early in a window. (Rejected: to let every key pass that is right at some other address. A guesser
 * would learn which keys are in use.)
 *
 * The counts are this process' own. Of a key its SHA-256 is kept, for no longer than said here.
 */
export function createKeyGuard(
  limit: RateLimit,
  monotonicMs: () => number = () => performance.now(),
): KeyGuard {
  const clock = { perf: { now: monotonicMs }, ttlResolution: 0 };
  const attempts = new LRUCache<string, Attempts>({ max: MAX_ADDRESSES });
  const wrong = new LRUCache<string, true>({ max: MAX_WRONG_KEYS, ttl: limit.windowMs, ...clock });
  const right = new LRUCache<string, true>({ max: MAX_RIGHT_KEYS, ttl: DAY_MS, ...clock });

  function attemptsOf(address: string): Attempts {
    const nowMs = monotonicMs();
    const known = attempts.get(address);
    if (known !== undefined && nowMs < known.endsAtMs) return known;
    const fresh = { endsAtMs: nowMs + limit.windowMs, calls: 0, keys: 0 };
    attempts.set(address, fresh);
    return fresh;
  }

  function tell(res: Response, { endsAtMs }: Attempts, used: number): number {
    const resetSeconds = Math.max(1, Math.ceil((endsAtMs - monotonicMs()) / 1000));
    res.setHeader('ratelimit-policy', `${limit.requests};w=${Math.ceil(limit.windowMs / 1000)}`);
    res.setHeader('ratelimit-limit', limit.requests);
    res.setHeader('ratelimit-remaining', Math.max(0, limit.requests - used));
    res.setHeader('ratelimit-reset', resetSeconds);
    return resetSeconds;
  }

  return {
    async check(req, res, key, lookUp) {
      const address = limitedAddressOf(req);
      const pair = `${address} ${digestOf(key)}`;
      const own = attemptsOf(address);
      const isKnownWrong = wrong.has(pair);
      const isNewcomer = !isKnownWrong && right.get(pair) === undefined;
      const used = isKnownWrong ? own.calls : isNewcomer ? own.keys : 0;
      if (used >= limit.requests) throw tooMany(tell(res, own, used));
      // Before the answer is known: a thousand guesses at once are a thousand.
      if (isNewcomer) own.keys += 1;
      let found: Awaited<ReturnType<typeof lookUp>>;
      try {
        found = await lookUp(key);
      } catch (error) {
        if (isNewcomer) own.keys -= 1;
        throw error;
      }
      if (found !== null) {
        if (isNewcomer) own.keys -= 1;
        wrong.delete(pair);
        right.set(pair, true);
        return found;
      }
      right.delete(pair);
      wrong.set(pair, true);
      own.calls += 1;
      tell(res, own, Math.max(own.calls, own.keys));
      throw wrongKey();
    },
  };
}

function digestOf(key: string): string {
  return createHash('sha256').update(key).digest('base64');
}

function tooMany(retryAfterSeconds: number): Problem {
  return new Problem(429, 'rate_limited', 'Too many wrong keys came from this address.', {
    headers: { 'retry-after': String(retryAfterSeconds) },
  });
}

function wrongKey(): Problem {
  return unauthorized('This key is wrong, expired or revoked.');
}

export function unauthorized(detail: string): Problem {
  return new Problem(401, 'unauthorized', detail, { headers: { 'www-authenticate': 'Bearer' } });
}
