import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type TestGateway, testGateway } from '../support/gateway.ts';
import { hang, type Receiver, startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

const LADDER = {
  ladderSeconds: [0, 1, 1, 1, 1, 1],
  deadlineSeconds: 300,
  jitter: 0,
  timeoutMs: 1000,
};

// Two workers on one database: what one claims, the other must know of.
let gateway: TestGateway;
let second: TestGateway;
let receiver: Receiver;
let merchant: Awaited<ReturnType<TestGateway['merchant']>>;

beforeAll(async () => {
  gateway = await testGateway();
  second = await testGateway({ db: gateway.db, roles: ['worker'] });
  await gateway.operator.put('/v1/queues/limits', LADDER).expect(200);
});
afterAll(async () => {
  await second.close();
  await gateway.close();
});
beforeEach(async () => {
  receiver = await startReceiver();
  merchant = await gateway.merchant();
});
afterEach(() => receiver.close());

async function register(more: object = {}) {
  const { body } = await merchant.api
    .post(`/v1/merchants/${merchant.id}/endpoints`, {
      url: receiver.url(),
      queue: 'limits',
      ...more,
    })
    .expect(201);
  return body.id as string;
}

async function notify(count: number): Promise<void> {
  const notifications = Array.from({ length: count }, (_, n) => ({
    merchantId: merchant.id,
    type: 'payment.succeeded',
    businessKey: `K-${n}`,
    payload: {},
  }));
  const { body } = await gateway.operator
    .post('/v1/notifications/batch', { notifications })
    .expect(202);
  expect(body.data.every((item: { status: number }) => item.status === 202)).toBe(true);
}

const inState = async (status: string) => {
  const [row] = await gateway.db.database.prisma.$queryRaw<{ n: number }[]>`
    SELECT count(*)::int AS n FROM delivery WHERE merchant_id = ${merchant.id} AND status = ${status}`;
  return row?.n ?? 0;
};
const circuit = async (id: string) =>
  (await merchant.api.get(`/v1/endpoints/${id}`)).body.circuit.state;

test('never more attempts at once than the endpoint allows, over both workers', async () => {
  receiver.answer({ status: 200, delayMs: 30 });
  await register({ maxInFlight: 3 });
  await notify(120);
  await receiver.waitFor(120);
  await until(async () => (await inState('delivered')) === 120);
  expect(receiver.maxInFlight).toBe(3);
  expect(receiver.requests).toHaveLength(120);
});

test('never more starts a second than the endpoint allows, over both workers', async () => {
  await register({ ratePerSecond: 20 });
  await notify(60);
  await receiver.waitFor(60);
  const times = receiver.requests.map(({ at }) => at);
  const inOneSecond = times.map(
    (from) => times.filter((at) => at >= from && at < from + 1000).length,
  );
  expect(Math.max(...inOneSecond)).toBeLessThanOrEqual(21);
  // And it is used: 60 starts at 20/s take three seconds, not many more.
  expect((times.at(-1) as number) - (times[0] as number)).toBeLessThan(4500);
});

test('a receiver that hangs opens its circuit: probed one at a time, the rest waits unburnt', async () => {
  receiver.answer(hang);
  const id = await register({ maxInFlight: 5 });
  await notify(40);
  await until(async () => (await circuit(id)) === 'open', { timeoutMs: 15_000 });
  const untried = await inState('pending');
  expect(untried).toBeGreaterThan(30);
  receiver.answer(200);
  await until(async () => (await inState('delivered')) === 40, { timeoutMs: 20_000 });
  expect(await circuit(id)).toBe('closed');
}, 40_000);

test('one that asks for less gets less: after a 503 fewer at once, until successes lift it', async () => {
  let refusals = 0;
  receiver.answer(() => (refusals++ < 4 ? 503 : { status: 200, delayMs: 20 }));
  await register({ maxInFlight: 16 });
  await notify(60);
  await until(async () => (await inState('delivered')) === 60, { timeoutMs: 20_000 });
  expect(receiver.maxInFlight).toBeLessThanOrEqual(16);
});

test('Retry-After holds the whole endpoint, and nothing is lost meanwhile', async () => {
  receiver.answer([{ status: 429, headers: { 'retry-after': '2' } }, 200]);
  const id = await register({ maxInFlight: 1 });
  await notify(5);
  const [first] = await receiver.waitFor(1);
  await until(async () => (await circuit(id)) === 'open');
  await until(async () => (await inState('delivered')) === 5);
  const secondAt = receiver.requests[1]?.at as number;
  expect(secondAt - (first?.at as number)).toBeGreaterThanOrEqual(1900);
});

test('410 disables the endpoint until somebody resumes it', async () => {
  receiver.answer([410, 200]);
  const id = await register({ maxInFlight: 1 });
  await notify(3);
  const disabled = await until(async () => {
    const { body } = await merchant.api.get(`/v1/endpoints/${id}`);
    return body.status === 'disabled' ? body : null;
  });
  expect(disabled.disabledReason).toBe('gone');
  expect(await inState('failed')).toBe(1);
  await merchant.api.post(`/v1/endpoints/${id}/resume`).expect(200);
  await until(async () => (await inState('delivered')) === 2);
});

test('new notifications go before retries', async () => {
  receiver.answer(500);
  await gateway.operator
    .put('/v1/queues/order', { ...LADDER, ladderSeconds: [0, 1, 30] })
    .expect(200);
  const id = await register({ maxInFlight: 1, queue: 'order' });
  await notify(3);
  await receiver.waitFor(3);
  await merchant.api.post(`/v1/endpoints/${id}/pause`).expect(200);
  // The retries are due by now, and the new ones come later still.
  await until(async () => {
    const [row] = await gateway.db.database.prisma.$queryRaw<{ n: number }[]>`
      SELECT count(*)::int AS n FROM delivery
       WHERE merchant_id = ${merchant.id} AND status = 'pending' AND due_at <= postrider_now()`;
    return row?.n === 3;
  });
  await notify(3);
  receiver.answer(200);
  await merchant.api.post(`/v1/endpoints/${id}/resume`).expect(200);
  await receiver.waitFor(9);
  const attempts = receiver.requests.slice(3).map(({ headers }) => headers['postrider-attempt']);
  expect(attempts).toEqual(['1', '1', '1', '2', '2', '2']);
});
