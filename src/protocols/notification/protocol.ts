import type { WebhookRequest } from '../../engine/http/send.ts';
import type { Protocol, Undeliverable } from '../../engine/protocol.ts';
import type { Claimed } from '../../engine/store/claim.ts';
import {
  type EndpointTarget,
  inItsFormat,
  type Targets,
} from '../../features/accounts/signing/destinations.ts';
import type { Sql } from '../../platform/db/client.ts';
import { memberText } from '../../platform/json/text.ts';
import { type Content, findContents } from './store/bodies.ts';

/**
 * Best-effort notification as a protocol on the engine. It has nothing to do when a delivery ends:
 * a notification's state is that of its deliveries.
 */
export function notificationProtocol(sql: Sql, targets: Targets): Protocol {
  return {
    async compose(deliveries) {
      const [contents, endpoints] = await Promise.all([
        findContents(sql, unique(deliveries.map((each) => each.ownerId))),
        targets.loadEndpointTargets(unique(deliveries.flatMap((each) => each.endpointId ?? []))),
      ]);
      const oneOff = deliveries.filter((each) => each.url !== null);
      const merchantIds = unique(
        oneOff.flatMap((each) => contents.get(each.ownerId)?.merchantId ?? []),
      );
      const merchantSecrets =
        merchantIds.length > 0
          ? await targets.loadMerchantSecrets(merchantIds)
          : new Map<string, string[]>();

      const letters = new Map<string, WebhookRequest | Undeliverable>();
      for (const delivery of deliveries) {
        const content = contents.get(delivery.ownerId);
        if (content === undefined) continue;
        const letter =
          delivery.url !== null
            ? toOwnUrl(delivery.url, content, merchantSecrets.get(content.merchantId))
            : toEndpoint(delivery, content, endpoints);
        if (letter !== null) letters.set(delivery.id, letter);
      }
      return letters;
    },
  };
}

function toOwnUrl(
  url: string,
  content: Content,
  secrets: string[] | undefined,
): WebhookRequest | null {
  if (secrets === undefined) return null;
  return { url, headers: {}, body: content.body, secrets, webhookId: content.id };
}

function toEndpoint(
  delivery: Claimed,
  content: Content,
  targets: Map<string, EndpointTarget>,
): WebhookRequest | Undeliverable | null {
  const target = delivery.endpointId === null ? undefined : targets.get(delivery.endpointId);
  if (target === undefined) return null;
  // It was deleted while this delivery was being made, so the deletion did not see it.
  if (target.deleted) return { undeliverable: { status: 'cancelled', reason: 'endpoint_deleted' } };
  const body = target.body === 'raw' ? (memberText(content.body, 'data') ?? '') : content.body;
  const { url, headers, secrets } = target;
  const letter: WebhookRequest = { url, headers, body, secrets, webhookId: content.id };
  return inItsFormat(letter, target, content.body, delivery.leasedAtMs);
}

function unique(ids: string[]): string[] {
  return [...new Set(ids)];
}
