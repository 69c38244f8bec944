import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { EVENT_TYPES } from '../../../src/features/event-types/catalogue.ts';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';
import { becomes, branch, calls, passPause, view } from './participants.ts';

const DAY_MS = 86_400_000;
const log: string[] = [];

let gateway: TestGateway;
let producer: Awaited<ReturnType<TestGateway['producer']>>;
let pager: Receiver;
let shop: Receiver;

beforeAll(async () => {
  gateway = await testGateway({ onLog: (line) => log.push(line), sweepEveryMs: 200 });
  producer = await gateway.producer();
  pager = await startReceiver();
  await gateway.operator
    .post('/v1/alert-endpoints', { url: pager.url('/'), types: ['alert.tcc.*'] })
    .expect(201);
  await gateway.operator
    .post('/v1/alert-endpoints', { url: pager.url('/events'), events: ['tcc.*'] })
    .expect(201);
});
afterAll(async () => {
  await gateway.close();
  await pager.close();
});
beforeEach(async () => {
  shop = await startReceiver();
});
afterEach(() => shop.close());

const decided = async (decision: 'confirm' | 'cancel', branchIds: string[]): Promise<string> => {
  const { body } = await producer.api
    .post('/v1/transactions', {
      businessKey: 'ORDER-1',
      mode: 'initiator',
      branches: branchIds.map((id) => branch(shop, id)),
    })
    .expect(201);
  await producer.api.post(`/v1/transactions/${body.gid}/${decision}`).expect(202);
  return body.gid;
};
const ask = (gid: string, branchId: string, what: string, body?: object) =>
  gateway.operator.post(`/v1/transactions/${gid}/branches/${branchId}/${what}`, body);
const paged = (type: string, gid: string) =>
  pager.waitFor(({ body }) => {
    const alert = JSON.parse(body);
    return alert.type === `alert.${type}` && alert.data.gid === gid;
  }, 15_000);
/** The same as an operational event, in the form of the catalogue. */
async function told(type: 'tcc.suspended' | 'tcc.conflict' | 'tcc.retrying', gid: string) {
  const fits = (event: { type: string }) => event.type === type;
  const { body } = await pager.waitFor(
    (each) => each.path === '/events' && fits(JSON.parse(each.body)) && each.body.includes(gid),
    15_000,
  );
  return EVENT_TYPES[type].data.strict().parse(JSON.parse(body).data);
}
/** The day of the second phase goes by while the gateway is at it. */
const dayPasses = () => gateway.db.travel(DAY_MS + 1_000);

test('the ladder of the second phase is data: at once, 1, 2, 5 … s, then hourly for a day', async () => {
  const { body } = await gateway.operator.get('/v1/queues/tcc-second').expect(200);
  expect(body.ladderSeconds.slice(0, 12)).toEqual([
    0, 1, 2, 5, 10, 30, 60, 300, 600, 1800, 3600, 3600,
  ]);
  const takenSeconds = body.ladderSeconds.reduce((sum: number, each: number) => sum + each, 0);
  expect(body.deadlineSeconds - takenSeconds).toBeLessThan(3600);
  expect(takenSeconds).toBeLessThan(body.deadlineSeconds);
  const tries = (await gateway.operator.get('/v1/queues/tcc-try')).body;
  expect(tries).toMatchObject({ ladderSeconds: [0], timeoutMs: 5000 });
});

test.each(['confirm', 'cancel'] as const)(
  'a branch that answers 409 to %s is asked again and raised, and the decision stays',
  async (decision) => {
    shop.answer([409, 200], `/stock/${decision}`);
    const gid = await decided(decision, ['stock']);
    await paged('tcc.conflict', gid);
    // What is told of the second one comes a minute later.
    if (decision === 'confirm') {
      expect(await told('tcc.conflict', gid)).toMatchObject({ items: [{ gid, failures: 1 }] });
    }
    const end = decision === 'confirm' ? 'confirmed' : 'cancelled';
    const done = await becomes(producer.api, gid, end);
    expect(done.branches[0]).toMatchObject({ status: end, failures: 1 });
    expect(calls(shop)).toEqual([`/stock/${decision}`, `/stock/${decision}`]);
    expect(log.some((line) => line.includes('"alert":"tcc.conflict"') && line.includes(gid))).toBe(
      true,
    );
  },
);

