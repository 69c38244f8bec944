import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestGateway, testGateway } from '../../support/gateway.ts';

let gateway: TestGateway;
let merchant: Awaited<ReturnType<TestGateway['merchant']>>;
let other: Awaited<ReturnType<TestGateway['merchant']>>;
let endpointId: string;
let wanted: { id: string; deliveries: { id: string }[] };

const URL = 'http://127.0.0.1:9/hook';
const OWN_URL = 'http://127.0.0.1:9/only-this-one';

beforeAll(async () => {
  gateway = await testGateway({ roles: ['api'] });
  [merchant, other] = await Promise.all([gateway.merchant(), gateway.merchant()]);
  const { body } = await merchant.api
    .post(`/v1/merchants/${merchant.id}/endpoints`, { url: URL })
    .expect(201);
  endpointId = body.id;
  wanted = await notify(merchant.id, { businessKey: 'ORDER-1', eventId: 'evt-1' });
  await notify(merchant.id, { businessKey: 'ORDER-2', notifyUrl: OWN_URL });
  await notify(other.id, { businessKey: 'ORDER-1' });
});
afterAll(() => gateway?.close());

async function notify(merchantId: string, more: object) {
  const { body } = await gateway.operator
    .post('/v1/notifications', { merchantId, type: 'payment.succeeded', payload: {}, ...more })
    .expect(202);
  return body;
}

async function search(text: string, api = gateway.operator): Promise<string[]> {
  const { body } = await api
    .get(`/v1/notifications?search=${encodeURIComponent(text)}`)
    .expect(200);
  return body.data.map((row: { businessKey: string; merchantId: string }) =>
    row.merchantId === merchant.id ? row.businessKey : `${row.businessKey} of another`,
  );
}

test('one box finds by order number, by any id, and by address', async () => {
  expect(await search('ORDER-1')).toEqual(['ORDER-1 of another', 'ORDER-1']);
  expect(await search('evt-1')).toEqual(['ORDER-1']);
  expect(await search(wanted.id)).toEqual(['ORDER-1']);
  expect(await search(wanted.deliveries[0]?.id ?? '')).toEqual(['ORDER-1']);
  expect(await search(endpointId)).toEqual(['ORDER-1']);
  expect(await search(merchant.id)).toEqual(['ORDER-2', 'ORDER-1']);
  expect(await search(URL)).toEqual(['ORDER-1']);
  expect(await search(OWN_URL)).toEqual(['ORDER-2']);
  expect(await search('nothing of this kind')).toEqual([]);
});

test('whoever searches finds nothing of another merchant', async () => {
  expect(await search('ORDER-1', other.api)).toEqual(['ORDER-1 of another']);
  for (const text of [wanted.id, wanted.deliveries[0]?.id ?? '', endpointId, URL, OWN_URL]) {
    expect(await search(text, other.api)).toEqual([]);
  }
  await other.api.get(`/v1/notifications/${wanted.id}/body`).expect(404);
  await other.api.get(`/v1/deliveries/${wanted.deliveries[0]?.id}/schedule`).expect(404);
});

test('the body is the text that is sent, numbers beyond 2^53 included', async () => {
  const text = `{"merchantId":"${merchant.id}","type":"a.b","businessKey":"BIG","payload":{"n":12345678901234567890}}`;
  const { body } = await gateway.operator.post('/v1/notifications', text).expect(202);
  const sent = await merchant.api.get(`/v1/notifications/${body.id}/body`).expect(200);
  expect(sent.text).toContain('"data":{"n":12345678901234567890}');
});
