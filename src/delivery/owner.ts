import type { Transaction } from '../db/client.ts';
import type { Reading } from './decide.ts';
import type { Outcome } from './outcome.ts';
import type { Answer, Letter } from './send.ts';
import type { Claimed } from './store/claim.ts';
import type { AttemptEntry, Recorded } from './store/record.ts';
import type { Settled } from './store/settle.ts';

/** A delivery that has nowhere to go any more. */
export interface Undeliverable {
  undeliverable: { status: 'failed' | 'cancelled'; reason: string };
}

/**
 * A protocol that runs on the engine. The engine knows deliveries; what they say, to whom, and what
 * their end means is the owner's.
 */
export interface Owner {
  /** What to send and where, for many deliveries at once; by delivery id. */
  compose(deliveries: Claimed[]): Promise<Map<string, Letter | Undeliverable>>;
  /** What an answer means; null or absent: by the queue's success rule, 410 and Retry-After. */
  read?(delivery: Claimed, answer: Answer, outcome: Outcome): Reading | null;
  /** What it means that nobody knows how an attempt ended, its process died; absent: the ladder goes on. */
  readLost?(delivery: Claimed): Reading;
  /** Attempts have ended: called inside the transaction that records them. */
  attempted?(transaction: Transaction, attempts: Attempted[]): Promise<AfterCommit | undefined>;
  /** Deliveries have reached an end: called inside the transaction that ends them. */
  settled?(transaction: Transaction, deliveries: Settled[]): Promise<AfterCommit | undefined>;
}

/**
 * What must not happen before the commit, such as waking what the transaction has made. A process may
 * die in between, so nothing may depend on it: the sweep finds what was not woken.
 */
export type AfterCommit = () => void;

/** An attempt that has just been recorded, and its delivery as the record left it. */
export interface Attempted {
  delivery: Recorded;
  entry: AttemptEntry;
}

/** Owners by the `owner_kind` of their deliveries. */
export type Owners = ReadonlyMap<string, Owner>;
