import { setTimeout as pause } from 'node:timers/promises';
import type {
  AttemptView,
  DeliveryView,
  Notification,
} from '../protocols/notification/contract.ts';
import { type Api, apiOf } from './api.ts';
import { countDown } from './count-down.ts';
import type { Screen } from './screen.ts';
import { showAccepted, showArrival, showAttempts, showNotification, showStage } from './show.ts';
import type { Stage } from './stage.ts';

/** Attempt 1 at once, and what comes before each further one. */
const LADDER_SECONDS = [0, 2, 3];
/** The receiver is down for every attempt but the last. */
export const FAILURES = LADDER_SECONDS.length - 1;

const QUEUE = 'payments';
const MERCHANT = { id: 'm_tea_house', name: 'Tea House' };
const PAYMENT = {
  merchantId: MERCHANT.id,
  type: 'payment.succeeded',
  businessKey: 'ORDER-1001',
  eventId: 'pay-1001-succeeded',
  result: { status: 'SUCCESS', version: 1, amount: '100.00', currency: 'CNY' },
  payload: { orderId: 'ORDER-1001', items: [{ name: 'Longjing', grams: 250 }] },
  queue: QUEUE,
};

const LOOK_EVERY_MS = 20;

/** One payment: accepted, failing twice, delivered; and what the API says of it afterwards. */
export async function tell(stage: Stage, screen: Screen, signal: AbortSignal): Promise<void> {
  const producer = await prepare(stage, signal);
  showStage(screen, stage, { name: QUEUE, ladderSeconds: LADDER_SECONDS });

  const arrivals = stage.receiver.arrivals(signal);
  const startedAtMs = performance.now();
  const accepted = await producer<Notification>('POST', '/v1/notifications', PAYMENT);
  showAccepted(screen, accepted);
  const deliveryId = accepted.deliveries[0]?.id;
  if (deliveryId === undefined) throw new Error('The notification has no delivery.');

  let stopCountDown = () => {};
  for await (const arrival of arrivals) {
    stopCountDown();
    showArrival(screen, arrival, arrival.atMs - startedAtMs);
    const { nextAttemptAt } = await recorded(producer, deliveryId, arrival.attempt, signal);
    if (nextAttemptAt === null) break;
    stopCountDown = countDown(screen, Date.parse(nextAttemptAt), signal);
  }

  showNotification(screen, await producer('GET', `/v1/notifications/${accepted.id}`));
  const path = `/v1/deliveries/${deliveryId}/attempts`;
  const { data } = await producer<{ data: AttemptView[] }>('GET', path);
  showAttempts(screen, path, data);
}

/** A queue, a merchant with one endpoint, and a key for the producer that is going to notify it. */
async function prepare({ url, operatorKey, receiver }: Stage, signal: AbortSignal): Promise<Api> {
  const operator = apiOf(url, operatorKey, signal);
  await operator('PUT', `/v1/queues/${QUEUE}`, {
    ladderSeconds: LADDER_SECONDS,
    deadlineSeconds: 60,
    jitter: 0,
    timeoutMs: 5_000,
  });
  await operator('POST', '/v1/merchants', MERCHANT);
  const endpoint = await operator<{ secret: string }>(
    'POST',
    `/v1/merchants/${MERCHANT.id}/endpoints`,
    { url: receiver.url, types: ['payment.*'] },
  );
  receiver.trust(endpoint.secret);
  const { key } = await operator<{ key: string }>('POST', '/v1/keys', {
    role: 'producer',
    name: 'checkout',
  });
  return apiOf(url, key, signal);
}

/** The receiver has answered a moment before the gateway has recorded it: looks until it has. */
async function recorded(
  api: Api,
  deliveryId: string,
  attempt: number,
  signal: AbortSignal,
): Promise<DeliveryView> {
  for (;;) {
    const delivery = await api<DeliveryView>('GET', `/v1/deliveries/${deliveryId}`);
    if (delivery.attemptCount >= attempt && delivery.status !== 'sending') return delivery;
    await pause(LOOK_EVERY_MS, undefined, { signal });
  }
}
