import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  insertNotifications,
  type NewNotification,
} from '../../../src/protocols/notification/store/insert.ts';
import { type TestGateway, testGateway } from '../../support/gateway.ts';

let gateway: TestGateway;
let merchantId: string;

beforeAll(async () => {
  gateway = await testGateway();
  merchantId = (await gateway.merchant()).id;
});
afterAll(() => gateway.close());

const event = (more: object = {}) => ({
  merchantId,
  type: 'payment.succeeded',
  businessKey: 'K',
  payload: {},
  ...more,
});

/** Items as JSON texts: what is wrong with them, JSON.stringify would not write. */
const batchOf = (items: string[]) => `{"notifications":[${items.join(' , ')}]}`;
const withPayload = (payload: string) =>
  JSON.stringify(event({ payload: 'HERE' })).replace('"HERE"', () => payload);
/** Its innermost object lies this deep in the item, which is itself a level. */
const nested = (levels: number) =>
  withPayload(`${'{"a":'.repeat(levels - 2)}{}${'}'.repeat(levels - 2)}`);

const statuses = (data: { status: number }[]) => data.map(({ status }) => status);

describe('one bad item does not sink the others', () => {
  test.each([
    ['a NUL', withPayload('{"a":"\\u0000"}')],
    ['half a surrogate pair', withPayload('{"a":"\\ud800"}')],
    ['a key __proto__', withPayload('{"__proto__":{"x":1}}')],
    ['a key __proto__ in escapes', withPayload('{"\\u005f_proto__":{"x":1}}')],
    ['33 levels', nested(33)],
    ['10,000 levels', nested(10_000)],
    ['more than 64 KiB', withPayload(JSON.stringify({ text: 'x'.repeat(64 * 1024) }))],
    ['no object', '"\\u0000"'],
    ['null', 'null'],
  ])('%s', async (_name, bad) => {
    const good = JSON.stringify(event());
    const { body } = await gateway.operator
      .post('/v1/notifications/batch', batchOf([good, bad, good]))
      .expect(202);
    expect(statuses(body.data)).toEqual([202, 422, 202]);
    expect(({} as { x?: number }).x).toBeUndefined();
  });

  test('an item is taken as deep as alone', async () => {
    await gateway.operator.post('/v1/notifications', nested(32)).expect(202);
    await gateway.operator.post('/v1/notifications', nested(33)).expect(422);
    const { body } = await gateway.operator
      .post('/v1/notifications/batch', batchOf([nested(31), nested(32), nested(33)]))
      .expect(202);
    expect(statuses(body.data)).toEqual([202, 202, 422]);
  });

  test('its neighbours keep their bytes', async () => {
    const exact = withPayload('{"order":9007199254740993,"rate":1.10}');
    const { body } = await gateway.operator
      .post('/v1/notifications/batch', batchOf([withPayload('{"a":"\\u0000"}'), exact]))
      .expect(202);
    const { text } = await gateway.operator
      .get(`/v1/notifications/${body.data[1].notification.id}/body`)
      .expect(200);
    expect(text).toContain('{"order":9007199254740993,"rate":1.10}');
  });

  test.each([
    [400, 'a cut-off list', '{"notifications":[{},'],
    [400, 'a bad item in a cut-off list', '{"notifications":["\\u0000",'],
    [422, 'brackets alone', '['.repeat(200_000)],
    [422, 'no list', '{"notifications":{"0":{}}}'],
    [422, 'a bad value that is no list', '{"notifications":"\\u0000"}'],
    [422, 'an empty list', '{"notifications":[]}'],
    [422, 'a fault beside the list', '{"notifications":[{}],"\\u0000":1}'],
    [422, 'a key __proto__ beside the list', '{"notifications":[{}],"__proto__":{"x":1}}'],
    [422, 'a bad list before a good one', '{"notifications":["\\u0000"],"notifications":[{}]}'],
    [422, 'a list of lists', '[[1]]'],
  ])('%i for the whole: %s', async (status, _name, text) => {
    await gateway.operator.post('/v1/notifications/batch', text).expect(status);
  });
});

