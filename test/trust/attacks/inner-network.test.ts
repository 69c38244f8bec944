import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';

// Producers' systems are inside; no merchant may reach anything there.
let gateway: TestGateway;
let inside: Receiver;
let merchant: Awaited<ReturnType<TestGateway['merchant']>>;
let producer: Awaited<ReturnType<TestGateway['producer']>>;
beforeAll(async () => {
  inside = await startReceiver();
  const { host } = new URL(inside.url());
  gateway = await testGateway({ producerTargets: `http://${host}` });
  merchant = await gateway.merchant();
  producer = await gateway.producer();
});
afterAll(async () => {
  await gateway.close();
  await inside.close();
});

const transaction = (url: string) =>
  producer.api.post('/v1/transactions', {
    gid: `G-${Math.random().toString(36).slice(2)}`,
    businessKey: 'B',
    mode: 'managed',
    branches: [{ branchId: 'b', tryUrl: url, confirmUrl: url, cancelUrl: url, payload: {} }],
  });

test('a transaction reaches a participant at a listed address', async () => {
  const { body } = await transaction(inside.url('/tcc')).expect(201);
  await until(async () => {
    const { status } = (await producer.api.get(`/v1/transactions/${body.gid}`)).body;
    return status === 'confirmed';
  });
});

test('a participant elsewhere in the same network is refused', async () => {
  const port = Number(new URL(inside.url()).port) === 9 ? 10 : 9;
  const { body } = await transaction(`http://127.0.0.1:${port}/`).expect(422);
  expect(body.errors[0].path).toBe('body.branches.0.tryUrl');
});

test('a merchant cannot register it, nor be sent to it, nor have a message sent there', async () => {
  const url = inside.url('/secret');
  await merchant.api.post(`/v1/merchants/${merchant.id}/endpoints`, { url }).expect(422);
  const notification = { merchantId: merchant.id, type: 'a.b', businessKey: 'K', payload: {} };
  await producer.api.post('/v1/notifications', { ...notification, notifyUrl: url }).expect(422);
  // What got past the registration all the same, as under other settings.
  const id = 'dlv_inner';
  await gateway.db.database.pool.query(
    `WITH r AS (INSERT INTO receiver (id) VALUES ('url_inner'))
     INSERT INTO delivery (id, owner_kind, owner_id, purpose, merchant_id, type, business_key, queue, policy_version,
       receiver_id, url, status, due_at, accepted_at, deadline_at)
     SELECT $1, 'notification', n.id, 'notify', n.merchant_id, n.type, n.business_key, 'default', 1, 'url_inner', $2,
            'pending', postrider_now(), postrider_now(), postrider_now() + interval '1 hour'
       FROM notification AS n WHERE n.id = $3`,
    [id, url, (await producer.api.post('/v1/notifications', notification).expect(202)).body.id],
  );
  const attempts = await until(async () => {
    const { body } = await gateway.operator.get(`/v1/deliveries/${id}/attempts`);
    return body.data?.length > 0 && body.data;
  });
  expect(attempts).toMatchObject([{ outcome: 'blocked_target', statusCode: null }]);
  expect(inside.requests.every(({ path }) => path === '/tcc')).toBe(true);
});
