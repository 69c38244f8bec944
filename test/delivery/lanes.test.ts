import { afterEach, beforeEach, expect, test } from 'vitest';
import { type TestGateway, testGateway } from '../support/gateway.ts';
import { hold, type Receiver, startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

const ONCE = { ladderSeconds: [0], deadlineSeconds: 600, jitter: 0, timeoutMs: 5000 };

let gateway: TestGateway;
let receiver: Receiver;
beforeEach(async () => {
  gateway = await testGateway();
  receiver = await startReceiver();
});
afterEach(async () => {
  await gateway.close();
  await receiver.close();
});

/** Connections that wait for wakes: each lane has one, which bears the name of its queue. */
const listening = async () => {
  const { rows } = await gateway.db.database.pool.query(`SELECT count(*)::int AS n
    FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'postrider-%'`);
  return rows[0].n;
};
/** As many as there are queues. */
const oneForEach = () =>
  until(async () => (await listening()) === (await gateway.db.database.prisma.queue.count()), {
    what: 'a listener for each queue',
  });

async function notify(): Promise<string> {
  const { id } = await gateway.merchant();
  await gateway.operator
    .post(`/v1/merchants/${id}/endpoints`, { url: receiver.url(), queue: 'brief' })
    .expect(201);
  const { body } = await gateway.operator
    .post('/v1/notifications', { merchantId: id, type: 'a.b', businessKey: 'k', payload: {} })
    .expect(202);
  return `/v1/deliveries/${body.deliveries[0].id}`;
}
const reaches = (path: string, status: string) =>
  until(async () => (await gateway.operator.get(path)).body.status === status);

test('the lane of a queue that goes is closed, and its connections with it', async () => {
  for (const name of ['brief', 'other']) {
    await gateway.operator.put(`/v1/queues/${name}`, ONCE).expect(200);
  }
  await oneForEach();
  await gateway.operator.delete('/v1/queues/brief').expect(204);
  await oneForEach();
});

test('what comes into a queue that is gone opens its lane again for as long as it takes', async () => {
  await gateway.operator.put('/v1/queues/brief', ONCE).expect(200);
  receiver.answer(500);
  const path = await notify();
  await reaches(path, 'failed');
  await gateway.operator.delete('/v1/queues/brief').expect(204);
  await oneForEach();

  const held = hold(200);
  receiver.answer(held);
  await gateway.operator.post(`${path}/resend`, { reason: 'late' }).expect(202);
  await receiver.waitFor(2);
  // Nothing is pending there any more: the lane is closed around the attempt under way.
  await oneForEach();
  expect((await gateway.operator.get(path)).body.status).toBe('sending');
  held.release();
  await reaches(path, 'delivered');
  expect(receiver.requests).toHaveLength(2);
});
