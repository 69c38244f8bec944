import type {
  AttemptView,
  DeliverySummary,
  DeliveryView,
  Notification,
} from '../../protocols/notification/contract.ts';

// The gateway's own types: what the API answers and what is shown here cannot drift apart.
export type { AttemptView, DeliverySummary, DeliveryView, Notification };
export type DeliveryStatus = Notification['status'];

export const DELIVERY_STATUSES: readonly DeliveryStatus[] = [
  'pending',
  'sending',
  'delivered',
  'failed',
  'acknowledged',
  'cancelled',
  'skipped',
];
