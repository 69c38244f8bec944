import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestGateway, testGateway } from '../support/gateway.ts';
import { hang, type Receiver, startReceiver } from '../support/receiver.ts';

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
