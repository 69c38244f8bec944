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

/** The lanes of this process, as its metrics tell. */
const lanes = async () => {
  const { text } = await gateway.operator.get('/metrics').expect(200);
  return Number(/^postrider_worker_queues (\d+)$/m.exec(text)?.[1]);
};
/** As many as there are queues. */
const oneForEach = () =>
  until(async () => (await lanes()) === (await gateway.db.database.prisma.queue.count()), {
    what: 'a lane for each queue',
  });

/** Connections that the gateway has open, by what they are for. */
const connections = async () => {
  const { rows } = await gateway.db.database.pool.query<{ name: string; n: number }>(
    `SELECT application_name AS name, count(*)::int AS n FROM pg_stat_activity
      WHERE datname = current_database() AND application_name LIKE 'postrider %' GROUP BY 1`,
  );
  return new Map(rows.map(({ name, n }) => [name, n]));
};

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

test('the lane of a queue that goes is closed', async () => {
  for (const name of ['brief', 'other']) {
    await gateway.operator.put(`/v1/queues/${name}`, ONCE).expect(200);
  }
  await oneForEach();
  await gateway.operator.delete('/v1/queues/brief').expect(204);
  await oneForEach();
});

test('forty more queues take no more connections: one listens for all of them', async () => {
  const names = Array.from({ length: 40 }, (_, n) => `queue-${n}`);
  for (const name of names) await gateway.operator.put(`/v1/queues/${name}`, ONCE).expect(200);
  await oneForEach();

  const open = await connections();
  expect(open.get('postrider listens')).toBe(1);
  const timers = ['postrider timers', 'postrider wakes'].map((name) => open.get(name) ?? 0);
  expect(Math.max(...timers)).toBeLessThanOrEqual(4);
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
