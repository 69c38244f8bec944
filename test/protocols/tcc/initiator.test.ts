import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { hold, type Receiver, startReceiver } from '../../support/receiver.ts';
import { becomes, branch, calls, view } from './participants.ts';

let gateway: TestGateway;
let producer: Awaited<ReturnType<TestGateway['producer']>>;
let shop: Receiver;

beforeAll(async () => {
  gateway = await testGateway();
  producer = await gateway.producer();
});
afterAll(() => gateway.close());
beforeEach(async () => {
  shop = await startReceiver();
});
afterEach(() => shop.close());

const begin = async (branchIds: string[], more: object = {}): Promise<string> => {
  const { body } = await producer.api
    .post('/v1/transactions', { businessKey: 'ORDER-1', mode: 'initiator', ...more })
    .expect(201);
  for (const id of branchIds) await register(body.gid, id).expect(201);
  return body.gid;
};
const register = (gid: string, id: string, more: object = {}) => {
  const { tryUrl: _own, ...rest } = branch(shop, id);
  return producer.api.post(`/v1/transactions/${gid}/branches`, { ...rest, ...more });
};
const confirm = (gid: string, query = '') =>
  producer.api.post(`/v1/transactions/${gid}/confirm${query}`);
const cancel = (gid: string, query = '') =>
  producer.api.post(`/v1/transactions/${gid}/cancel${query}`);

test('the caller tries; the gateway confirms in the order of registration', async () => {
  const gid = await begin(['stock', 'points']);
  expect((await confirm(gid).expect(202)).body.status).toBe('confirming');
  await becomes(producer.api, gid, 'confirmed');
  expect(calls(shop)).toEqual(['/stock/confirm', '/points/confirm']);
  expect((await confirm(gid).expect(200)).body.status).toBe('confirmed');
});

test('the caller cancels; the gateway cancels in the reverse order', async () => {
  const gid = await begin(['stock', 'points']);
  expect((await cancel(gid, '?waitMs=5000').expect(200)).body.status).toBe('cancelled');
  expect(calls(shop)).toEqual(['/points/cancel', '/stock/cancel']);
  expect((await cancel(gid).expect(200)).body.status).toBe('cancelled');
});

test('nobody’s turn comes before the one before it has answered yes', async () => {
  shop.answer([500, 500, 200], '/stock/confirm');
  const gid = await begin(['stock', 'points']);
  await confirm(gid).expect(202);
  await becomes(producer.api, gid, 'confirmed');
  expect(calls(shop)).toEqual([
    '/stock/confirm',
    '/stock/confirm',
    '/stock/confirm',
    '/points/confirm',
  ]);
  const [first, second, third] = shop.requests.map(({ at }) => at);
  expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(950);
  expect((third ?? 0) - (second ?? 0)).toBeGreaterThanOrEqual(1_950);
});

test('waitMs answers at the end of the second phase, or 202 when the time is up', async () => {
  const gate = hold();
  shop.answer(gate, '/stock/confirm');
  const gid = await begin(['stock']);
  expect((await confirm(gid, '?waitMs=100').expect(202)).body.status).toBe('confirming');
  const answer = confirm(gid, '?waitMs=10000');
  gate.release();
  expect((await answer.expect(200)).body.status).toBe('confirmed');
  await confirm(gid, '?waitMs=30001').expect(422);
});

test('without a branch there is nothing to do', async () => {
  expect((await confirm(await begin([])).expect(200)).body.status).toBe('confirmed');
  expect((await cancel(await begin([])).expect(200)).body.status).toBe('cancelled');
});

test('a decision is never turned round', async () => {
  const confirmed = await begin(['stock']);
  await confirm(confirmed).expect(202);
  expect((await cancel(confirmed).expect(409)).body.code).toBe('already_confirming');
  const cancelled = await begin(['stock']);
  await cancel(cancelled).expect(202);
  expect((await confirm(cancelled).expect(409)).body.code).toBe('already_cancelling');
  const { prisma } = gateway.db.database;
  await expect(
    prisma.$executeRaw`UPDATE tcc_transaction SET decision = 'cancel', cause = 'requested',
      status = 'cancelling', finished_at = NULL WHERE gid = ${confirmed}`,
  ).rejects.toThrow('never turned round');
});

test('the same branch again is the same one; another one under its id is a conflict', async () => {
  const gid = await begin(['stock']);
  await register(gid, 'stock').expect(200);
  const other = await register(gid, 'stock', { payload: { quantity: 6 } }).expect(409);
  expect(other.body.code).toBe('transaction_conflict');
  expect((await view(producer.api, gid)).branches).toHaveLength(1);
});

test('no branch comes in after the decision', async () => {
  const gid = await begin(['stock']);
  await confirm(gid).expect(202);
  expect((await register(gid, 'late').expect(409)).body.code).toBe('transaction_decided');
  await register(gid, 'stock').expect(200);
});

test('branches that register while it is decided are all called, or refused', async () => {
  for (let round = 0; round < 20; round += 1) {
    const gid = await begin(['first']);
    const registrations = Array.from({ length: 5 }, (_, n) => register(gid, `b${n}`));
    const [decided, ...answers] = await Promise.all([cancel(gid), ...registrations]);
    expect(decided.status).toBe(202);
    const taken = answers.flatMap(({ status }, n) => (status === 201 ? [`b${n}`] : []));
    const done = await becomes(producer.api, gid, 'cancelled');
    const names = done.branches.map(({ branchId }: { branchId: string }) => branchId).sort();
    expect(names).toEqual(['first', ...taken].sort());
  }
});

test('when its time is up it is cancelled, and a confirm comes too late', async () => {
  const gid = await begin(['stock'], { timeoutSeconds: 300 });
  await gateway.db.travel(301_000);
  expect((await confirm(gid).expect(409)).body.code).toBe('timed_out');
  const done = await becomes(producer.api, gid, 'cancelled');
  expect(done).toMatchObject({ cause: 'timed_out', decision: 'cancel' });
  expect((await register(gid, 'late').expect(409)).body.code).toBe('transaction_decided');
  expect((await cancel(gid).expect(200)).body.status).toBe('cancelled');
});

test('a transaction that nobody asks about any more is cancelled when its time is up', async () => {
  const gid = await begin(['stock'], { timeoutSeconds: 1 });
  await shop.waitFor(({ path }) => path === '/stock/cancel');
  expect((await becomes(producer.api, gid, 'cancelled')).cause).toBe('timed_out');
});
