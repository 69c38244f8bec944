import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestGateway, testGateway } from '../support/gateway.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';

// No sweep comes to anybody's help for an hour: what happens here happens by wakes.
let gateway: TestGateway;
let receiver: Receiver;
beforeAll(async () => {
  gateway = await testGateway({ sweepEveryMs: 3_600_000 });
  receiver = await startReceiver();
});
afterAll(async () => {
  await gateway.close();
  await receiver.close();
});

test('an acceptance wakes its first attempt, and each attempt the next one', async () => {
  const rules = { ladderSeconds: [0, 1, 1], deadlineSeconds: 60, jitter: 0, timeoutMs: 2000 };
  await gateway.operator.put('/v1/queues/quick', rules).expect(200);
  const { id } = await gateway.merchant();
  await gateway.operator
    .post(`/v1/merchants/${id}/endpoints`, { url: receiver.url(), queue: 'quick' })
    .expect(201);
  receiver.answer([500, 500, 200]);
  await gateway.operator
    .post('/v1/notifications', { merchantId: id, type: 'a.b', businessKey: 'k', payload: {} })
    .expect(202);
  const requests = await receiver.waitFor(3);
  expect(requests.map(({ headers }) => headers['postrider-attempt'])).toEqual(['1', '2', '3']);
});