test('the third failure is raised once; a branch still at it (425) is no failure', async () => {
  shop.answer([425, 500, 500, 500, 200], '/stock/confirm');
  const gid = await decided('confirm', ['stock']);
  // 5 s of patience and 1 + 2 s of ladder.
  for (const [index, ms] of [5_000, 1_000, 2_000].entries()) {
    await passPause(
      { api: producer.api, db: gateway.db, gid },
      { op: 'confirm', attempts: index + 1, ms },
    );
  }
  const alert = JSON.parse((await paged('tcc.retrying', gid)).body);
  expect(alert).toMatchObject({
    businessKey: 'ORDER-1',
    data: { gid, branchId: 'stock', decision: 'confirm', failures: 3 },
  });
  expect(await told('tcc.retrying', gid)).toMatchObject({
    count: 1,
    items: [{ gid, failures: 3 }],
  });
  await becomes(producer.api, gid, 'confirmed', 15_000);
  const alerts = log.filter((line) => line.includes('"alert"') && line.includes(gid));
  expect(alerts).toHaveLength(1);
}, 40_000);

test('after a day it is suspended with the decision kept, and a retry finishes it in order', async () => {
  shop.answer(500, '/stock/confirm');
  const gid = await decided('confirm', ['stock', 'points', 'order']);
  await shop.waitFor(1);
  await dayPasses();
  const suspended = await becomes(producer.api, gid, 'suspended', 15_000);
  expect(suspended.decision).toBe('confirm');
  await paged('tcc.suspended', gid);
  const { items } = await told('tcc.suspended', gid);
  expect(items).toContainEqual(expect.objectContaining({ gid, decision: 'confirm' }));
  expect((await producer.api.post(`/v1/transactions/${gid}/cancel`).expect(409)).body.code).toBe(
    'already_confirming',
  );

  const early = await ask(gid, 'points', 'retry').expect(409);
  expect(early.body.code).toBe('not_its_turn');
  shop.answer(200, '/stock/confirm');
  await ask(gid, 'stock', 'retry', { reason: 'the stock service is back' }).expect(202);
  const done = await becomes(producer.api, gid, 'confirmed', 15_000);
  expect(done).toMatchObject({ suspendedAt: null, decision: 'confirm' });
  expect(calls(shop).slice(-3)).toEqual(['/stock/confirm', '/points/confirm', '/order/confirm']);
  await ask(gid, 'stock', 'retry').expect(202);
  expect(calls(shop).slice(-3)).toEqual(['/stock/confirm', '/points/confirm', '/order/confirm']);
}, 60_000);

test('an operator who did it by hand says so; the next branch follows', async () => {
  shop.answer(409, '/stock/confirm');
  const gid = await decided('confirm', ['stock', 'points']);
  await shop.waitFor(1);
  await ask(gid, 'stock', 'resolve', { outcome: 'cancelled', reason: 'x' }).expect(422);
  await ask(gid, 'stock', 'resolve', { outcome: 'done', reason: 'booked by hand' }).expect(200);
  const done = await becomes(producer.api, gid, 'confirmed');
  expect(done.branches).toMatchObject([
    { status: 'confirmed', resolvedReason: 'booked by hand' },
    { status: 'confirmed', resolvedReason: null },
  ]);
  await ask(gid, 'stock', 'resolve', { outcome: 'done', reason: 'again' }).expect(200);
  // Nothing of it is called any more.
  const pending = await until(async () => {
    const { branches } = await view(producer.api, gid);
    return branches.every((each: { calls: { status: string }[] }) =>
      each.calls.every(({ status }) => status === 'delivered' || status === 'cancelled'),
    );
  });
  expect(pending).toBe(true);
});

