import type { Request, RequestHandler, Response } from 'express';
import { rateLimit } from 'express-rate-limit';
import { Problem } from '../api/problem.ts';
import { limitedAddressOf } from './address.ts';
import { contextOf } from './context.ts';
import { createKeyGuard, type KeyGuard } from './wrong-keys.ts';

export interface RateLimit {
  requests: number;
  windowMs: number;
}

/** How many requests each of these may make in a window, in this process. */
export interface RateLimits {
  /** One bearer key. */
  perKey: RateLimit;
  /** One address that shows no key. */
  perAddress: RateLimit;
  /** One address that shows wrong keys; wrong-keys.ts says which of its calls go on beyond it. */
  wrongKeysPerAddress: RateLimit;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/**
 * Roomy: they stop a runaway loop, not a busy shop. One process takes in some thousands a second at
 * its best, and all of that may come by one producer's key, or from one proxy's address; a limit
 * below it would turn a rush of payments into errors. What is too much for the process itself is
 * answered by the bounds of the intake's own queue (503).
 */
const DEFAULT_RATE_LIMITS: RateLimits = {
  perKey: { requests: 60_000, windowMs: 10 * SECOND },
  perAddress: { requests: 60_000, windowMs: 10 * SECOND },
  wrongKeysPerAddress: { requests: 300, windowMs: MINUTE },
};

export type Limiters = Record<'perKey' | 'perAddress', RequestHandler> & { wrongKeys: KeyGuard };

/** Each adds `RateLimit-Limit`, `-Remaining`, `-Reset` and `-Policy`; beyond the limit: 429 with `Retry-After`. */
export function createLimiters(
  given: Partial<RateLimits> = {},
  monotonicMs?: () => number,
): Limiters {
  const limits = { ...DEFAULT_RATE_LIMITS, ...given };
  return {
    perKey: limiter(limits.perKey, (_req, res) => contextOf(res).principal?.keyId ?? ''),
    perAddress: limiter(limits.perAddress, limitedAddressOf),
    wrongKeys: createKeyGuard(limits.wrongKeysPerAddress, monotonicMs),
  };
}

function limiter(
  limit: RateLimit,
  keyGenerator: (req: Request, res: Response) => string,
): RequestHandler {
  return rateLimit({
    windowMs: limit.windowMs,
    limit: limit.requests,
    keyGenerator,
    // The draft whose headers clients know: the later ones put everything into one `RateLimit`.
    standardHeaders: 'draft-6',
    legacyHeaders: false,
    // Its checks write to the console, e.g. at every X-Forwarded-For that nobody has asked us to trust.
    validate: false,
    handler: (_req, _res, next) => {
      next(new Problem(429, 'rate_limited', 'Too many requests. Retry-After says when to return.'));
    },
  });
}
