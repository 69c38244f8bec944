import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { EVENT_TYPES, type EventTypeName } from '../../../src/features/event-types/catalogue.ts';
import { tellFacts } from '../../../src/protocols/notification/operational/tell.ts';
import { enter, at as timeAt, utcDate } from '../../features/reconciliations/books.ts';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { hang, type Receiver, startReceiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';

let gateway: TestGateway;
let receiver: Receiver;
let merchant: Awaited<ReturnType<TestGateway['merchant']>>;
let producer: Awaited<ReturnType<TestGateway['producer']>>;

beforeAll(async () => {
  gateway = await testGateway({ sweepEveryMs: 50 });
  receiver = await startReceiver();
  producer = await gateway.producer();
  const rules = { jitter: 0, timeoutMs: 1000 };
  await gateway.operator.put('/v1/queues/once', { ...rules, ladderSeconds: [0] }).expect(200);
  await gateway.operator.put('/v1/queues/twice', { ...rules, ladderSeconds: [0, 1] }).expect(200);
});
afterAll(async () => {
  await gateway?.close();
  await receiver?.close();
});
beforeEach(async () => {
  merchant = await gateway.merchant();
});

const path = () => `/${randomBytes(6).toString('hex')}`;
const endpoint = async (fields: object) =>
  (await merchant.api.post(`/v1/merchants/${merchant.id}/endpoints`, fields).expect(201)).body;
/** An endpoint of the merchant that asks for operational events, and where they come. */
async function listener(events: string[], fields: object = {}) {
  const at = path();
  const { id } = await endpoint({ url: receiver.url(at), events, ...fields });
  return { id, at };
}
async function pager(events: string[]) {
  const at = path();
  const body = { url: receiver.url(at), events };
  const { id } = (await gateway.operator.post('/v1/alert-endpoints', body).expect(201)).body;
  return { id, at };
}
const notify = async (count = 1, queue = 'once') => {
  const notifications = Array.from({ length: count }, (_, n) => ({
    merchantId: merchant.id,
    type: 'payment.succeeded',
    businessKey: `ORDER-${n}`,
    payload: {},
    queue,
  }));
  const { body } = await producer.api.post('/v1/notifications/batch', { notifications });
  return body.data.map((each: { notification: { id: string } }) => each.notification);
};
// biome-ignore lint/suspicious/noExplicitAny: events are looked into by the tests themselves
const eventsAt = (at: string, type?: string): any[] =>
  receiver.requests
    .filter((request) => request.path === at)
    .map(({ body }) => JSON.parse(body))
    .filter((event) => type === undefined || event.type === type);
/** The first event of a type there; its data has the form that the catalogue says. */
async function eventAt(at: string, type: EventTypeName, timeoutMs = 15_000) {
  const { body } = await receiver.waitFor(
    (request) => request.path === at && JSON.parse(request.body).type === type,
    timeoutMs,
  );
  const event = JSON.parse(body);
  EVENT_TYPES[type].data.strict().parse(event.data);
  return event;
}
/** A second event of a kind comes a minute later; the test has no minute. */
const forgetWhatWasTold = () =>
  gateway.db.database.prisma.$executeRaw`DELETE FROM operational_told`;
/** Everything that was noted so far of this merchant has been told. */
async function allTold() {
  await until(async () => {
    const [row] = await gateway.db.database.prisma.$queryRaw<{ left: number }[]>`
      SELECT count(*)::int AS left FROM operational_fact WHERE merchant_id = ${merchant.id}`;
    return row?.left === 0;
  });
}

describe('a notification that has failed', () => {
  test('is told to its merchant and to operators, with what they need to find it', async () => {
    const { at } = await listener(['notification.failed']);
    const operators = await pager(['notification.*']);
    const broken = path();
    receiver.answer(500, broken);
    const { id: endpointId } = await endpoint({ url: receiver.url(broken) });
    const [{ id, deliveries }] = await notify();
    const event = await eventAt(at, 'notification.failed');
    expect(event).toMatchObject({ businessKey: merchant.id, result: null });
    expect(event.data).toEqual({
      merchantId: merchant.id,
      count: 1,
      items: [
        {
          notificationId: id,
          deliveryId: deliveries[0].id,
          endpointId,
          type: 'payment.succeeded',
          businessKey: 'ORDER-0',
          reason: 'ladder_spent',
          attemptCount: 1,
        },
      ],
    });
    expect((await eventAt(operators.at, 'notification.failed')).data).toEqual(event.data);
  });

  test('a crowd of failures is one event a minute, with their number', async () => {
    const { at } = await listener(['notification.failed']);
    const broken = path();
    receiver.answer(500, broken);
    await endpoint({ url: receiver.url(broken) });
    await notify();
    await eventAt(at, 'notification.failed');
    await notify(60);
    const failed = async () =>
      (await merchant.api.get(`/v1/deliveries?status=failed&limit=100`).expect(200)).body.data
        .length;
    await until(async () => (await failed()) === 61);
    expect(await tellFacts(gateway.db.database.prisma)).toBe(0);
    expect(eventsAt(at)).toHaveLength(1);
    await forgetWhatWasTold();
    await allTold();
    await until(() => eventsAt(at).length > 1);
    const told = eventsAt(at).slice(1);
    expect(told.reduce((sum, { data }) => sum + data.count, 0)).toBe(60);
    expect(told[0].data.items).toHaveLength(20);
  });

  test('of which nobody wants to hear is not noted', async () => {
    const broken = path();
    receiver.answer(500, broken);
    await endpoint({ url: receiver.url(broken) });
    const silent = await listener(['reconciliation.*', 'differences.found']);
    await gateway.db.database.prisma
      .$executeRaw`UPDATE endpoint SET deleted_at = now() WHERE merchant_id = '~operators'`;
    const [{ id }] = await notify();
    const status = async () =>
      (await merchant.api.get(`/v1/notifications/${id}`).expect(200)).body.status;
    await until(async () => (await status()) === 'failed');
    const facts = await gateway.db.database.prisma.$queryRaw<unknown[]>`
      SELECT 1 FROM operational_fact WHERE merchant_id = ${merchant.id}`;
    expect(facts).toEqual([]);
    expect(eventsAt(silent.at)).toEqual([]);
  });

  test('is told once by several workers at once', async () => {
    const { at } = await listener(['notification.failed']);
    const { prisma } = gateway.db.database;
    await prisma.$executeRaw`
      SELECT note_fact('notification.failed', ${merchant.id}, '', '{"n": 1}')`;
    await Promise.all(Array.from({ length: 5 }, () => tellFacts(prisma)));
    await allTold();
    await until(() => eventsAt(at).length > 0);
    const made = await prisma.$queryRaw<unknown[]>`
      SELECT 1 FROM notification WHERE merchant_id = ${merchant.id}`;
    expect(made).toHaveLength(1);
  });

  test('is told though a clock that was ahead says that it was told just now', async () => {
    const { at } = await listener(['notification.failed']);
    const { prisma } = gateway.db.database;
    await prisma.$executeRaw`
      INSERT INTO operational_told (type, merchant_id, subject, told_at)
      VALUES ('notification.failed', ${merchant.id}, '', postrider_now() + interval '1 day')`;
    await prisma.$executeRaw`
      SELECT note_fact('notification.failed', ${merchant.id}, '', '{"n": 1}')`;
    await allTold();
    await until(() => eventsAt(at).length > 0);
  });

  test('a telling that fails half-way is made good by the next one', async () => {
    await listener(['notification.failed']);
    const { prisma } = gateway.db.database;
    await gateway.stop();
    await prisma.$executeRaw`
      SELECT note_fact('notification.failed', ${merchant.id}, '', '{"n": 1}')`;
    const broken = new Proxy(prisma, {
      get: (target, name, self) =>
        name === '$transaction'
          ? (work: (tx: unknown) => unknown) =>
              target.$transaction(async (tx) => {
                await work(tx);
                throw new Error('the process dies before its commit');
              })
          : Reflect.get(target, name, self),
    });
    await expect(tellFacts(broken)).rejects.toThrow('dies');
    expect(await tellFacts(prisma)).toBe(1);
    await gateway.start();
  });
});

describe('an endpoint', () => {
  test('that answers 410 is told of as disabled, and as recovered when it is resumed', async () => {
    const { at } = await listener(['endpoint.*']);
    const gone = path();
    receiver.answer(410, gone);
    const { id } = await endpoint({ url: receiver.url(gone) });
    await notify();
    expect((await eventAt(at, 'endpoint.disabled')).data).toEqual({
      merchantId: merchant.id,
      endpointId: id,
      count: 1,
      reason: 'gone',
    });
    await merchant.api.post(`/v1/endpoints/${id}/resume`).expect(200);
    expect((await eventAt(at, 'endpoint.recovered')).data).toMatchObject({
      endpointId: id,
      from: 'disabled',
    });
  });

  test('whose circuit opens is told of once until it succeeds again', async () => {
    const { at } = await listener(['circuit.opened', 'endpoint.recovered']);
    const slow = path();
    receiver.answer(hang, slow);
    const { id } = await endpoint({ url: receiver.url(slow) });
    const view = async () => (await merchant.api.get(`/v1/endpoints/${id}`).expect(200)).body;
    await notify(15, 'twice');
    await until(async () => (await view()).circuit.state === 'open', { timeoutMs: 30_000 });
    expect((await eventAt(at, 'circuit.opened')).data).toEqual({
      merchantId: merchant.id,
      endpointId: id,
      count: 1,
    });
    // A probe that fails quickly closes the circuit; that is no recovery, and no second story.
    const receiverOf = gateway.db.database.prisma;
    await receiverOf.$executeRaw`
      UPDATE receiver SET failure_score = 0, pauses = 0, open_until = NULL WHERE id = ${id}`;
    await receiverOf.$executeRaw`
      UPDATE receiver SET failure_score = 200, pauses = 1, open_until = now() WHERE id = ${id}`;
    await forgetWhatWasTold();
    receiver.answer(200, slow);
    await notify();
    expect((await eventAt(at, 'endpoint.recovered', 60_000)).data).toMatchObject({
      endpointId: id,
      from: 'circuit_open',
    });
    await allTold();
    expect(eventsAt(at, 'circuit.opened')).toHaveLength(1);
  }, 90_000);

  test('on its way to an open circuit is told of at 50, 70 and 90 %, once each', async () => {
    const { at } = await listener(['endpoint.failing', 'circuit.opened']);
    const slow = path();
    receiver.answer(hang, slow);
    const { id } = await endpoint({ url: receiver.url(slow), maxInFlight: 1 });
    await notify(12);
    await eventAt(at, 'circuit.opened', 40_000);
    await allTold();
    const told = () => eventsAt(at).map(({ type, data }) => data.percent ?? type);
    await until(() => told().length >= 4);
    expect(told().toSorted()).toEqual([50, 70, 90, 'circuit.opened']);
    expect(EVENT_TYPES['endpoint.failing'].data.strict().parse(eventsAt(at)[0].data)).toMatchObject(
      { merchantId: merchant.id, endpointId: id, count: 1 },
    );
  }, 60_000);

  test('that is told of such things is told of nothing about itself', async () => {
    const { at } = await listener(['*'], { queue: 'once' });
    const operators = await pager(['*']);
    receiver.answer(410, at);
    const broken = path();
    receiver.answer(500, broken);
    await endpoint({ url: receiver.url(broken) });
    await notify();
    await eventAt(at, 'notification.failed');
    const own = async () =>
      (await merchant.api.get('/v1/deliveries?type=notification.failed').expect(200)).body.data[0];
    await until(async () => (await own()).status === 'failed');
    await allTold();
    expect(eventsAt(at)).toHaveLength(1);
    await receiver.waitFor(
      ({ path, body }) => path === operators.at && JSON.parse(body).data.merchantId === merchant.id,
    );
    expect(eventsAt(operators.at).filter(({ data }) => data.merchantId === merchant.id)).toEqual([
      expect.objectContaining({ type: 'notification.failed' }),
    ]);
  });
});

describe('a reconciliation', () => {
  const date = utcDate(-2);
  const noon = timeAt(date, '12:00');
  const handIn = async (records: object[]) => {
    const { body } = await merchant.api.post('/v1/reconciliations', { date, records }).expect(202);
    return { id: body.id };
  };

  test('that finds differences is told of with their number', async () => {
    const { at } = await listener(['reconciliation.finished', 'differences.found']);
    const record = { status: 'SUCCESS', amount: '1.00', currency: 'CNY' };
    await enter(gateway.db.database, merchant.id, [
      { businessKey: 'A', acceptedAt: noon, status: 'SUCCESS', amount: '1.00', currency: 'CNY' },
      { businessKey: 'B', acceptedAt: noon, status: 'SUCCESS', amount: '1.00', currency: 'CNY' },
    ]);
    const { id } = await handIn([
      { ...record, businessKey: 'A' },
      { ...record, businessKey: 'B', amount: '2.00' },
    ]);
    expect((await eventAt(at, 'reconciliation.finished')).data).toMatchObject({
      reconciliationId: id,
      date,
      timezone: 'UTC',
      status: 'completed',
      recordCount: 2,
      matched: 1,
      differenceCount: 1,
      pendingCutoff: 0,
    });
    expect((await eventAt(at, 'differences.found')).data).toMatchObject({
      reconciliationId: id,
      differenceCount: 1,
      differences: { amount_mismatch: 1 },
    });
  });

  test('that finds none is told of as finished alone', async () => {
    const { at } = await listener(['reconciliation.finished', 'differences.found']);
    await handIn([]);
    expect((await eventAt(at, 'reconciliation.finished')).data).toMatchObject({
      differenceCount: 0,
      matched: 0,
    });
    await allTold();
    expect(eventsAt(at, 'differences.found')).toEqual([]);
  });
});

describe('what an endpoint may ask for', () => {
  const refused = async (fields: object, where: string) => {
    const { status, body } = await merchant.api.post(`/v1/merchants/${merchant.id}/endpoints`, {
      url: receiver.url(),
      ...fields,
    });
    expect({ status, path: body.errors[0].path }).toEqual({
      status: 422,
      path: where,
    });
  };

  test('is one kind or the other, for as long as it lives', async () => {
    await refused({ types: ['a.b'], events: ['*'] }, 'body.types');
    const { id } = await listener(['endpoint.*']);
    const business = await endpoint({ url: receiver.url('/b') });
    expect(business).toMatchObject({ types: ['*'], events: [] });
    await merchant.api.patch(`/v1/endpoints/${id}`, { types: ['*'] }).expect(422);
    await merchant.api.patch(`/v1/endpoints/${business.id}`, { events: ['*'] }).expect(422);
    const { body } = await merchant.api
      .patch(`/v1/endpoints/${id}`, { events: ['circuit.opened'] })
      .expect(200);
    expect(body).toMatchObject({ types: [], events: ['circuit.opened'] });
  });

  test('is what there is, and for merchants not what operators alone are told', async () => {
    await refused({ events: ['payment.*'] }, 'body.events.0');
    await refused({ events: ['*', 'tcc.suspended'] }, 'body.events.1');
    await pager(['tcc.suspended']);
  });

  test('never reaches an endpoint that has not asked, whatever a producer calls its own', async () => {
    const all = path();
    await endpoint({ url: receiver.url(all), types: ['*'], queue: 'once' });
    const { at } = await listener(['*']);
    const broken = path();
    receiver.answer(500, broken);
    await endpoint({ url: receiver.url(broken), types: ['payment.succeeded'], queue: 'once' });
    await notify();
    await eventAt(at, 'notification.failed');
    const sent = await producer.api
      .post('/v1/notifications', {
        merchantId: merchant.id,
        type: 'notification.failed',
        businessKey: 'B-1',
        payload: { forged: true },
      })
      .expect(202);
    await receiver.waitFor(({ path, body }) => path === all && body.includes(sent.body.id));
    expect(eventsAt(all).map(({ type, data }) => [type, data.forged])).toEqual([
      ['payment.succeeded', undefined],
      ['notification.failed', true],
    ]);
    expect(eventsAt(at).some(({ data }) => data.forged)).toBe(false);
  });

  test('is no result of a business key, and no newer version of one calls it off', async () => {
    const rules = { jitter: 0, ladderSeconds: [0, 3600], supersede: true };
    await gateway.operator.put('/v1/queues/newest', rules).expect(200);
    const { at } = await listener(['notification.failed'], { queue: 'newest' });
    receiver.answer(500, at);
    const broken = path();
    receiver.answer(500, broken);
    await endpoint({ url: receiver.url(broken) });
    await notify();
    await eventAt(at, 'notification.failed');
    await merchant.api.get(`/v1/results/${merchant.id}`).expect(404);
    const ofTheSameKey = {
      merchantId: merchant.id,
      type: 'payment.succeeded',
      businessKey: merchant.id,
      result: { status: 'PAID', version: 1 },
      payload: {},
      queue: 'newest',
    };
    const { body } = await producer.api.post('/v1/notifications', ofTheSameKey).expect(202);
    const result = (await merchant.api.get(`/v1/results/${merchant.id}`).expect(200)).body;
    expect(result.history).toMatchObject([{ notificationId: body.id }]);
    const list = await merchant.api.get('/v1/notifications?type=notification.failed').expect(200);
    expect(list.body.data).toMatchObject([{ deliveries: [{ status: 'pending' }] }]);
  });

  test('is in no statement', async () => {
    const { at } = await listener(['notification.failed']);
    const broken = path();
    receiver.answer(500, broken);
    await endpoint({ url: receiver.url(broken) });
    await notify();
    await eventAt(at, 'notification.failed');
    const today = new Date().toISOString().slice(0, 10);
    const { body } = await merchant.api.get(`/v1/statements/${today}`).expect(200);
    expect(body.rows.map(({ type }: { type: string }) => type)).toEqual(['payment.succeeded']);
    expect(body.rowCount).toBe(1);
  });

  test('is what the catalogue lists', async () => {
    const { body } = await merchant.api.get('/v1/event-types').expect(200);
    expect(body.data.map(({ type }: { type: string }) => type)).toEqual(Object.keys(EVENT_TYPES));
    expect(body.data[0].schema.properties.items).toBeDefined();
  });
});

describe('the format of an endpoint', () => {
  const robot = async (fields: object) => {
    const at = path();
    const { id } = await endpoint({ url: receiver.url(at), queue: 'twice', ...fields });
    return { id, at };
  };
  const bodiesAt = (at: string) =>
    receiver.requests
      .filter((request) => new URL(request.path, 'http://x').pathname === at)
      .map(({ body }) => JSON.parse(body));
  const fail = async () => {
    const broken = path();
    receiver.answer(500, broken);
    await endpoint({ url: receiver.url(broken), types: ['payment.succeeded'] });
    await notify();
  };

  test('makes a message of an event, and an error in the answer a failure', async () => {
    const { id, at } = await robot({
      events: ['notification.failed'],
      format: 'dingtalk',
      language: 'zh',
      formatSecret: 'SECdemo',
    });
    receiver.answer(({ path }) =>
      path.startsWith(at) && bodiesAt(at).length > 1
        ? { body: '{"errcode":0,"errmsg":"ok"}' }
        : { body: '{"errcode":310000,"errmsg":"sign not match"}' },
    );
    await fail();
    await until(() => bodiesAt(at).length === 2);
    receiver.answer(200);
    expect(bodiesAt(at)[0]).toMatchObject({ msgtype: 'text' });
    expect(bodiesAt(at)[0].text.content).toContain('通知投递失败');
    const signed = receiver.requests.filter(({ path }) => path.startsWith(`${at}?timestamp=`));
    expect(signed).toHaveLength(2);
    const read = async () =>
      (await merchant.api.get(`/v1/deliveries?endpointId=${id}`).expect(200)).body.data[0];
    const delivery = await until(async () => {
      const found = await read();
      return found.status === 'delivered' && found;
    });
    const attempts = await merchant.api.get(`/v1/deliveries/${delivery.id}/attempts`).expect(200);
    expect(attempts.body.data.map(({ outcome }: { outcome: string }) => outcome)).toEqual([
      'body_mismatch',
      'success',
    ]);
  });

  test('is that of its test as well', async () => {
    const { id, at } = await robot({ events: ['*'], format: 'slack' });
    await merchant.api.post(`/v1/endpoints/${id}/test`).expect(200);
    expect(bodiesAt(at)[0].text).toContain('A test of this endpoint');
  });

  test('hides its secret, and keeps or loses it as a change says', async () => {
    const { id } = await robot({ events: ['*'], format: 'feishu', formatSecret: 'top-secret' });
    const view = async () => await merchant.api.get(`/v1/endpoints/${id}`).expect(200);
    expect((await view()).text).not.toContain('top-secret');
    const [row] = await gateway.db.database.prisma.$queryRaw<{ sealed: string }[]>`
      SELECT sealed_format_secret AS sealed FROM endpoint WHERE id = ${id}`;
    expect(row?.sealed).toMatch(/^v1\./);
    await merchant.api.patch(`/v1/endpoints/${id}`, { language: 'zh' }).expect(200);
    expect((await view()).body).toMatchObject({ language: 'zh', hasFormatSecret: true });
    await merchant.api.patch(`/v1/endpoints/${id}`, { format: 'slack' }).expect(422);
    const changed = { format: 'slack', formatSecret: null };
    await merchant.api.patch(`/v1/endpoints/${id}`, changed).expect(200);
    expect((await view()).body).toMatchObject({ format: 'slack', hasFormatSecret: false });
  });

  test('is nothing for notifications of business', async () => {
    const create = (fields: object) =>
      merchant.api.post(`/v1/merchants/${merchant.id}/endpoints`, {
        url: receiver.url(),
        ...fields,
      });
    const refused = await create({ format: 'slack' }).expect(422);
    expect(refused.body.errors[0].path).toBe('body.format');
    await create({ types: ['a.b'], format: 'feishu' }).expect(422);
    await create({ events: ['*'], format: 'telegram' }).expect(422);
    const unsigned = await create({ events: ['*'], format: 'slack', formatSecret: 's' });
    expect([unsigned.status, unsigned.body.errors[0].path]).toEqual([422, 'body.formatSecret']);
    const { body } = await create({}).expect(201);
    await merchant.api.patch(`/v1/endpoints/${body.id}`, { format: 'slack' }).expect(422);
  });
});
