import type { Webhook } from '../api/webhook.ts';
import { eventWebhooks } from '../features/event-types/webhooks.ts';
import { endpointTestWebhooks } from '../protocols/endpoint-test/webhooks.ts';
import { messageWebhooks } from '../protocols/message/webhooks.ts';
import { notificationWebhooks } from '../protocols/notification/webhooks.ts';
import { tccWebhooks } from '../protocols/tcc/webhooks.ts';

/** Every call that the gateway makes, protocol by protocol. */
export const WEBHOOKS: readonly Webhook[] = [
  ...notificationWebhooks,
  ...endpointTestWebhooks,
  ...eventWebhooks,
  ...messageWebhooks,
  ...tccWebhooks,
];