describe('a problem of one item', () => {
  const requestId = 'batch-of-the-test';
  const send = async (notifications: unknown[]) => {
    const { body } = await gateway.operator
      .post('/v1/notifications/batch', { notifications }, { 'x-request-id': requestId })
      .expect(202);
    return body.data;
  };

  test.each([
    ['an unknown field', { foo: 1 }],
    ['a missing one', { businessKey: undefined }],
    ['several at once', { type: 'a b', payload: [], result: { status: '' }, foo: 1 }],
    ['an unknown merchant', { merchantId: 'nobody' }],
    ['an unknown queue', { queue: 'nowhere' }],
    ['an address that is none', { notifyUrl: 'gopher://a' }],
  ])('reads as that of the same sent alone: %s', async (_name, more) => {
    const bad = event(more);
    const alone = (await gateway.operator.post('/v1/notifications', bad).expect(422)).body;
    const [, { status, problem }] = await send([event(), bad]);
    const inBatch = (text: string) => text.replace(/^body\b/, 'body.notifications.1');
    expect(status).toBe(422);
    expect(problem).toEqual({
      ...alone,
      requestId,
      instance: '/v1/notifications/batch',
      detail: inBatch(alone.detail),
      errors: alone.errors.map((each: { path: string; message: string }) => ({
        ...each,
        path: inBatch(each.path),
      })),
    });
  });

  test('names the place of what its bytes hold', async () => {
    const [{ problem }] = await send([event({ payload: { a: '\0' } })]);
    expect(problem).toMatchObject({
      type: 'about:blank',
      title: 'Unprocessable Entity',
      code: 'invalid_request',
      errors: [{ path: 'body.notifications.0' }],
    });
  });

  test('of a conflict has all members too', async () => {
    const eventId = 'evt-conflict';
    const [, { problem }] = await send([event({ eventId }), event({ eventId, payload: { a: 1 } })]);
    const { errors: _none, ...members } = problem;
    expect(members).toMatchObject({ type: 'about:blank', title: 'Conflict', status: 409 });
    expect(Object.keys(members).toSorted()).toEqual([
      'code',
      'detail',
      'instance',
      'requestId',
      'status',
      'title',
      'type',
    ]);
  });
});

describe('the order of a batch', () => {
  const send = async (notifications: unknown[]) =>
    (await gateway.operator.post('/v1/notifications/batch', { notifications }).expect(202)).body
      .data;
  const rounds = Array.from({ length: 5 }, (_, n) => n);

  test.each(rounds)('of repeats the first is taken (%i)', async (n) => {
    const same = event({ eventId: `evt-same-${n}` });
    const data = await send([same, same, event(), same]);
    expect(statuses(data)).toEqual([202, 200, 202, 200]);
    expect(data[3].notification.id).toBe(data[0].notification.id);
  });

  test.each(rounds)('of several contents of one event the first is taken (%i)', async (n) => {
    const eventId = `evt-contents-${n}`;
    const contents = ['A', 'B', 'C', 'A'].map((businessKey) => event({ eventId, businessKey }));
    expect(statuses(await send(contents))).toEqual([202, 409, 409, 200]);
  });

  test('also of a large one, between whose ends there are many', async () => {
    const same = event({ eventId: 'evt-far' });
    const between = Array.from({ length: 498 }, () => event());
    const data = await send([same, ...between, same]);
    expect([data[0].status, data[499].status]).toEqual([202, 200]);
  });

  test('is that of the ids, and of the feed', async () => {
    const { id, api } = await gateway.merchant();
    const keys = Array.from({ length: 500 }, (_, n) => `K${n}`);
    const data = await send(keys.map((businessKey) => event({ merchantId: id, businessKey })));
    const ids = data.map((each: { notification: { id: string } }) => each.notification.id);
    expect(ids).toEqual(ids.toSorted());
    const seen: string[] = [];
    let cursor = '';
    do {
      const { body } = await api
        .get(`/v1/notifications?undelivered=true&limit=100${cursor}`)
        .expect(200);
      seen.push(...body.data.map((each: { businessKey: string }) => each.businessKey));
      cursor = body.hasMore ? `&cursor=${body.nextCursor}` : '';
    } while (cursor !== '');
    expect(seen).toEqual(keys);
  });

  test('two batches with the same events, the other way round, end both', async () => {
    for (const n of rounds) {
      const events = Array.from({ length: 150 }, (_, k) => event({ eventId: `evt-${n}-${k}` }));
      const [one, other] = await Promise.all([send(events), send(events.toReversed())]);
      const all = [...statuses(one), ...statuses(other)];
      expect(all.filter((status) => status === 202)).toHaveLength(150);
      expect(all.filter((status) => status === 200)).toHaveLength(150);
    }
  });

  test('of calls that share a statement is that in which they came, whatever their ids', async () => {
    const row = (id: string): NewNotification => ({
      id,
      merchantId,
      type: 'a.b',
      businessKey: 'K',
      eventId: 'evt-shared',
      queue: 'default',
      notifyUrl: null,
      notifyProducer: null,
      occurredAt: null,
      resultStatus: null,
      resultVersion: 0,
      resultAmount: null,
      resultCurrency: null,
      head: '{"at":"',
      tail: '"}',
      fingerprint: id,
      producerKeyId: 'key',
      deliveries: [],
    });
    const rows = ['ntf_c', 'ntf_a', 'ntf_b'].map(row);
    const inserted = await insertNotifications(gateway.db.database.prisma, rows);
    expect([...inserted.keys()]).toEqual(['ntf_c']);
  });
});
