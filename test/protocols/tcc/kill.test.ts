import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Api, apiOf } from '../../support/api.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { OPERATOR_KEY } from '../../support/gateway.ts';
import { spawnGatewayOn } from '../../support/gateway-process.ts';
import type { GatewayProcess } from '../../support/process.ts';
import { hang, hold, type Receiver, startReceiver } from '../../support/receiver.ts';
import { becomes, branch, calls } from './participants.ts';

/**
 * Longer than any lease: what a dead process was at is taken up again, by the next one as the first
 * thing it does. So the time passes before its start.
 */
const LEASES_END_MS = 60_000;

let db: TestDatabase;
let shop: Receiver;
let gateway: GatewayProcess | undefined;
let producer: Api;

beforeEach(async () => {
  db = await testDatabase();
  shop = await startReceiver();
});
afterEach(async () => {
  await gateway?.kill('SIGKILL');
  await shop.close();
  await db.drop();
});

async function launch(roles = 'api,worker'): Promise<void> {
  gateway = await spawnGatewayOn(db, undefined, { ROLES: roles });
}

async function begin(mode: 'managed' | 'initiator', timeoutSeconds = 600): Promise<string> {
  const url = () => gateway?.url ?? '';
  const { body: key } = await apiOf(url, OPERATOR_KEY)
    .post('/v1/keys', { role: 'producer', name: 'orders' })
    .expect(201);
  producer = apiOf(url, key.key);
  const { body } = await producer
    .post('/v1/transactions', {
      businessKey: 'ORDER-1',
      mode,
      timeoutSeconds,
      branches: ['stock', 'points', 'order'].map((id) => branch(shop, id)),
    })
    .expect(201);
  return body.gid;
}

const die = () => gateway?.kill('SIGKILL');

describe('kill -9', () => {
  test('before the decision, in the middle of the tries: all is cancelled', async () => {
    const gate = hold();
    shop.answer(gate, '/points/try');
    await launch();
    const gid = await begin('managed');
    await shop.waitFor(3);
    await die();
    gate.release();
    await db.travel(LEASES_END_MS);
    await launch();
    const done = await becomes(producer, gid, 'cancelled', 20_000);
    expect(done).toMatchObject({ decision: 'cancel', cause: 'try_failed' });
    expect(calls(shop).slice(3)).toEqual(['/order/cancel', '/points/cancel', '/stock/cancel']);
    expect(calls(shop).filter((path) => path === '/points/try')).toHaveLength(1);
  }, 60_000);

  test('before the decision, and nobody asks again: the timeout cancels', async () => {
    await launch();
    const gid = await begin('initiator', 60);
    await die();
    await db.travel(61_000);
    await launch();
    const done = await becomes(producer, gid, 'cancelled', 20_000);
    expect(done.cause).toBe('timed_out');
    expect(calls(shop)).toEqual(['/order/cancel', '/points/cancel', '/stock/cancel']);
  }, 60_000);

  test('after the decision, before anything was called: another process finishes it', async () => {
    await launch('api');
    const gid = await begin('initiator');
    await producer.post(`/v1/transactions/${gid}/confirm`).expect(202);
    await die();
    expect(calls(shop)).toEqual([]);
    await launch();
    await becomes(producer, gid, 'confirmed', 20_000);
    expect(calls(shop)).toEqual(['/stock/confirm', '/points/confirm', '/order/confirm']);
  }, 60_000);

  test('in the middle of the second phase: it goes on where it was, with the same id', async () => {
    shop.answer([hang, 200], '/points/confirm');
    await launch();
    const gid = await begin('initiator');
    await producer.post(`/v1/transactions/${gid}/confirm`).expect(202);
    await shop.waitFor(2);
    await die();
    await db.travel(LEASES_END_MS);
    await launch();
    const done = await becomes(producer, gid, 'confirmed', 20_000);
    expect(calls(shop)).toEqual([
      '/stock/confirm',
      '/points/confirm',
      '/points/confirm',
      '/order/confirm',
    ]);
    const [, first, second] = shop.requests.map(({ headers }) => headers['webhook-id']);
    expect(second).toBe(first);
    expect(done.branches[1].calls.at(-1).attempts).toMatchObject([
      { outcome: 'unknown' },
      { outcome: 'success' },
    ]);
  }, 60_000);
});
