import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';
import { becomes, branch } from './participants.ts';

type Producer = Awaited<ReturnType<TestGateway['producer']>>;

let gateway: TestGateway;
let shop: Receiver;
let one: Producer;
let other: Producer;

beforeAll(async () => {
  gateway = await testGateway();
  one = await gateway.producer();
  other = await gateway.producer();
});
afterAll(() => gateway.close());
beforeEach(async () => {
  shop = await startReceiver();
});
afterEach(() => shop.close());

/** Two producers begin different transactions of one gid; its branches call different paths. */
async function beginBoth(gid: string): Promise<void> {
  const begin = ({ api }: Producer, businessKey: string, branchId: string) => {
    const { tryUrl: _own, ...rest } = branch(shop, branchId);
    const transaction = { gid, businessKey, mode: 'initiator', branches: [rest] };
    return api.post('/v1/transactions', transaction).expect(201);
  };
  await begin(one, 'ORDER-ONE', 'stock');
  await begin(other, 'ORDER-OTHER', 'points');
}

test('two producers may choose the same gid, and each decides its own transaction', async () => {
  await beginBoth('order-1');
  await one.api.post('/v1/transactions/order-1/confirm').expect(202);
  await other.api.post('/v1/transactions/order-1/cancel').expect(202);
  await becomes(one.api, 'order-1', 'confirmed');
  await becomes(other.api, 'order-1', 'cancelled');
  expect(shop.requests.map(({ path }) => path).sort()).toEqual([
    '/points/cancel',
    '/stock/confirm',
  ]);
});

test('a producer sees its own transaction of a gid, and no other producer’s', async () => {
  await beginBoth('order-2');
  const { body } = await one.api.get('/v1/transactions/order-2').expect(200);
  expect(body.businessKey).toBe('ORDER-ONE');
  const list = await other.api
    .get('/v1/transactions?businessKey=ORDER-ONE,ORDER-OTHER')
    .expect(200);
  expect(new Set(list.body.data.map((each: { businessKey: string }) => each.businessKey))).toEqual(
    new Set(['ORDER-OTHER']),
  );
  await other.api.get(`/v1/transactions/order-2?producer=${body.producer}`).expect(404);
});

test('an operator says whose transaction is meant where two producers have the gid', async () => {
  await beginBoth('order-3');
  const { operator } = gateway;
  const ambiguous = await operator.post('/v1/transactions/order-3/cancel').expect(409);
  expect(ambiguous.body.code).toBe('ambiguous_gid');
  const mine = (await one.api.get('/v1/transactions/order-3').expect(200)).body.producer;
  expect(ambiguous.body.detail).toContain(mine);
  await operator.post(`/v1/transactions/order-3/cancel?producer=${mine}`, {}).expect(202);
  await becomes(one.api, 'order-3', 'cancelled');
  const { body } = await other.api.get('/v1/transactions/order-3').expect(200);
  expect(body.status).toBe('trying');
  const found = await operator.get(`/v1/transactions?producer=${mine}&businessKey=ORDER-ONE`);
  expect(found.body.data.map((each: { gid: string }) => each.gid)).toContain('order-3');
});

test('the same producer is still refused a second transaction of its gid', async () => {
  await beginBoth('order-4');
  const again = { gid: 'order-4', businessKey: 'ORDER-THREE', mode: 'initiator' };
  const refused = await one.api.post('/v1/transactions', again).expect(409);
  expect(refused.body.code).toBe('transaction_conflict');
});
