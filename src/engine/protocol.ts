import type { Transaction } from '../platform/db/client.ts';
import type { DeliveryStatus, Outcome, SettleReason } from './delivery.ts';
import type { WebhookRequest, WebhookResponse } from './http/send.ts';
import type { Verdict } from './rules/decide.ts';
import type { Claimed } from './store/claim.ts';
import type { AttemptEntry, Recorded } from './store/record.ts';
import type { Resent } from './store/resend.ts';
import type { Settled } from './store/settle.ts';

/** A delivery that has nowhere to go any more. */
export interface Undeliverable {
  undeliverable: { status: 'failed' | 'cancelled'; reason: SettleReason };
}

/**
 * A protocol that runs on the engine. The engine knows deliveries; what they say, to whom, and what
 * their end means is the protocol's.
 */
export interface Protocol {
  /** What to send and where, for many deliveries at once; by delivery id. */
  compose(deliveries: Claimed[]): Promise<Map<string, WebhookRequest | Undeliverable>>;
  /** What an answer means; null or absent: by the queue's success rule, 410 and Retry-After. */
  read?(delivery: Claimed, answer: WebhookResponse, outcome: Outcome): Verdict | null;
  /** What it means that nobody knows how an attempt ended, its process died; absent: the ladder goes on. */
  readLost?(delivery: Claimed): Verdict;
  /**
   * Somebody wants this delivery sent once more, by hand. Absent: it always may be.
   *
   * @param resend makes it due, by the engine's own rules
   * @throws Problem where the protocol does not allow it
   */
  resend?(delivery: OwnedDelivery, resend: () => Promise<Resent[]>): Promise<Resent[]>;
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

/** A delivery as its protocol knows it. */
export interface OwnedDelivery {
  ownerKind: string;
  ownerId: string;
  purpose: string;
  status: DeliveryStatus;
  /** Attempts of all its cycles. */
  attempts: number;
}

/** An attempt that has just been recorded, and its delivery as the record left it. */
export interface Attempted {
  delivery: Recorded;
  entry: AttemptEntry;
}

/** Owners by the `owner_kind` of their deliveries. */
export type Protocols = ReadonlyMap<string, Protocol>;
