import { invalid, Problem } from '../../api/problem.ts';
import { outOfScope } from '../../api/route.ts';
import { withoutQuery } from '../../engine/http/addresses.ts';
import { isProtocolQueue, keptForProtocol } from '../../engine/protocol-queues.ts';
import { originReceiver } from '../../engine/receiver-id.ts';
import type { NewDelivery } from '../../engine/store/create.ts';
import { newId } from '../../platform/ids.ts';
import { fingerprintOf } from '../../platform/json/fingerprint.ts';
import { unrounded } from '../../platform/json/text.ts';
import type { Offer } from './accept.ts';
import { TOLD } from './callbacks.ts';
import type { NewNotification } from './store/insert.ts';
import type { IntakeContext, Lane, ListeningEndpoint } from './store/subscribers.ts';

/** A notification ready to be stored, with all that its answer needs. */
export interface Planned {
  offer: Offer;
  row: NewNotification;
  /** The queues among its own in which it makes lower versions worthless. */
  supersedesIn: string[];
  /** Whether its producer may want to hear of its ends. */
  isTold: boolean;
  /** Addresses shown in the answer, by delivery id. */
  urls: Map<string, string>;
}

/** A sentence for the caller where an address may not be called; by whose it is. */
export interface UrlChecks {
  merchants(url: string): string | null;
  producers(url: string): string | null;
}

/** For addresses that were looked at before, and are again at each attempt. */
export const UNCHECKED: UrlChecks = { merchants: () => null, producers: () => null };

const SECOND = 1000;

/** Who is to get a notification, by which queue, and with which bytes. Pure but for new ids. */
export function fanOut(
  offer: Offer,
  audience: IntakeContext,
  checks: UrlChecks,
): Planned | Problem {
  const { input, principal } = offer;
  // Before anything is said of the merchant: whether it exists is not this key's to know.
  if (principal.merchants !== undefined && !principal.merchants.includes(input.merchantId)) {
    return outOfScope(`The key may not send to the merchant ${input.merchantId}.`);
  }
  const own = principal.merchantId === null || principal.merchantId === input.merchantId;
  if (!own || !audience.merchants.has(input.merchantId)) {
    return invalid(
      'body.merchantId',
      `There is no merchant ${input.merchantId}.`,
      'unknown_merchant',
    );
  }
  if (input.queue != null && isProtocolQueue(input.queue)) {
    return invalid('body.queue', keptForProtocol(input.queue), 'protocol_queue');
  }
  if (input.queue != null && !audience.lanes.has(input.queue)) {
    return invalid('body.queue', `There is no queue ${input.queue}.`, 'unknown_queue');
  }
  const refused = input.notifyUrl != null ? checks.merchants(input.notifyUrl) : null;
  if (refused !== null) return invalid('body.notifyUrl', refused);
  const untold = refusedCallback(offer, audience, checks);
  if (untold !== null) return untold;

  const targets = targetsOf(offer, audience);
  const first = targets[0]?.lane ?? laneOf(input.queue, audience);
  if (first === undefined)
    return new Problem(500, 'internal_error', 'The default queue is missing.');
  const isTold = input.notifyProducer != null || targets.some(({ lane }) => lane.tellsProducer);
  const deliveries = targets.map((target) => deliveryOf(offer, target, isTold));
  return {
    offer,
    row: rowOf(offer, first.queue, deliveries),
    isTold,
    supersedesIn: [...new Set(targets.flatMap(({ lane }) => (lane.supersede ? [lane.queue] : [])))],
    urls: new Map(
      targets.flatMap((target) => {
        const url = principal.role === 'producer' ? urlForProducer(target) : target.url;
        return url === null ? [] : [[target.deliveryId, url] as const];
      }),
    ),
  };
}

function refusedCallback(
  { input: { notifyProducer }, principal }: Offer,
  { signers }: IntakeContext,
  checks: UrlChecks,
): Problem | null {
  if (notifyProducer == null) return null;
  if (!signers.has(principal.keyId)) {
    return invalid(
      'body.notifyProducer',
      'The key has no callbackSecret to sign the callback with: only keys of producers do.',
      'no_callback_secret',
    );
  }
  const refused = checks.producers(notifyProducer.url);
  return refused === null ? null : invalid('body.notifyProducer.url', refused);
}

