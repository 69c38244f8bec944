import { batched } from '../platform/batch.ts';
import type { Clock } from '../platform/time/clock.ts';
import type { WebhookRequest } from './http/send.ts';
import type { Protocols, Undeliverable } from './protocol.ts';
import type { Claimed } from './store/claim.ts';

/** Deliveries of one protocol kind that are composed at the same time are composed together. */
export function composeThrough(
  protocols: Protocols,
  clock: Clock,
): (delivery: Claimed) => Promise<WebhookRequest | Undeliverable> {
  const composers = new Map(
    [...protocols].map(([kind, protocol]) => [
      kind,
      batched<Claimed, WebhookRequest | Undeliverable | Error>(
        {
          maxItems: 200,
          maxRuns: 2,
          maxWaiting: 10_000,
          whenFull: () => new Error('too many letters wait'),
          clock,
        },
        async (deliveries) => {
          const letters = await protocol.compose(deliveries);
          return deliveries.map(({ id }) => letters.get(id) ?? new Error(`no letter for ${id}`));
        },
      ),
    ]),
  );
  return async (delivery) => {
    const compose = composers.get(delivery.ownerKind);
    if (compose === undefined)
      throw new Error(`nobody owns deliveries of kind ${delivery.ownerKind}`);
    const letter = await compose(delivery);
    if (letter instanceof Error) throw letter;
    return letter;
  };
}
