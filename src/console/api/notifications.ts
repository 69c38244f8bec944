import type {
  AttemptView,
  DeliverySummary,
  DeliveryView,
  Notification,
} from '../../protocols/notification/contract.ts';

export { DELIVERY_STATUSES, type DeliveryStatus, isSettled } from '../../engine/delivery.ts';
// The gateway's own types: what the API answers and what is shown here cannot drift apart.
export type { AttemptView, DeliverySummary, DeliveryView, Notification };
