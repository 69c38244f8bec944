import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { hang, hold, type Receiver, startReceiver } from '../../support/receiver.ts';

let gateway: TestGateway;
let receiver: Receiver;
let merchant: Awaited<ReturnType<TestGateway['merchant']>>;
beforeAll(async () => {
  gateway = await testGateway({ roles: ['api'] });
  receiver = await startReceiver();
  merchant = await gateway.merchant();
});
afterAll(async () => {
  await gateway?.close();
  await receiver?.close();
});

async function endpointAt(path: string): Promise<string> {
  const at = `/v1/merchants/${merchant.id}/endpoints`;
  const { body } = await merchant.api.post(at, { url: receiver.url(path) }).expect(201);
  return body.id;
}

test('a test of an endpoint is one attempt: it is not sent again by hand, only made anew', async () => {
  receiver.answer(500, '/broken');
  const id = await endpointAt('/broken');
  const { body } = await merchant.api.post(`/v1/endpoints/${id}/test`).expect(200);
  expect(body).toMatchObject({ outcome: 'http_status', statusCode: 500 });
  const { rows } = await gateway.db.database.pool.query(
    `SELECT id FROM delivery WHERE owner_kind = 'ping' AND endpoint_id = $1`,
    [id],
  );
  const again = await merchant.api
    .post(`/v1/deliveries/${rows[0].id}/resend`, { reason: 'once more', force: true })
    .expect(409);
  expect(again.body.code).toBe('nothing_to_resend');
  await merchant.api.post(`/v1/endpoints/${id}/test`).expect(200);
  expect(receiver.requests).toHaveLength(2);
});

const testOf = (id: string) => merchant.api.post(`/v1/endpoints/${id}/test`);

test('a paused endpoint is not tested; a disabled one is', async () => {
  receiver.answer(410, '/gone');
  const id = await endpointAt('/gone');
  await merchant.api.post(`/v1/endpoints/${id}/pause`).expect(200);
  expect((await testOf(id).expect(409)).body.code).toBe('endpoint_paused');
  await merchant.api.post(`/v1/endpoints/${id}/resume`).expect(200);
  expect((await testOf(id).expect(200)).body.statusCode).toBe(410);
  const { body } = await merchant.api.get(`/v1/endpoints/${id}`).expect(200);
  expect(body.status).toBe('disabled');
  await testOf(id).expect(200);
});

test('an endpoint is tested once at a time, and a few times a minute', async () => {
  const held = hold(200);
  receiver.answer(held, '/held');
  const id = await endpointAt('/held');
  const first = testOf(id).then(({ status }) => status);
  await receiver.waitFor(({ path }) => path === '/held');
  expect((await testOf(id).expect(409)).body.code).toBe('endpoint_busy');
  held.release();
  expect(await first).toBe(200);
  for (let n = 0; n < 11; n += 1) await testOf(id).expect(200);
  const { body, headers } = await testOf(id).expect(429);
  expect([body.code, headers.get('retry-after')]).toEqual(['too_many_tests', '30']);
});

test('a test keeps to the rate of its endpoint', async () => {
  const id = await endpointAt('/slowly');
  await merchant.api.patch(`/v1/endpoints/${id}`, { ratePerSecond: 0.01 }).expect(200);
  await testOf(id).expect(200);
  expect((await testOf(id).expect(409)).body.code).toBe('endpoint_busy');
});

test('a shutdown gives up a test that is under way, and says so to who asked', async () => {
  receiver.answer(hang, '/silent');
  const id = await endpointAt('/silent');
  const asked = merchant.api.post(`/v1/endpoints/${id}/test`);
  await receiver.waitFor(({ path }) => path === '/silent');
  const beganAt = performance.now();
  await gateway.stop();
  // The attempt itself may last 15 s, and requests under way are waited for for 10 s.
  expect(performance.now() - beganAt).toBeLessThan(5_000);
  expect((await asked).body).toMatchObject({ outcome: 'unknown', statusCode: null });
  const { rows } = await gateway.db.database.pool.query(
    `SELECT status, attempt_count, lease_token FROM delivery WHERE endpoint_id = $1`,
    [id],
  );
  expect(rows).toEqual([{ status: 'pending', attempt_count: 0, lease_token: null }]);
  await gateway.start();
});