test('resolving the last stuck branch of a suspended transaction ends it', async () => {
  shop.answer(500, '/stock/cancel');
  const gid = await decided('cancel', ['stock']);
  await shop.waitFor(1);
  await dayPasses();
  await becomes(producer.api, gid, 'suspended', 15_000);
  await ask(gid, 'stock', 'resolve', { outcome: 'done', reason: 'gave it back' }).expect(200);
  expect((await view(producer.api, gid)).status).toBe('cancelled');
}, 30_000);

/** A re-send of a call's delivery, as of any other one. */
const resend = (deliveryId: string, force = false) =>
  gateway.operator.post(`/v1/deliveries/${deliveryId}/resend`, { reason: 'by hand', force });
const callOf = async (gid: string, branchId: string, op: string): Promise<string> => {
  const { branches } = await view(producer.api, gid);
  const found = branches.find((each: { branchId: string }) => each.branchId === branchId);
  return found.calls.find((each: { op: string }) => each.op === op).deliveryId;
};

test('a re-send of a delivery goes no other way than the protocol: its turn, and not once it is done', async () => {
  shop.answer(500, '/stock/confirm');
  const gid = await decided('confirm', ['stock', 'points']);
  await shop.waitFor(1);
  const [stock, points] = [
    await callOf(gid, 'stock', 'confirm'),
    await callOf(gid, 'points', 'confirm'),
  ];
  for (const force of [false, true]) {
    expect((await resend(points, force).expect(409)).body.code).toBe('not_its_turn');
  }
  expect(calls(shop)).not.toContain('/points/confirm');

  await dayPasses();
  await becomes(producer.api, gid, 'suspended', 15_000);
  await resend(stock).expect(202);
  // It goes on, as after a retry.
  expect((await view(producer.api, gid)).status).toBe('confirming');
  shop.answer(200, '/stock/confirm');
  await becomes(producer.api, gid, 'confirmed', 15_000);
  const made = calls(shop).length;
  expect((await resend(stock).expect(409)).body.code).toBe('already_delivered');
  expect(calls(shop)).toHaveLength(made);
  // By force it hears it again, and whatever it says, the transaction has ended.
  shop.answer(500, '/stock/confirm');
  await resend(stock, true).expect(202);
  await shop.waitFor(made + 1);
  expect((await view(producer.api, gid)).status).toBe('confirmed');
}, 60_000);

test('what was done by hand is not called any more, by a re-send either', async () => {
  shop.answer(409, '/stock/confirm');
  const gid = await decided('confirm', ['stock']);
  await shop.waitFor(1);
  await ask(gid, 'stock', 'resolve', { outcome: 'done', reason: 'booked by hand' }).expect(200);
  const made = calls(shop).length;
  const refused = await resend(await callOf(gid, 'stock', 'confirm'), true).expect(409);
  expect(refused.body.code).toBe('already_delivered');
  expect(calls(shop)).toHaveLength(made);
});

test('a try is not made again: not when it has succeeded, not after the decision', async () => {
  shop.answer(425, '/points/try');
  const { body } = await producer.api
    .post('/v1/transactions', {
      businessKey: 'TRIES',
      mode: 'managed',
      branches: [branch(shop, 'stock'), branch(shop, 'points')],
    })
    .expect(201);
  const [stock, points] = [
    await callOf(body.gid, 'stock', 'try'),
    await callOf(body.gid, 'points', 'try'),
  ];
  const triedOnce = async () =>
    (await gateway.operator.get(`/v1/deliveries/${stock}`).expect(200)).body.status === 'delivered';
  await until(triedOnce);
  for (const force of [false, true]) {
    expect((await resend(stock, force).expect(409)).body.code).toBe('already_delivered');
  }
  await producer.api.post(`/v1/transactions/${body.gid}/cancel`, {});
  await becomes(producer.api, body.gid, 'cancelled', 15_000);
  for (const id of [stock, points]) {
    expect((await resend(id, true).expect(409)).body.code).toBe('transaction_decided');
  }
  expect(calls(shop).filter((path) => path === '/stock/try')).toHaveLength(1);
}, 30_000);

