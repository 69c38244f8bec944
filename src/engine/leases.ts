import type { Clock, Timer } from '../platform/time/clock.ts';
import type { Claimed } from './store/claim.ts';

/** A lease that this process holds. */
export interface HeldLease {
  /** By the process' clock; behind it the delivery is in other hands, or soon will be. */
  endsAt(): number;
  release(): void;
}

/** The leases in this process' hands. */
export interface Leases {
  hold(delivery: Claimed): HeldLease;
  holds(leaseToken: string): boolean;
  close(): void;
}

/** @returns the tokens of those that were still held */
export type Renew = (
  leases: readonly { deliveryId: string; leaseToken: string }[],
  forMs: number,
) => Promise<ReadonlySet<string>>;

/** An attempt and its record fit into a lease with time to spare: only what is held up comes so close. */
const RENEWED_BEFORE_MS = 7_000;
const RENEWED_FOR_MS = 15_000;
const TOGETHER_MS = 1_000;
/** Renewed at once by one statement. */
const MOST_AT_ONCE = 500;

/**
 * Keeps leases for as long as the process lives and has something to do with them: on a machine that is only
 * slow, or while the database does not take the result, an attempt outlasts its lease, and somebody else
 * would log it as lost although it was answered.
 */
export function createLeases(renew: Renew, fault: (error: unknown) => void, clock: Clock): Leases {
  const held = new Map<string, { deliveryId: string; endsAt: number }>();
  let next: { at: number; timer: Timer } | null = null;
  let closed = false;

  /** One timer, for the lease that ends first: there is none while there is nothing to keep. */
  function plan(endsAt: number, soonestMs: number): void {
    const inMs = Math.max(soonestMs, endsAt - RENEWED_BEFORE_MS - clock.now());
    const at = clock.now() + inMs;
    if (closed || (next !== null && next.at <= at)) return;
    next?.timer.cancel();
    next = { at, timer: clock.after(inMs, () => void renewWhatEnds()) };
  }

  async function renewWhatEnds(): Promise<void> {
    const now = clock.now();
    // Within the next second too, so that those of one moment share a statement.
    const ending = [...held]
      .filter(([, { endsAt }]) => endsAt - now < RENEWED_BEFORE_MS + TOGETHER_MS)
      .slice(0, MOST_AT_ONCE)
      .map(([leaseToken, { deliveryId }]) => ({ deliveryId, leaseToken }));
    try {
      const renewed = ending.length > 0 ? await renew(ending, RENEWED_FOR_MS) : new Set<string>();
      for (const { leaseToken } of ending) {
        const lease = held.get(leaseToken);
        if (lease === undefined) continue;
        if (renewed.has(leaseToken)) lease.endsAt = now + RENEWED_FOR_MS;
        else lose(leaseToken);
      }
    } catch (error) {
      fault(error);
    }
    next = null;
    const ends = [...held.values()].map(({ endsAt }) => endsAt);
    if (ends.length > 0) plan(Math.min(...ends), TOGETHER_MS);
  }

  /** Somebody else has gone on with it: nothing is left to renew. */
  function lose(leaseToken: string): void {
    const lease = held.get(leaseToken);
    if (lease !== undefined) lease.endsAt = clock.now();
    held.delete(leaseToken);
  }

  return {
    hold({ id, leaseToken, leasedAtTick, leasedForMs }) {
      const lease = { deliveryId: id, endsAt: leasedAtTick + leasedForMs };
      held.set(leaseToken, lease);
      plan(lease.endsAt, 0);
      return {
        endsAt: () => lease.endsAt,
        release: () => void held.delete(leaseToken),
      };
    },
    holds: (leaseToken) => held.has(leaseToken),
    close() {
      closed = true;
      next?.timer.cancel();
    },
  };
}