interface Target {
  deliveryId: string;
  lane: Lane;
  receiverId: string | null;
  endpointId: string | null;
  /** Shown in the answer. */
  url: string | null;
  /** An address for this delivery alone. */
  ownUrl: string | null;
}

function targetsOf({ input }: Offer, audience: IntakeContext): Target[] {
  const target = (queue: string | null | undefined, rest: Omit<Target, 'lane' | 'deliveryId'>) => {
    const lane = laneOf(queue, audience);
    return lane === undefined ? [] : [{ deliveryId: newId('dlv'), lane, ...rest }];
  };
  if (input.notifyUrl != null) {
    const receiverId = originReceiver(input.merchantId, input.notifyUrl);
    const url = input.notifyUrl;
    return target(input.queue, { receiverId, endpointId: null, url, ownUrl: url });
  }
  const listening = audience.endpoints.filter(
    (endpoint) => endpoint.merchantId === input.merchantId && listensTo(endpoint, input.type),
  );
  if (listening.length === 0) {
    return target(input.queue, { receiverId: null, endpointId: null, url: null, ownUrl: null });
  }
  return listening.flatMap((endpoint) =>
    target(input.queue ?? endpoint.queue, {
      receiverId: endpoint.id,
      endpointId: endpoint.id,
      url: endpoint.url,
      ownUrl: null,
    }),
  );
}

/** What a merchant has registered may hold a password in its query. */
function urlForProducer({ url, ownUrl }: Target): string | null {
  return ownUrl ?? (url && withoutQuery(url));
}

/** The named queue; `default` when none is named or it is gone. */
function laneOf(queue: string | null | undefined, { lanes }: IntakeContext): Lane | undefined {
  return (queue != null ? lanes.get(queue) : undefined) ?? lanes.get('default');
}

/** `payment.*` hears `payment.succeeded`; no filter hears everything. */
export function listensTo({ types }: Pick<ListeningEndpoint, 'types'>, type: string): boolean {
  return (
    types.length === 0 ||
    types.some((each) => (each.endsWith('*') ? type.startsWith(each.slice(0, -1)) : each === type))
  );
}

function deliveryOf({ id, input, principal }: Offer, target: Target, isTold: boolean): NewDelivery {
  return {
    id: target.deliveryId,
    ownerKind: isTold ? TOLD : 'notification',
    ownerId: id,
    purpose: 'notify',
    merchantId: input.merchantId,
    type: input.type,
    businessKey: input.businessKey,
    queue: target.lane.queue,
    policyVersion: target.lane.version,
    receiverId: target.receiverId,
    endpointId: target.endpointId,
    url: target.ownUrl,
    // A first rung behind the deadline is dropped: what is left is to fail when it comes.
    delayMs: Math.min(target.lane.firstDelaySeconds, target.lane.deadlineSeconds) * SECOND,
    deadlineMs: target.lane.deadlineSeconds * SECOND,
    producerKeyId: principal.keyId,
  };
}

function rowOf(offer: Offer, queue: string, deliveries: NewDelivery[]): NewNotification {
  const { id, input, payloadText, principal } = offer;
  const { merchantId, type, businessKey, result } = input;
  return {
    id,
    merchantId,
    type,
    businessKey,
    eventId: input.eventId ?? null,
    queue,
    notifyUrl: input.notifyUrl ?? null,
    notifyProducer: input.notifyProducer ?? null,
    occurredAt: input.occurredAt ?? null,
    resultStatus: result?.status ?? null,
    resultVersion: result?.version ?? 0,
    resultAmount: result?.amount ?? null,
    resultCurrency: result?.currency ?? null,
    head: `{"id":${JSON.stringify(id)},"type":${JSON.stringify(type)},"timestamp":"`,
    tail:
      `","businessKey":${JSON.stringify(businessKey)}` +
      `,"result":${JSON.stringify(result ?? null)},"data":${payloadText}}`,
    fingerprint: fingerprintOf({ ...input, payload: unrounded(input.payload, payloadText) }),
    producerKeyId: principal.keyId,
    deliveries,
  };
}
