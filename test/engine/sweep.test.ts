import { afterEach, beforeEach, expect, test } from 'vitest';
import { type TestGateway, testGateway } from '../support/gateway.ts';
import { hold, type Receiver, startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

const QUICK = { ladderSeconds: [0, 1, 1], deadlineSeconds: 600, jitter: 0, timeoutMs: 5000 };

let gateway: TestGateway;
let receiver: Receiver;
let merchantId: string;
const logs: string[] = [];

beforeEach(async () => {
  logs.length = 0;
  gateway = await testGateway({ onLog: (line) => logs.push(line) });
  receiver = await startReceiver();
  merchantId = (await gateway.merchant()).id;
  await gateway.operator.put('/v1/queues/quick', QUICK).expect(200);
  await gateway.operator
    .post(`/v1/merchants/${merchantId}/endpoints`, { url: receiver.url(), queue: 'quick' })
    .expect(201);
});
afterEach(async () => {
  await gateway.close();
  await receiver.close();
});

async function notify(): Promise<string> {
  const { body } = await gateway.operator
    .post('/v1/notifications', { merchantId, type: 'a.b', businessKey: 'k', payload: {} })
    .expect(202);
  return body.deliveries[0].id;
}
const read = async (id: string) => (await gateway.operator.get(`/v1/deliveries/${id}`)).body;
const outcomes = async (id: string) =>
  (await gateway.operator.get(`/v1/deliveries/${id}/attempts`)).body.data.map(
    (each: { outcome: string }) => each.outcome,
  );

test('a result that comes after its lease has run out is refused by its token', async () => {
  const held = hold(200);
  receiver.answer([held, 200]);
  const id = await notify();
  await receiver.waitFor(1);
  // The worker is not dead, only too slow for its lease: another process cannot know.
  const other = await testGateway({ roles: ['worker'], db: gateway.db });
  try {
    await gateway.db.travel(60_000);
    await receiver.waitFor(2);
    await until(async () => (await read(id)).status === 'delivered');
    held.release();
    await until(() => logs.some((line) => line.includes('attempt came too late')));
    expect(await outcomes(id)).toEqual(['unknown', 'success']);
    expect(await read(id)).toMatchObject({ status: 'delivered', attemptCount: 2 });
  } finally {
    await other.close();
  }
});

test('a process does not take its own attempt for lost, however late it is', async () => {
  const held = hold(200);
  receiver.answer(held);
  const id = await notify();
  await receiver.waitFor(1);
  await gateway.db.travel(60_000);
  // A sweep has been and gone: it has found what is due after the journey.
  const other = await notify();
  await receiver.waitFor(2);
  await gateway.db.travel(60_000);
  held.release();
  for (const each of [id, other]) {
    await until(async () => (await read(each)).status === 'delivered');
    expect(await outcomes(each)).toEqual(['success']);
  }
  expect(receiver.requests).toHaveLength(2);
});

test('what no wake was made for is found all the same', async () => {
  await gateway.stop();
  await gateway.db.database.prisma.$executeRaw`
    INSERT INTO notification (id, merchant_id, type, business_key, queue, occurred_at, accepted_at,
                              body, fingerprint, producer_key_id)
    VALUES ('ntf_lost', ${merchantId}, 'a.b', 'k', 'quick', now(), now(), '{"data":{}}', 'f', 'key')`;
  await gateway.db.database.prisma.$executeRaw`
    INSERT INTO delivery (id, owner_kind, owner_id, purpose, merchant_id, type, business_key, queue,
                          policy_version, receiver_id, endpoint_id, status, due_at, accepted_at, deadline_at)
    SELECT 'dlv_lost', 'notification', 'ntf_lost', 'notify', ${merchantId}, 'a.b', 'k', 'quick', 1, id,
           id, 'pending', postrider_now(), postrider_now(), postrider_now() + interval '1 hour'
      FROM endpoint WHERE merchant_id = ${merchantId}`;
  await gateway.start();
  const [request] = await receiver.waitFor(1);
  expect(request?.headers['webhook-id']).toBe('ntf_lost');
});

test('what waited past its deadline behind a stopped gateway is never sent', async () => {
  receiver.answer(500);
  const id = await notify();
  await receiver.waitFor(1);
  await gateway.stop();
  await gateway.db.travel(700_000);
  receiver.answer(200);
  await gateway.start();
  await until(async () => (await read(id)).status === 'failed');
  expect(await read(id)).toMatchObject({ reason: 'deadline_passed' });
  expect(receiver.requests).toHaveLength(1);
});
