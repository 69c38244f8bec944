import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';

let gateway: TestGateway;
let receiver: Receiver;

beforeAll(async () => {
  gateway = await testGateway();
  receiver = await startReceiver();
});
afterAll(async () => {
  await gateway.close();
  await receiver.close();
});

test('a ladder of which no rung comes before the deadline fails at it, with nothing sent', async () => {
  const merchant = await gateway.merchant();
  const rules = { ladderSeconds: [100], deadlineSeconds: 50, jitter: 0 };
  await gateway.operator.put('/v1/queues/never', rules).expect(200);
  const { body } = await gateway.operator
    .post('/v1/notifications', {
      merchantId: merchant.id,
      type: 'a.b',
      businessKey: 'K',
      payload: {},
      queue: 'never',
      notifyUrl: receiver.url(),
    })
    .expect(202);
  const [{ id, status, nextAttemptAt, deadlineAt }] = body.deliveries;
  expect([status, nextAttemptAt]).toEqual(['pending', deadlineAt]);
  await gateway.db.travel(51_000);
  const read = async () => (await gateway.operator.get(`/v1/deliveries/${id}`).expect(200)).body;
  await until(async () => (await read()).status === 'failed');
  expect(await read()).toMatchObject({ reason: 'deadline_passed', attemptCount: 0 });
  expect(receiver.requests).toHaveLength(0);
});
