import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';
import { countWhere, jobWhen, makeFailed } from './failed.ts';

let gateway: TestGateway;
let receiver: Receiver;
let merchantId: string;
let merchant: Awaited<ReturnType<TestGateway['merchant']>>;

beforeAll(async () => {
  gateway = await testGateway({ sweepEveryMs: 200 });
});
afterAll(() => gateway?.close());
beforeEach(async () => {
  receiver = await startReceiver();
  merchant = await gateway.merchant();
  merchantId = merchant.id;
  return () => receiver.close();
});

const reason = 'their server was down';
const failed = (count: number, endpoint = {}) =>
  makeFailed(gateway, { url: receiver.url(), count, merchantId, endpoint });
const resume = (endpointId: string) =>
  gateway.operator.post(`/v1/endpoints/${endpointId}/resume`).expect(200);
const start = async (ask: object) =>
  (await gateway.operator.post('/v1/resends', { reason, ...ask }).expect(202)).body;
const isOver = ({ status }: { status: string }) => status === 'completed';
const idsAt = ({ requests }: Receiver) => requests.map(({ headers }) => headers['webhook-id']);

describe('a bulk re-send', () => {
  test('sends everything that failed at an endpoint, once, and says who asked', async () => {
    const { endpointId } = await failed(30);
    await resume(endpointId);
    const asked = { filter: { endpointId }, reason, ratePerSecond: 500 };
    const { body: job, headers } = await gateway.operator.post('/v1/resends', asked).expect(202);
    expect(job).toMatchObject({ status: 'running', matched: 30, resent: 0, merchantId: null });
    expect(job.filter).toEqual({ endpointId: [endpointId], status: ['failed'] });
    expect(headers.get('location')).toBe(`/v1/resends/${job.id}`);

    const done = await jobWhen(gateway.operator, job.id, isOver);
    expect(done).toMatchObject({ matched: 30, resent: 30, skipped: 0, failed: 0, error: null });
    expect(Date.parse(done.finishedAt)).toBeGreaterThanOrEqual(Date.parse(done.startedAt));
    await receiver.waitFor(30);
    await until(
      async () =>
        (await countWhere(
          gateway.db,
          `status <> 'delivered' AND endpoint_id = '${endpointId}'`,
        )) === 0,
    );
    expect(new Set(idsAt(receiver)).size).toBe(30);
    expect(receiver.requests).toHaveLength(30);

    const { body: page } = await gateway.operator.get(`/v1/deliveries?endpointId=${endpointId}`);
    const { body } = await gateway.operator.get(`/v1/deliveries/${page.data[0].id}/attempts`);
    expect(body.data).toMatchObject([{ trigger: 'resend', cycle: 2, resentBy: job.id }]);
    const log = await gateway.operator.get(`/v1/audit-log?objectId=${job.id}`).expect(200);
    expect(log.body.data).toMatchObject([
      {
        action: 'resend.create',
        object: { kind: 'resend', id: job.id },
        reason,
        asked: { filter: { endpointId: [endpointId] }, ratePerSecond: 500 },
        before: null,
        after: { status: expect.any(String), matched: 30 },
        status: 202,
        actor: { role: 'operator' },
      },
    ]);
  });

  test('asked for as a dry run only counts', async () => {
    const { endpointId } = await failed(3);
    const ask = { filter: { endpointId }, reason, dryRun: true };
    const answer = await gateway.operator.post('/v1/resends', ask).expect(200);
    expect(answer.body).toEqual({ matched: 3 });
    const other = { ...ask, filter: { ...ask.filter, status: ['cancelled', 'pending'] } };
    expect((await gateway.operator.post('/v1/resends', other)).body).toEqual({ matched: 0 });
    expect(
      await countWhere(gateway.db, `status = 'failed' AND endpoint_id = '${endpointId}'`),
    ).toBe(3);
    const log = await gateway.operator.get('/v1/audit-log?action=resend.create').expect(200);
    const ofThis = log.body.data.filter((each: { asked: { filter: object } }) =>
      JSON.stringify(each.asked).includes(endpointId),
    );
    expect(ofThis).toEqual([]);
  });

  test('takes every part of its filter at its word', async () => {
    const { endpointId } = await failed(5);
    const count = async (filter: object) =>
      (
        await gateway.operator
          .post('/v1/resends', { filter: { merchantId, ...filter }, reason, dryRun: true })
          .expect(200)
      ).body.matched;
    expect(await count({})).toBe(5);
    expect(await count({ endpointId: [endpointId, 'ep_none'] })).toBe(5);
    expect(await count({ queue: 'bulk', type: 'payment.made' })).toBe(5);
    expect(await count({ queue: 'default' })).toBe(0);
    expect(await count({ type: 'payment' })).toBe(0);
    expect(await count({ businessKeys: [`${merchantId}-1`, `${merchantId}-4`, 'none'] })).toBe(2);
    expect(await count({ status: ['failed', 'delivered'] })).toBe(5);
    const [first] = (await gateway.operator.get(`/v1/deliveries?endpointId=${endpointId}`)).body
      .data;
    expect(await count({ to: first.acceptedAt })).toBeLessThan(5);
    expect(await count({ from: new Date(Date.parse(first.acceptedAt) + 1).toISOString() })).toBe(0);
  });

  test.each([
    ['no filter at all', { filter: {} }],
    ['too many business keys', { filter: { businessKeys: Array(501).fill('K') } }],
    ['an unknown field', { filter: { merchant: 'm' } }],
    ['a rate beyond reason', { filter: { queue: 'bulk' }, ratePerSecond: 1e6 }],
    ['an empty reason', { filter: { queue: 'bulk' }, reason: '' }],
  ])('refuses %s', async (_name, ask) => {
    await gateway.operator.post('/v1/resends', { reason, ...ask }).expect(422);
  });

  test('leaves alone what was delivered, unless it is told to', async () => {
    const { endpointId } = await failed(4);
    await resume(endpointId);
    await jobWhen(gateway.operator, (await start({ filter: { endpointId } })).id, isOver);
    const open = `status <> 'delivered' AND endpoint_id = '${endpointId}'`;
    await until(async () => (await countWhere(gateway.db, open)) === 0);
    const filter = { endpointId, status: 'delivered' };
    const plain = await jobWhen(gateway.operator, (await start({ filter })).id, isOver);
    expect(plain).toMatchObject({ matched: 4, resent: 0, skipped: 4 });
    const forced = await jobWhen(
      gateway.operator,
      (await start({ filter, force: true })).id,
      isOver,
    );
    expect(forced).toMatchObject({ matched: 4, resent: 4, skipped: 0 });
    await receiver.waitFor(8);
  });

  test('finds a listener for what had none; what still has none counts as failed', async () => {
    const send = (type: string) =>
      gateway.operator
        .post('/v1/notifications', { merchantId, type, businessKey: type, payload: {} })
        .expect(202);
    await Promise.all([send('late.one'), send('late.two'), send('never.heard')]);
    await gateway.operator
      .post(`/v1/merchants/${merchantId}/endpoints`, { url: receiver.url(), types: ['late.*'] })
      .expect(201);
    const job = await start({ filter: { merchantId, status: 'skipped' } });
    const done = await jobWhen(gateway.operator, job.id, isOver);
    expect(done).toMatchObject({ matched: 3, resent: 2, failed: 1, skipped: 0 });
    await receiver.waitFor(2);
  });

  test('keeps to its rate', async () => {
    const { endpointId } = await failed(20);
    await resume(endpointId);
    const from = Date.now();
    await start({ filter: { endpointId }, ratePerSecond: 10 });
    await receiver.waitFor(20);
    // Pages of three: the last one begins when six of them have had their time.
    const tookMs = (receiver.requests.at(-1)?.at ?? 0) - from;
    expect(tookMs).toBeGreaterThan(1_700);
    for (const { at } of receiver.requests) {
      const inTheSecondAfter = receiver.requests.filter(
        (each) => each.at >= at && each.at < at + 1000,
      );
      expect(inTheSecondAfter.length).toBeLessThanOrEqual(16);
    }
  });

  test('can be paused, resumed and cancelled; what was sent stays sent', async () => {
    const { endpointId } = await failed(40);
    await resume(endpointId);
    const { id } = await start({ filter: { endpointId }, ratePerSecond: 8 });
    const act = (verb: string) => gateway.operator.post(`/v1/resends/${id}/${verb}`);
    await jobWhen(gateway.operator, id, ({ resent }) => resent >= 2);
    const paused = (await act('pause').expect(200)).body;
    expect(paused).toMatchObject({ status: 'paused', finishedAt: null });
    await act('pause').expect(200);
    await receiver.waitFor(paused.resent);
    // A page would have come by now.
    await gateway.db.travel(5_000);
    const other = await start({ filter: { endpointId: 'ep_none' } });
    await jobWhen(gateway.operator, other.id, isOver);
    expect((await gateway.operator.get(`/v1/resends/${id}`)).body.resent).toBe(paused.resent);

    expect((await act('resume').expect(200)).body.status).toBe('running');
    const more = await jobWhen(gateway.operator, id, ({ resent }) => resent > paused.resent);
    const cancelled = (await act('cancel').expect(200)).body;
    expect(cancelled.status).toBe('cancelled');
    expect(cancelled.resent).toBeGreaterThanOrEqual(more.resent);
    expect(cancelled.resent).toBeLessThan(40);
    await act('cancel').expect(200);
    expect((await act('resume').expect(409)).body.code).toBe('resend_ended');
    expect((await act('pause').expect(409)).body.code).toBe('resend_ended');
    await receiver.waitFor(cancelled.resent);
    const log = await gateway.operator.get(`/v1/audit-log?objectId=${id}`).expect(200);
    const seen = log.body.data.map(({ action, status }: Record<string, unknown>) => [
      action,
      status,
    ]);
    expect(seen).toEqual([
      ['resend.pause', 409],
      ['resend.resume', 409],
      ['resend.cancel', 200],
      ['resend.cancel', 200],
      ['resend.resume', 200],
      ['resend.pause', 200],
      ['resend.pause', 200],
      ['resend.create', 202],
    ]);
  });

  test('goes on after a restart, where it was', async () => {
    const { endpointId } = await failed(30);
    await resume(endpointId);
    const { id } = await start({ filter: { endpointId }, ratePerSecond: 40 });
    await jobWhen(gateway.operator, id, ({ resent }) => resent >= 10);
    await gateway.stop();
    await gateway.start();
    expect(await jobWhen(gateway.operator, id, isOver)).toMatchObject({ resent: 30, skipped: 0 });
    await receiver.waitFor(30);
    await until(
      async () =>
        (await countWhere(
          gateway.db,
          `status <> 'delivered' AND endpoint_id = '${endpointId}'`,
        )) === 0,
    );
    expect(receiver.requests).toHaveLength(30);
  });

  test('counts as skipped what others sent, confirmed or cancelled meanwhile', async () => {
    const { endpointId } = await failed(12);
    const { id } = await start({ filter: { endpointId }, ratePerSecond: 4 });
    await jobWhen(gateway.operator, id, ({ resent }) => resent >= 1);
    await gateway.operator.post(`/v1/resends/${id}/pause`).expect(200);
    const { body } = await gateway.operator.get(
      `/v1/deliveries?endpointId=${endpointId}&status=failed`,
    );
    const [one] = body.data;
    await gateway.operator.post(`/v1/deliveries/${one.id}/resend`, { reason }).expect(202);
    await gateway.operator.post(`/v1/resends/${id}/resume`).expect(200);
    const done = await jobWhen(gateway.operator, id, isOver);
    expect(done).toMatchObject({ matched: 12, resent: 11, skipped: 1, failed: 0 });
    expect(await countWhere(gateway.db, `endpoint_id = '${endpointId}' AND cycle = 2`)).toBe(12);
  });

  test('that cannot go on says so, and not at the first trouble', async () => {
    const { endpointId } = await failed(2);
    const { pool } = gateway.db.database;
    await pool.query(`CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql
      AS $$ BEGIN RAISE EXCEPTION 'secret words of the database'; END $$`);
    await pool.query(`CREATE TRIGGER broken BEFORE UPDATE ON delivery FOR EACH ROW
      WHEN (NEW.endpoint_id = '${endpointId}') EXECUTE FUNCTION broken()`);
    const { id } = await start({ filter: { endpointId } });
    const tries = async () =>
      (await pool.query('SELECT tries FROM resend_job WHERE id = $1', [id])).rows[0].tries;
    for (let n = 1; n <= 7; n += 1) {
      await until(async () => (await tries()) === n, { what: `try ${n}` });
      await gateway.db.travel(2 ** n * 1000);
    }
    const job = await jobWhen(gateway.operator, id, ({ status }) => status === 'failed');
    expect(job).toMatchObject({
      resent: 0,
      error: expect.stringContaining('could not be made due'),
    });
    expect(JSON.stringify(job)).not.toContain('secret');
    await pool.query('DROP TRIGGER broken ON delivery');
  });
});

