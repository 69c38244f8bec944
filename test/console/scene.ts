import type { TestGateway } from '../support/gateway.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

const MINUTE = 60_000;

export interface Scene {
  merchant: { id: string; key: string };
  /** Of a notification whose receiver is down, some rungs down its ladder. */
  struggling: { id: string; deliveryId: string };
  receiver: Receiver;
  close(): Promise<void>;
}

/** Deterministic, so that two runs of the screenshots look alike. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

/** An hour of a shop's day: mostly well, with a receiver that is down and one that is sometimes slow. */
export async function playAnHour(gateway: TestGateway, minutes = 60): Promise<Scene> {
  const receiver = await startReceiver();
  const roll = dice(7);
  receiver.answer(() => ({ status: roll() < 0.03 ? 503 : 200, delayMs: 8 + roll() ** 6 * 350 }));
  receiver.answer(
    { status: 500, body: '<h1>Internal Server Error</h1>\norders: too many connections' },
    '/orders',
  );
  receiver.answer({ status: 200, body: 'success' }, '/refunds');
  await gateway.operator.put('/v1/queues/payments', {
    preset: 'wechatpay',
    jitter: 0.1,
  });
  const [tea, books] = await Promise.all([
    gateway.merchant('m_tea-house'),
    gateway.merchant('m_bookshop'),
  ]);
  const listen = (merchantId: string, path: string, types: string[]) =>
    gateway.operator
      .post(`/v1/merchants/${merchantId}/endpoints`, { url: receiver.url(path), types })
      .expect(201);
  await Promise.all([
    listen(tea.id, '/webhooks/payments', ['payment.*']),
    listen(tea.id, '/refunds', ['refund.*']),
    listen(books.id, '/hooks', ['payment.*']),
  ]);
  await gateway.db.travel(-minutes * MINUTE);
  let order = 20_480;
  const payment = (merchantId: string, more: object = {}) => {
    order += 1;
    const amount = (10 + Math.floor(roll() * 90_000) / 100).toFixed(2);
    return {
      merchantId,
      type: roll() < 0.12 ? 'refund.succeeded' : 'payment.succeeded',
      businessKey: `ORDER-20261122-${order}`,
      result: { status: 'SUCCESS', version: 1, amount, currency: 'CNY' },
      payload: {
        orderId: order,
        amount,
        channel: 'wechat',
        items: [{ sku: 'T-100', quantity: 2 }],
      },
      queue: 'payments',
      ...more,
    };
  };
  let struggling = { id: '', deliveryId: '' };
  for (let minute = 0; minute < minutes; minute += 1) {
    const wave = 14 + Math.round(9 * Math.sin(minute / 7) + roll() * 6);
    const notifications = Array.from({ length: wave }, () =>
      payment(roll() < 0.65 ? tea.id : books.id),
    );
    if (minute % 9 === 4) {
      notifications.push(payment(books.id, { notifyUrl: receiver.url('/orders') }));
    }
    await gateway.operator.post('/v1/notifications/batch', { notifications }).expect(202);
    if (minute === Math.max(0, minutes - 22)) {
      const { body } = await gateway.operator
        .post(
          '/v1/notifications',
          payment(books.id, { type: 'payment.succeeded', notifyUrl: receiver.url('/orders') }),
        )
        .expect(202);
      struggling = { id: body.id, deliveryId: body.deliveries[0].id };
    }
    await settle(gateway);
    await gateway.db.travel(MINUTE);
  }
  await settle(gateway);
  return { merchant: tea, struggling, receiver, close: () => receiver.close() };
}

/** Until nothing is due any more. */
async function settle(gateway: TestGateway): Promise<void> {
  const { prisma } = gateway.db.database;
  await until(
    async () => {
      const [row] = await prisma.$queryRaw<{ due: number }[]>`
        SELECT count(*)::int AS due FROM delivery
         WHERE status = 'sending' OR (status = 'pending' AND due_at <= postrider_now())`;
      return row?.due === 0;
    },
    { timeoutMs: 20_000, what: 'nothing to be due' },
  );
}
