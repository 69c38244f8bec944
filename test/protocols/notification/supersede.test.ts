import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { hold, type Receiver, startReceiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';

const RULES = { deadlineSeconds: 7200, jitter: 0, timeoutMs: 5_000 };

describe('a queue that supersedes', () => {
  let gateway: TestGateway;
  /** Another process, as it were, on the same database. */
  let second: TestGateway;
  let merchant: Awaited<ReturnType<TestGateway['merchant']>>;
  let producer: Awaited<ReturnType<TestGateway['producer']>>;
  let receiver: Receiver;
  beforeAll(async () => {
    gateway = await testGateway();
    second = await testGateway({ db: gateway.db });
    producer = await gateway.producer();
    const put = (name: string, rules: object) =>
      gateway.operator.put(`/v1/queues/${name}`, { ...RULES, ...rules }).expect(200);
    await put('later', { ladderSeconds: [3600], supersede: true });
    await put('other', { ladderSeconds: [3600], supersede: true });
    await put('now', { ladderSeconds: [0, 1], supersede: true });
    await put('keeps', { ladderSeconds: [3600], supersede: false });
  });
  afterAll(async () => {
    await second.close();
    await gateway.close();
  });
  beforeEach(async () => {
    receiver = await startReceiver();
    merchant = await gateway.merchant();
    await merchant.api
      .post(`/v1/merchants/${merchant.id}/endpoints`, { url: receiver.url() })
      .expect(201);
  });
  afterEach(() => receiver.close());

  const of = (version: number, more: object = {}) => ({
    merchantId: merchant.id,
    type: 'a.b',
    businessKey: 'k',
    queue: 'later',
    result: { status: `S${version}`, version },
    payload: {},
    ...more,
  });
  const notify = async (version: number, more: object = {}) =>
    (await producer.api.post('/v1/notifications', of(version, more)).expect(202)).body;
  const states = async (query = '') => {
    const { body } = await merchant.api.get(`/v1/notifications?limit=100${query}`).expect(200);
    return Object.fromEntries(
      body.data.map((each: { result: { version: number }; deliveries: { status: string }[] }) => [
        each.result.version,
        each.deliveries[0]?.status,
      ]),
    );
  };
  const superseded = { status: 'cancelled', reason: 'superseded', nextAttemptAt: null };

  test('a higher version ends what waits with a lower one', async () => {
    const { id } = await notify(1);
    await notify(2);
    const { body } = await merchant.api.get(`/v1/notifications/${id}`);
    expect(body.deliveries).toMatchObject([superseded]);
    expect(await states()).toEqual({ 1: 'cancelled', 2: 'pending' });
    const feed = await merchant.api.get('/v1/notifications?undelivered=true');
    expect(feed.body.data).toMatchObject([{ result: { version: 2 } }]);
  });

  test('a lower version that comes too late is not sent, and its answer says so', async () => {
    await notify(2);
    expect(await notify(1)).toMatchObject({ status: 'cancelled', deliveries: [superseded] });
    expect(await states()).toEqual({ 1: 'cancelled', 2: 'pending' });
    const { body } = await merchant.api.get('/v1/results/k');
    expect(body.latest.result.version).toBe(2);
    expect(body.history).toHaveLength(2);
  });

  test('also when the higher one has arrived long ago', async () => {
    await notify(5, { queue: 'now' });
    await receiver.waitFor(1);
    expect(await notify(4, { queue: 'now' })).toMatchObject({ deliveries: [superseded] });
    await notify(6, { queue: 'now' });
    const versions = (await receiver.waitFor(2)).map(({ body }) => JSON.parse(body).result.version);
    expect(versions).toEqual([5, 6]);
  });

  test('equal versions both go', async () => {
    await notify(1, { payload: { n: 1 } });
    await notify(1, { payload: { n: 2 } });
    const { body } = await merchant.api.get('/v1/notifications?status=pending');
    expect(body.data).toHaveLength(2);
  });

  test('an attempt under way is overtaken: it is logged and not repeated', async () => {
    const holding = hold(500);
    receiver.answer([holding, 200]);
    const { id, deliveries } = await notify(1, { queue: 'now' });
    await receiver.waitFor(1);
    await notify(2, { queue: 'now' });
    const { body } = await merchant.api.get(`/v1/notifications/${id}`);
    expect(body.deliveries).toMatchObject([superseded]);
    holding.release();
    await until(async () => {
      const { body } = await merchant.api.get(`/v1/deliveries/${deliveries[0].id}/attempts`);
      return body.data.length === 1;
    });
    await gateway.db.travel(5_000);
    await notify(3, { queue: 'now' });
    const requests = await receiver.waitFor(3);
    expect(requests.map(({ body }) => JSON.parse(body).result.version)).toEqual([1, 2, 3]);
  });

  test('other keys, merchants and queues are left alone, and so are queues that keep all', async () => {
    const stranger = await gateway.merchant();
    await stranger.api
      .post(`/v1/merchants/${stranger.id}/endpoints`, { url: receiver.url() })
      .expect(201);
    const left = [
      await notify(1, { businessKey: 'other' }),
      await notify(1, { queue: 'other' }),
      await notify(1, { queue: 'keeps' }),
      await notify(2, { queue: 'keeps' }),
      await notify(1, { merchantId: stranger.id }),
    ];
    await notify(3);
    for (const { id } of left) {
      const { body } = await gateway.operator.get(`/v1/notifications/${id}`);
      expect(body.status).toBe('pending');
    }
  });

  test('of one batch only the highest goes', async () => {
    const { body } = await producer.api
      .post('/v1/notifications/batch', { notifications: [of(1), of(3), of(2)] })
      .expect(202);
    expect(
      body.data.map((item: { notification: { status: string } }) => item.notification.status),
    ).toEqual(['cancelled', 'pending', 'cancelled']);
  });

  test('the same event again supersedes nothing: what was sent again by hand goes on', async () => {
    const first = await notify(1);
    await notify(2, { eventId: 'two' });
    const { body } = await merchant.api.get(`/v1/merchants/${merchant.id}/endpoints`).expect(200);
    await merchant.api.post(`/v1/endpoints/${body.data[0].id}/pause`).expect(200);
    await merchant.api
      .post(`/v1/deliveries/${first.deliveries[0].id}/resend`, { reason: 'wanted all the same' })
      .expect(202);
    await producer.api.post('/v1/notifications', of(2, { eventId: 'two' })).expect(200);
    expect(await states()).toEqual({ 1: 'pending', 2: 'pending' });
  });

  test('accepted at the same time by two processes, only the highest goes', async () => {
    const other = second.as(producer.key);
    for (let round = 0; round < 5; round += 1) {
      const businessKey = `race-${round}`;
      const versions = Array.from({ length: 24 }, (_, n) => (n * 7) % 24);
      await Promise.all(
        versions.map((version, n) =>
          (n % 2 === 0 ? producer.api : other)
            .post('/v1/notifications', of(version, { businessKey }))
            .expect(202),
        ),
      );
      const after = await states(`&businessKey=${businessKey}`);
      expect(Object.keys(after)).toHaveLength(24);
      const pending = Object.keys(after).filter((version) => after[version] === 'pending');
      expect(pending).toEqual(['23']);
    }
  });
});