describe('a receiver that comes back', () => {
  test('gets no more at once than it takes, and what is new comes first', async () => {
    const { endpointId } = await failed(60, { maxInFlight: 3 });
    receiver.answer(() => ({ status: 200, delayMs: 40 }));
    await resume(endpointId);
    const { id } = await start({ filter: { endpointId }, ratePerSecond: 5000 });
    await jobWhen(gateway.operator, id, isOver);
    await receiver.waitFor(5);
    const { body } = await gateway.operator
      .post('/v1/notifications', {
        merchantId,
        type: 'payment.new',
        businessKey: 'NEW',
        payload: {},
      })
      .expect(202);
    const before = receiver.requests.length;
    await receiver.waitFor(({ headers }) => headers['webhook-id'] === body.id);
    // At most what was under way, and what took a place in the moment before.
    expect(idsAt(receiver).indexOf(body.id) - before).toBeLessThanOrEqual(6);
    expect(before).toBeLessThan(45);
    await receiver.waitFor(61);
    expect(receiver.maxInFlight).toBeLessThanOrEqual(3);
    expect(new Set(idsAt(receiver)).size).toBe(61);
  });
});

describe('merchants', () => {
  test('send again their own, and see their own jobs alone', async () => {
    const { endpointId } = await failed(2);
    const stranger = await gateway.merchant();
    const ask = { filter: { type: 'payment.made' }, reason };
    const foreign = await stranger.api.post('/v1/resends', ask).expect(202);
    expect(foreign.body).toMatchObject({ matched: 0, merchantId: stranger.id });
    expect(foreign.body.filter.merchantId).toEqual([stranger.id]);
    await stranger.api.post('/v1/resends', { ...ask, filter: { merchantId } }).expect(422);
    await stranger.api.post('/v1/resends', { ...ask, filter: { endpointId } }).expect(422);

    const { body: own } = await merchant.api.post('/v1/resends', ask).expect(202);
    expect(own).toMatchObject({ matched: 2, merchantId });
    await jobWhen(merchant.api, own.id, isOver);
    expect(await countWhere(gateway.db, `endpoint_id = '${endpointId}' AND cycle = 2`)).toBe(2);
    await stranger.api.get(`/v1/resends/${own.id}`).expect(404);
    await stranger.api.post(`/v1/resends/${own.id}/cancel`).expect(404);
    const operators = await start({ filter: { merchantId } });
    await merchant.api.get(`/v1/resends/${operators.id}`).expect(404);
    const list = (await merchant.api.get('/v1/resends').expect(200)).body.data;
    expect(list.map(({ id }: { id: string }) => id)).toEqual([own.id]);
    const all = (await gateway.operator.get(`/v1/resends?merchantId=${merchantId}`)).body.data;
    expect(all.map(({ id }: { id: string }) => id)).toEqual([own.id]);
  });

  test('have at most twenty jobs open', async () => {
    const ask = { filter: { type: 'payment.made' }, reason, ratePerSecond: 0.1 };
    await failed(200);
    const make = () => merchant.api.post('/v1/resends', ask);
    const answers = await Promise.all(Array.from({ length: 22 }, make));
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(20).fill(202), 409, 409]);
    expect(answers.find(({ status }) => status === 409)?.body.code).toBe('too_many_resends');
    for (const { body } of answers.filter(({ status }) => status === 202)) {
      await merchant.api.post(`/v1/resends/${body.id}/cancel`).expect(200);
    }
  });
});
