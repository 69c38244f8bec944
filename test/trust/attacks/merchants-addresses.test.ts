import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';

// A merchant may have put a password into its address; the producers that send to it have no need to know it.
let gateway: TestGateway;
let receiver: Receiver;
let merchant: Awaited<ReturnType<TestGateway['merchant']>>;
let producer: Awaited<ReturnType<TestGateway['producer']>>;
let url: string;
beforeAll(async () => {
  gateway = await testGateway();
  receiver = await startReceiver();
  merchant = await gateway.merchant();
  producer = await gateway.producer();
  url = receiver.url('/hook?token=hush&x=1');
  await merchant.api.post(`/v1/merchants/${merchant.id}/endpoints`, { url }).expect(201);
});
afterAll(async () => {
  await gateway.close();
  await receiver.close();
});

const notification = (businessKey: string, more: object = {}) => ({
  merchantId: merchant.id,
  type: 'order.paid',
  businessKey,
  payload: {},
  ...more,
});

test('a producer sees where its notifications went, without the query', async () => {
  const { api } = producer;
  const sent = await api
    .post('/v1/notifications', notification('ORDER-1', { eventId: 'e1' }))
    .expect(202);
  const { id, deliveries } = sent.body;
  await receiver.waitFor(1);
  await until(async () => (await api.get(`/v1/notifications/${id}`)).body.status === 'delivered');
  const message = {
    checkUrl: receiver.url('/check'),
    notification: notification('ORDER-2'),
  };
  const prepared = await api.post('/v1/messages', { ...message, completion: 'http' }).expect(201);
  await api.post(`/v1/messages/${prepared.body.id}/confirm`).expect(200);
  const seen = [
    sent,
    await api.post('/v1/notifications', notification('ORDER-1', { eventId: 'e1' })),
    await api.get(`/v1/notifications/${id}`),
    await api.get('/v1/notifications'),
    await api.get(`/v1/deliveries/${deliveries[0].id}`),
    await api.get('/v1/deliveries'),
    await api.get(`/v1/results/ORDER-1?merchantId=${merchant.id}`),
    await api.get(`/v1/messages/${prepared.body.id}`),
    await api.get('/v1/messages'),
  ].map(({ body }) => JSON.stringify(body));
  const shown = url.replace(/\?.*/, '?…');
  expect(seen.filter((text) => !text.includes(shown))).toEqual([]);
  expect(seen.join()).not.toContain('hush');
});

test('the merchant and operators see it whole, and a producer what it has given itself', async () => {
  const own = receiver.url('/own?token=mine');
  const { body } = await producer.api
    .post('/v1/notifications', notification('ORDER-3', { notifyUrl: own }))
    .expect(202);
  expect(body.deliveries[0].url).toBe(own);
  const again = await producer.api.get(`/v1/notifications/${body.id}`).expect(200);
  expect(again.body.deliveries[0].url).toBe(own);
  const { body: first } = await gateway.operator
    .post('/v1/notifications', notification('ORDER-4'))
    .expect(202);
  for (const api of [merchant.api, gateway.operator]) {
    const { body: seen } = await api.get(`/v1/notifications/${first.id}`).expect(200);
    expect(seen.deliveries[0].url).toBe(url);
  }
});
