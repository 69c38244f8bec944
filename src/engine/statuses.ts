import type { DeliverySummary } from '../protocols/notification/contract.ts';

type Status = DeliverySummary['status'];

/** From the least advanced to the most. A notification is as far as its least advanced delivery. */
export const ADVANCE: readonly Status[] = [
  'pending',
  'sending',
  'failed',
  'skipped',
  'cancelled',
  'acknowledged',
  'delivered',
];

export function leastAdvanced(statuses: readonly Status[]): Status {
  return ADVANCE.find((status) => statuses.includes(status)) ?? 'skipped';
}
