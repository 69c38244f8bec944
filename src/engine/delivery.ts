// The words of a delivery: its states, why it came to an end, how an attempt ended and what caused it.
// Contracts, filters, the console and the database's CHECKs all say these. No imports, so that the
// browser can have them too.
//
//             claim            success
//   pending ────────▶ sending ─────────▶ delivered
//      ▲  ▲             │  │
//      │  └─────────────┘  │  no, deadline, end of the ladder
//      │   next rung       └────────────▶ failed
//      │
//      └── re-send of anything settled; of `skipped` when an endpoint listens by now
//
//   From any state that is not settled: cancelled (by request, by a newer version, endpoint deleted).
//   From any state in which it has not arrived: acknowledged (the merchant fetched it).
//   skipped: nobody listened when it was made.

/** From the least advanced to the most. A notification is as far as its least advanced delivery. */
export const DELIVERY_STATUSES = [
  'pending',
  'sending',
  'failed',
  'skipped',
  'cancelled',
  'acknowledged',
  'delivered',
] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** The engine still has something to do. */
export const UNSETTLED = ['pending', 'sending'] as const satisfies readonly DeliveryStatus[];

export function isSettled(status: DeliveryStatus): boolean {
  return !(UNSETTLED as readonly DeliveryStatus[]).includes(status);
}

/** Somebody still has something to do about it: what has neither arrived nor been called off. */
export const OPEN_STATUSES = [
  ...UNSETTLED,
  'failed',
  'skipped',
] as const satisfies readonly DeliveryStatus[];

export function isOpen(status: DeliveryStatus): boolean {
  return (OPEN_STATUSES as readonly DeliveryStatus[]).includes(status);
}

/** The merchant has it. */
export const ARRIVED = ['delivered', 'acknowledged'] as const satisfies readonly DeliveryStatus[];

/** Why a delivery came to its end. `refused`, `rolled_back` and `transaction_decided` are the protocols'. */
export const SETTLE_REASONS = [
  'ladder_spent',
  'deadline_passed',
  'gone',
  'refused',
  'rolled_back',
  'transaction_decided',
  'no_endpoint',
  'superseded',
  'cancelled_by_request',
  'endpoint_deleted',
  'confirmed_by_pull',
] as const;
export type SettleReason = (typeof SETTLE_REASONS)[number];

/** Why a delivery is as it is: `circuit_open` holds one that is not settled. */
export const SHOWN_REASONS = ['circuit_open', ...SETTLE_REASONS] as const;
export type ShownReason = (typeof SHOWN_REASONS)[number];

/**
 * How one attempt ended. `unknown`: the process died in it. The overview keeps its counts in this order: only ever
 * append.
 */
export const ATTEMPT_OUTCOMES = [
  'success',
  'http_status',
  'body_mismatch',
  'timeout',
  'connection_error',
  'tls_error',
  'dns_error',
  'blocked_target',
  'unknown',
] as const;
export type Outcome = (typeof ATTEMPT_OUTCOMES)[number];

/** What an attempt was made for. */
export const TRIGGERS = ['ladder', 'resend', 'test'] as const;
export type Trigger = (typeof TRIGGERS)[number];

export function leastAdvanced(statuses: readonly DeliveryStatus[]): DeliveryStatus {
  return DELIVERY_STATUSES.find((status) => statuses.includes(status)) ?? 'skipped';
}

/** For a `switch` that has a case for everything: it does not compile where one is missing. */
export function assertNever(value: never): never {
  throw new Error(`Nothing is known of ${String(value)}`);
}
