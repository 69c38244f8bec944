import type { Transaction } from '../db/client.ts';
import type { Letter } from './send.ts';
import type { Claimed } from './store/claim.ts';
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
  /** Deliveries have reached an end: called inside the transaction that ends them. */
  settled?(transaction: Transaction, deliveries: Settled[]): Promise<void>;
}

/** Owners by the `owner_kind` of their deliveries. */
export type Owners = ReadonlyMap<string, Owner>;
