import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fingerprintOf } from '../../../src/platform/json/fingerprint.ts';
import { type TestGateway, testGateway } from '../../support/gateway.ts';

let gateway: TestGateway;
let merchantId: string;
let producer: Awaited<ReturnType<TestGateway['producer']>>;

beforeAll(async () => {
  gateway = await testGateway();
  merchantId = (await gateway.merchant()).id;
  producer = await gateway.producer();
});
afterAll(() => gateway.close());

const event = (eventId: string) => ({
  merchantId,
  type: 'payment.succeeded',
  businessKey: 'K',
  eventId,
  payload: { a: 1 },
});
const SPELT_OUT = [{ queue: null }, { result: null }, { notifyUrl: null }];

test.each(SPELT_OUT)('a notification again with %j is the same', async (more) => {
  const first = event(`evt-${Object.keys(more)}`);
  const { body } = await producer.api.post('/v1/notifications', first).expect(202);
  const again = await producer.api.post('/v1/notifications', { ...first, ...more }).expect(200);
  expect(again.body.id).toBe(body.id);
});

test.each(SPELT_OUT)('a message again with %j is the same', async (more) => {
  const messageId = `msg-${Object.keys(more)}`;
  const notification = event(messageId);
  const rules = { messageId, checkUrl: 'http://127.0.0.1:9/check', completion: 'http' };
  await producer.api.post('/v1/messages', { ...rules, notification }).expect(201);
  await producer.api
    .post('/v1/messages', { ...rules, notification: { ...notification, ...more } })
    .expect(200);
});

test('a confirmed message and the same notification are one event of one content', async () => {
  const notification = event('evt-confirmed');
  const { body } = await producer.api
    .post('/v1/messages', {
      notification,
      checkUrl: 'http://127.0.0.1:9/check',
      completion: 'http',
    })
    .expect(201);
  const confirmed = await producer.api.post(`/v1/messages/${body.id}/confirm`).expect(200);
  const again = await producer.api.post('/v1/notifications', notification).expect(200);
  expect(again.body.id).toBe(confirmed.body.notificationId);
  const other = { ...notification, payload: { a: 2 } };
  await producer.api.post('/v1/notifications', other).expect(409);
});

test('a transaction again with tryUrl: null is the same', async () => {
  const url = 'http://127.0.0.1:9/';
  const branch = { branchId: 'stock', confirmUrl: url, cancelUrl: url, payload: {} };
  const begin = (gid: string, more: object) =>
    producer.api.post('/v1/transactions', {
      gid,
      businessKey: 'K',
      mode: 'initiator',
      branches: [{ ...branch, ...more }],
    });
  await begin('tx-null', {}).expect(201);
  await begin('tx-null', { tryUrl: null }).expect(200);
  await begin('tx-null', { payload: { a: null } }).expect(409);
});

test('within a payload null is not nothing', async () => {
  const first = event('evt-payload');
  await producer.api.post('/v1/notifications', first).expect(202);
  const other = { ...first, payload: { a: 1, b: null } };
  await producer.api.post('/v1/notifications', other).expect(409);
});

test('contents without nulls keep the fingerprints that are stored', () => {
  const text = '{"merchantId":"m","payload":{"a":null,"payload":{"b":null}},"type":"a.b"}';
  expect(fingerprintOf({ type: 'a.b', ...JSON.parse(text) })).toBe(
    createHash('sha256').update(text).digest('base64url'),
  );
});

test('every optional member may be null', async () => {
  const members = { eventId: null, occurredAt: null, queue: null, result: null, notifyUrl: null };
  const { body } = await producer.api
    .post('/v1/notifications', { ...event('unused'), ...members })
    .expect(202);
  expect(body).toMatchObject({ eventId: null, queue: 'default', result: null });
  expect(body.occurredAt).toBe(body.acceptedAt);
});
