import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';

// A producer's callback address is inside its own network: neither merchants nor other producers are to learn of it.
let gateway: TestGateway;
let receiver: Receiver;
let merchant: Awaited<ReturnType<TestGateway['merchant']>>;
let producer: Awaited<ReturnType<TestGateway['producer']>>;
let other: Awaited<ReturnType<TestGateway['producer']>>;
let id: string;
let callback: { id: string; url: string; businessKey: string };
beforeAll(async () => {
  gateway = await testGateway();
  receiver = await startReceiver();
  merchant = await gateway.merchant();
  producer = await gateway.producer();
  other = await gateway.producer();
  const at = `/v1/merchants/${merchant.id}/endpoints`;
  await merchant.api.post(at, { url: receiver.url('/hook') }).expect(201);
  const notifyProducer = { url: receiver.url('/inner-queue') };
  await gateway.operator.put('/v1/queues/telling', { notifyProducer }).expect(200);
  const { body } = await producer.api
    .post('/v1/notifications', {
      merchantId: merchant.id,
      type: 'order.paid',
      businessKey: 'ORDER-1',
      payload: {},
      queue: 'telling',
      notifyProducer: { url: receiver.url('/inner-own') },
    })
    .expect(202);
  id = body.id;
  callback = await until(async () => {
    const found = await gateway.operator.get('/v1/deliveries?queue=producer-callbacks').expect(200);
    const [first] = found.body.data;
    return first?.status === 'delivered' ? first : null;
  });
});
afterAll(async () => {
  await gateway.close();
  await receiver.close();
});

test('an operator sees it', () => {
  expect(callback).toMatchObject({ url: receiver.url('/inner-own'), businessKey: 'ORDER-1' });
});

test.each(['merchant', 'the other producer', 'the producer itself'])('%s does not', async (who) => {
  const { api } = who === 'merchant' ? merchant : who === 'the other producer' ? other : producer;
  const paths = [
    `/v1/notifications/${id}`,
    `/v1/notifications/${id}/body`,
    '/v1/notifications',
    '/v1/notifications?search=ORDER-1',
    `/v1/notifications?search=${encodeURIComponent(callback.url)}`,
    `/v1/notifications?search=${callback.id}`,
    '/v1/deliveries',
    '/v1/deliveries?queue=producer-callbacks',
    '/v1/deliveries?businessKey=ORDER-1',
    `/v1/results/ORDER-1?merchantId=${merchant.id}`,
    '/v1/queues',
    '/v1/queues/telling',
    '/v1/queues/telling/preview',
    ...(who === 'merchant'
      ? ['/v1/overview', `/v1/statements/${new Date().toISOString().slice(0, 10)}`]
      : []),
  ];
  for (const path of paths) {
    const { body } = await api.get(path);
    expect(JSON.stringify(body), path).not.toMatch(/inner-|notification\.delivered/);
  }
  for (const path of ['', '/attempts', '/schedule']) {
    await api.get(`/v1/deliveries/${callback.id}${path}`).expect(404);
  }
  const { body: deliveries } = await api.get('/v1/deliveries').expect(200);
  const ids = deliveries.data.map((each: { id: string }) => each.id);
  expect(ids).not.toContain(callback.id);
  const at = `/v1/deliveries/${callback.id}/resend`;
  await api.post(at, { reason: 'mine?' }).expect(who === 'merchant' ? 404 : 403);
});

test('what merchants get says nothing of it either', () => {
  const [hook] = receiver.requests.filter(({ path }) => path === '/hook');
  expect(`${hook?.body} ${JSON.stringify(hook?.headers)}`).not.toContain('inner-');
});

test('a key for one merchant cannot make the gateway call for another one', async () => {
  const stranger = await gateway.merchant();
  const narrow = await gateway.producer(merchant.id);
  await narrow.api
    .post('/v1/notifications', {
      merchantId: stranger.id,
      type: 'a.b',
      businessKey: 'k',
      payload: {},
      notifyProducer: { url: receiver.url('/inner-narrow') },
    })
    .expect(422);
  expect(receiver.requests.some(({ path }) => path === '/inner-narrow')).toBe(false);
});
