import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestGateway, testGateway } from '../support/gateway.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { becomes, branch } from './tcc/participants.ts';

/** Numbers that no double holds, and others that would be printed in another way. */
const PAYLOAD =
  '{ "account":12345678901234567890.123, "most":1e400, "least":-1E-400,"tenth":0.1000000000000000055,' +
  '"money":100.00,"zero":-0.0,"list":[9007199254740993,1E+2],"text":"\\u00e9 12345678901234567890"}';
const JSON_TYPE = { 'content-type': 'application/json' };

let gateway: TestGateway;
let producer: Awaited<ReturnType<TestGateway['producer']>>;
let merchant: Awaited<ReturnType<TestGateway['merchant']>>;
let receiver: Receiver;

beforeAll(async () => {
  gateway = await testGateway({ sweepEveryMs: 200 });
  receiver = await startReceiver();
  producer = await gateway.producer();
  merchant = await gateway.merchant();
  for (const body of ['envelope', 'raw']) {
    await merchant.api
      .post(`/v1/merchants/${merchant.id}/endpoints`, { url: receiver.url(`/${body}`), body })
      .expect(201);
  }
});
afterAll(async () => {
  await gateway?.close();
  await receiver?.close();
});

/** As text, in which the payload stands as it was written. */
const withPayload = (body: object) => JSON.stringify(body).replaceAll('"PAYLOAD"', () => PAYLOAD);
const bodyOf = async (path: string, businessKey = '') =>
  (await receiver.waitFor((each) => each.path === path && each.body.includes(businessKey))).body;
const event = (businessKey: string) => ({
  merchantId: merchant.id,
  type: 'order.paid',
  businessKey,
  payload: 'PAYLOAD',
});
const branches = (...ids: string[]) =>
  ids.map((id) => ({ ...branch(receiver, id), payload: 'PAYLOAD' }));

test('a notification: to both kinds of endpoints, in its body and in the results', async () => {
  const { body } = await producer.api
    .post('/v1/notifications', withPayload(event('N-1')), JSON_TYPE)
    .expect(202);
  expect(await bodyOf('/envelope', 'N-1')).toContain(`"data":${PAYLOAD}}`);
  expect(await bodyOf('/raw')).toBe(PAYLOAD);
  for (const path of [`/v1/notifications/${body.id}/body`, '/v1/results/N-1']) {
    expect((await merchant.api.get(path).expect(200)).text).toContain(PAYLOAD);
  }
  const { text } = await merchant.api
    .post('/v1/results/query', { businessKeys: ['N-1'] })
    .expect(200);
  expect(text).toContain(PAYLOAD);
});

test('the same in a batch', async () => {
  await producer.api
    .post('/v1/notifications/batch', withPayload({ notifications: [event('B-1')] }), JSON_TYPE)
    .expect(202);
  expect(await bodyOf('/envelope', 'B-1')).toContain(`"data":${PAYLOAD}}`);
});

test('a reliable message: to its consumers, and in the body of its notification', async () => {
  const asked = { checkUrl: receiver.url('/check'), checkAfterSeconds: 0, completion: 'http' };
  receiver.answer({ body: '{"status":"committed"}' }, '/check');
  const message = withPayload({ messageId: 'M-1', notification: event('M-1'), ...asked });
  await producer.api.post('/v1/messages', message, JSON_TYPE).expect(201);
  expect(JSON.parse(await bodyOf('/check'))).toEqual({
    messageId: 'M-1',
    businessKey: 'M-1',
    checkNumber: 1,
  });
  expect(await bodyOf('/envelope', 'M-1')).toContain(`"data":${PAYLOAD}}`);
  const { body } = await producer.api.get('/v1/messages/M-1').expect(200);
  const path = `/v1/notifications/${body.notificationId}/body`;
  expect((await merchant.api.get(path).expect(200)).text).toContain(PAYLOAD);
  // Once more, with the last digit of one number changed: no double tells the two apart.
  const other = message.replace('567890.123', '567890.124');
  await producer.api.post('/v1/messages', message, JSON_TYPE).expect(200);
  await producer.api.post('/v1/messages', other, JSON_TYPE).expect(409);
});

test('a transaction: to its participants’ try and confirm, and in its own answers', async () => {
  const begun = withPayload({
    gid: 'G-1',
    businessKey: 'T-1',
    mode: 'managed',
    branches: branches('stock', 'points'),
  });
  const { text } = await producer.api.post('/v1/transactions', begun, JSON_TYPE).expect(201);
  expect(text.split(PAYLOAD)).toHaveLength(3);
  await becomes(producer.api, 'G-1', 'confirmed');
  for (const path of ['/stock/try', '/points/try', '/stock/confirm', '/points/confirm']) {
    expect(await bodyOf(path), path).toBe(PAYLOAD);
  }
  for (const path of ['/v1/transactions/G-1', '/v1/transactions?businessKey=T-1']) {
    const read = await producer.api.get(path).expect(200);
    expect(read.text.split(PAYLOAD), path).toHaveLength(3);
  }
});

test('a transaction that is cancelled, with a branch that was registered later', async () => {
  const begun = { gid: 'G-2', businessKey: 'T-2', mode: 'initiator', branches: branches('first') };
  await producer.api.post('/v1/transactions', withPayload(begun), JSON_TYPE).expect(201);
  const [later] = branches('later');
  await producer.api
    .post('/v1/transactions/G-2/branches', withPayload(later ?? {}), JSON_TYPE)
    .expect(201);
  const { text } = await producer.api.post('/v1/transactions/G-2/cancel', {}).expect(202);
  expect(text.split(PAYLOAD)).toHaveLength(3);
  await becomes(producer.api, 'G-2', 'cancelled');
  for (const path of ['/first/cancel', '/later/cancel']) {
    expect(await bodyOf(path), path).toBe(PAYLOAD);
  }
});
