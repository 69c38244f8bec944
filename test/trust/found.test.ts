import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestGateway, testGateway } from '../support/gateway.ts';
import { sayRaw } from './wire.ts';

/** What the attacks in this folder have found once, each by itself and without chance. */

let gateway: TestGateway;
let merchant: Awaited<ReturnType<TestGateway['merchant']>>;
beforeAll(async () => {
  gateway = await testGateway({ roles: ['api'] });
  merchant = await gateway.merchant();
});
afterAll(() => gateway?.close());

describe.each([
  '0000-01-01T00:00:00Z',
  '0999-12-31T23:59:59Z',
  '9999-12-31T23:59:59-14:00',
  '2026-11-22T08:00:00+23:59',
  '2026-11-22T08:00:00-15:00',
])('a time that PostgreSQL or four digits cannot hold, %s → 422', (time) => {
  test('in a notification', async () => {
    const event = { merchantId: merchant.id, type: 'a.b', businessKey: 'K', payload: {} };
    await gateway.operator.post('/v1/notifications', { ...event, occurredAt: time }).expect(422);
  });

  test('in a key', async () => {
    const key = { role: 'producer', name: 'n', expiresAt: time };
    await gateway.operator.post('/v1/keys', key).expect(422);
  });

  test.each(['notifications', 'deliveries'])('in a filter of %s', async (list) => {
    const from = encodeURIComponent(time);
    await gateway.operator.get(`/v1/${list}?from=${from}`).expect(422);
  });
});

test.each([5e-324, 1e-300, 1e-9])(
  'a rate so low that sums overflow, %s a second, would stop a whole worker → 422',
  async (rate) => {
    const path = `/v1/merchants/${merchant.id}/endpoints`;
    const url = 'http://127.0.0.1:9/';
    await merchant.api.post(path, { url, ratePerSecond: rate }).expect(422);
    const { body } = await merchant.api.post(path, { url }).expect(201);
    await merchant.api.patch(`/v1/endpoints/${body.id}`, { ratePerSecond: rate }).expect(422);
    const answer = await gateway.operator.put('/v1/queues/slow', {
      ratePerSecondPerEndpoint: rate,
    });
    expect(answer.status).toBe(422);
  },
);

test.each([
  ['no Host', 'GET /healthz HTTP/1.1\r\n\r\n', 400, 'malformed_request'],
  ['two Hosts', 'GET /healthz HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n', 400, 'malformed_request'],
  [
    'a strange expectation',
    'POST /v1/merchants HTTP/1.1\r\nhost: x\r\nexpect: a miracle\r\n\r\n',
    417,
    'expectation_failed',
  ],
])('%s → a problem like any other', async (_name, request, status, code) => {
  const { answers } = await sayRaw(Number(new URL(gateway.url).port), Buffer.from(request));
  expect(answers).toHaveLength(1);
  const [answer] = answers;
  expect(answer?.status).toBe(status);
  expect(answer?.headers['content-type']).toBe('application/problem+json');
  const problem = JSON.parse(answer?.text ?? '');
  expect(problem).toMatchObject({ status, code, requestId: answer?.headers['x-request-id'] });
});
