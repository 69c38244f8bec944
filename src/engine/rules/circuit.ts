import type { Outcome } from '../delivery.ts';
import type { WebhookResponse } from '../http/send.ts';
import type { Claimed } from '../store/claim.ts';
import type { Health } from '../store/record.ts';

/** Statuses by which a receiver says that it is too much for it. */
const TOO_MUCH = new Set([429, 502, 503, 504]);

/**
 * What is dear about a failure is the place it held, so it weighs by its seconds, and one that came quickly
 * weighs nothing: its ladder is backoff enough. Five in a row that hang for two seconds open the circuit.
 */
const WEIGHT_OF_A_SECOND = 20;
const HEAVIEST = 40;
/** An answer within this time is quick, also where the machine has too much to do. */
const QUICK_MS = 1_000;

/** The longest time for which a Retry-After holds a whole receiver; the delivery itself waits all of it. */
const LONGEST_HOLD_MS = 60_000;

/**
 * What one attempt says about its receiver. At a one-off address it says little: others at the same
 * origin are other businesses, which neither asked for more time nor are gone. They share only the
 * limit in flight.
 *
 * @param maxInFlight of the rules that the delivery follows
 * @param nextInMs when this delivery is tried again; null: it is not
 */
export function healthOf(
  delivery: Claimed,
  answer: WebhookResponse,
  outcome: Outcome,
  { maxInFlight, nextInMs }: { maxInFlight: number; nextInMs: number | null },
): Health {
  const statusCode = answer.kind === 'response' ? answer.statusCode : null;
  const retryAfterMs = answer.kind === 'response' ? answer.retryAfterMs : null;
  const succeeded = outcome === 'success';
  const isEndpoint = delivery.endpointId !== null;
  return {
    receiverId: delivery.receiverId,
    succeeded,
    score: succeeded ? 0 : weightOf(answer),
    hasCircuit: isEndpoint,
    slowDown: isEndpoint && statusCode !== null && TOO_MUCH.has(statusCode),
    // Not beyond the delivery's own next attempt: that may be its last call before the deadline.
    holdMs:
      isEndpoint && retryAfterMs !== null
        ? Math.floor(Math.min(retryAfterMs, nextInMs ?? LONGEST_HOLD_MS, LONGEST_HOLD_MS))
        : null,
    gone: isEndpoint && statusCode === 410,
    maxInFlight,
  };
}

function weightOf(answer: WebhookResponse): number {
  const isTimeout = answer.kind === 'failure' && answer.outcome === 'timeout';
  if (!isTimeout && answer.heldMs <= QUICK_MS) return 0;
  return Math.min(HEAVIEST, Math.floor((answer.heldMs / 1000) * WEIGHT_OF_A_SECOND));
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
    hasCircuit: a.hasCircuit,
    slowDown: a.slowDown || b.slowDown,
    holdMs: holds.length > 0 ? Math.max(...holds) : null,
    gone: a.gone || b.gone,
    maxInFlight: Math.min(a.maxInFlight, b.maxInFlight),
  };
}