describe('a participant that has moved', () => {
  const moveTo = (gid: string, branchId: string, body: object) =>
    gateway.operator.patch(`/v1/transactions/${gid}/branches/${branchId}`, {
      reason: 'moved to the new cluster',
      ...body,
    });

  test('is confirmed at its new address although that was decided at the old one', async () => {
    shop.answer(500, '/stock/confirm');
    const gid = await decided('confirm', ['stock']);
    await until(async () => (await view(producer.api, gid)).branches[0].failures > 0);
    const moved = await moveTo(gid, 'stock', { confirmUrl: shop.url('/moved/confirm') }).expect(
      200,
    );
    expect(moved.body.branches[0]).toMatchObject({
      confirmUrl: shop.url('/moved/confirm'),
      cancelUrl: shop.url('/stock/cancel'),
    });
    expect(moved.body.decision).toBe('confirm');
    await ask(gid, 'stock', 'retry').expect(202);
    await becomes(producer.api, gid, 'confirmed', 15_000);
    expect(calls(shop).at(-1)).toBe('/moved/confirm');
    const log = await gateway.operator.get('/v1/audit-log?action=transaction.move').expect(200);
    expect(log.body.data[0]).toMatchObject({
      reason: 'moved to the new cluster',
      asked: { branchId: 'stock', confirmUrl: shop.url('/moved/confirm') },
    });
  }, 30_000);

  test('is called there by its ladder, without anybody asking', async () => {
    shop.answer(500, '/stock/cancel');
    const gid = await decided('cancel', ['stock']);
    await until(async () => (await view(producer.api, gid)).branches[0].failures > 0);
    await moveTo(gid, 'stock', { cancelUrl: shop.url('/moved/cancel') }).expect(200);
    await gateway.db.travel(DAY_MS / 24);
    await becomes(producer.api, gid, 'cancelled', 15_000);
    expect(calls(shop).at(-1)).toBe('/moved/cancel');
  }, 30_000);

  test('may say so before anything is decided', async () => {
    const { body } = await producer.api
      .post('/v1/transactions', {
        businessKey: 'MOVED-EARLY',
        mode: 'initiator',
        branches: [branch(shop, 'stock')],
      })
      .expect(201);
    await moveTo(body.gid, 'stock', { confirmUrl: shop.url('/moved/confirm') }).expect(200);
    await producer.api.post(`/v1/transactions/${body.gid}/confirm`).expect(202);
    await becomes(producer.api, body.gid, 'confirmed', 15_000);
    expect(calls(shop)).toEqual(['/moved/confirm']);
  }, 30_000);

  test('is not moved when it has finished, nor to where nobody may call, nor by its producer', async () => {
    const gid = await decided('confirm', ['stock']);
    await becomes(producer.api, gid, 'confirmed', 15_000);
    const late = await moveTo(gid, 'stock', { confirmUrl: shop.url('/x') }).expect(409);
    expect(late.body.code).toBe('branch_finished');
    expect((await moveTo(gid, 'stock', {}).expect(422)).body.code).toBe('invalid_request');
    const refused = await moveTo(gid, 'stock', { cancelUrl: 'ftp://shop/cancel' }).expect(422);
    expect(refused.body.errors[0].path).toBe('body.cancelUrl');
    await moveTo(gid, 'nobody', { confirmUrl: shop.url('/x') }).expect(404);
    const path = `/v1/transactions/${gid}/branches/stock`;
    await producer.api.patch(path, { confirmUrl: shop.url('/x'), reason: 'mine' }).expect(403);
  }, 30_000);
});

test('only operators retry and resolve, and nothing before it is decided', async () => {
  const { body } = await producer.api
    .post('/v1/transactions', {
      businessKey: 'B',
      mode: 'initiator',
      branches: [branch(shop, 'stock')],
    })
    .expect(201);
  expect((await ask(body.gid, 'stock', 'retry').expect(409)).body.code).toBe('not_decided');
  await ask(body.gid, 'nobody', 'retry').expect(404);
  const path = `/v1/transactions/${body.gid}/branches/stock/retry`;
  await producer.api.post(path).expect(403);
});
