import type { Outcome } from './outcome.ts';
import type { Answer } from './send.ts';
import type { Claimed } from './store/claim.ts';
import type { Health } from './store/record.ts';

/** Statuses by which a receiver says that it is too much for it. */
const TOO_MUCH = new Set([429, 502, 503, 504]);

/**
 * A receiver that hangs costs a place for the whole timeout, one that answers 500 costs next to
 * nothing: so the circuit opens after five of the first kind in a row, or fifty of the second.
 */
const WEIGHT_OF_SILENCE = 10;
const WEIGHT_OF_REFUSAL = 1;

/** The longest time for which a Retry-After holds a whole receiver; the delivery itself waits all of it. */
const LONGEST_HOLD_MS = 5 * 60_000;

/**
 * What one attempt says about its receiver.
 *
 * @param maxInFlight of the rules that the delivery follows
 */
export function healthOf(
  delivery: Claimed,
  answer: Answer,
  outcome: Outcome,
  maxInFlight: number,
): Health {
  const statusCode = answer.kind === 'response' ? answer.statusCode : null;
  const retryAfterMs = answer.kind === 'response' ? answer.retryAfterMs : null;
  const succeeded = outcome === 'success';
  return {
    receiverId: delivery.receiverId,
    succeeded,
    score: succeeded ? 0 : statusCode === null ? WEIGHT_OF_SILENCE : WEIGHT_OF_REFUSAL,
    slowDown: statusCode !== null && TOO_MUCH.has(statusCode),
    holdMs: retryAfterMs === null ? null : Math.min(retryAfterMs, LONGEST_HOLD_MS),
    // One payment's address that is gone says nothing of its neighbours at the same origin.
    gone: statusCode === 410 && delivery.endpointId !== null,
    maxInFlight,
  };
}

/**
 * What a batch says, one entry a receiver. One success outweighs the failures beside it, and the
 * narrowest rules count, as in the claim.
 */
export function mergeHealth(all: Health[]): Health[] {
  const merged = new Map<string, Health>();
  for (const health of all) {
    const other = merged.get(health.receiverId);
    merged.set(health.receiverId, other === undefined ? health : mergeTwo(other, health));
  }
  return [...merged.values()];
}

function mergeTwo(a: Health, b: Health): Health {
  const holds = [a.holdMs, b.holdMs].filter((holdMs) => holdMs !== null);
  return {
    receiverId: a.receiverId,
    succeeded: a.succeeded || b.succeeded,
    score: a.score + b.score,
    slowDown: a.slowDown || b.slowDown,
    holdMs: holds.length > 0 ? Math.max(...holds) : null,
    gone: a.gone || b.gone,
    maxInFlight: Math.min(a.maxInFlight, b.maxInFlight),
  };
}
