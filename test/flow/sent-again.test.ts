import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type TestGateway, testGateway } from '../support/gateway.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

const LADDER = { ladderSeconds: [0, 600], deadlineSeconds: 3600, jitter: 0, timeoutMs: 2_000 };

describe('what has arrived and is sent again', () => {
  let gateway: TestGateway;
  let producer: Awaited<ReturnType<TestGateway['producer']>>;
  let merchant: Awaited<ReturnType<TestGateway['merchant']>>;
  let receiver: Receiver;
  beforeAll(async () => {
    gateway = await testGateway();
    producer = await gateway.producer();
    await gateway.operator.put('/v1/queues/slow', LADDER).expect(200);
  });
  afterAll(() => gateway.close());
  beforeEach(async () => {
    receiver = await startReceiver();
    merchant = await gateway.merchant();
  });
  afterEach(() => receiver.close());

  const listen = async (body: object = {}) =>
    (
      await merchant.api
        .post(`/v1/merchants/${merchant.id}/endpoints`, { url: receiver.url('/hook'), ...body })
        .expect(201)
    ).body;
  const notify = async (body: object = {}) =>
    (
      await producer.api
        .post('/v1/notifications', {
          merchantId: merchant.id,
          type: 'payment.succeeded',
          businessKey: 'ORDER-7',
          queue: 'slow',
          result: { status: 'SUCCESS', version: 1 },
          payload: {},
          ...body,
        })
        .expect(202)
    ).body;
  const delivery = async (id: string) => (await merchant.api.get(`/v1/deliveries/${id}`)).body;
  const becomes = (id: string, state: object) =>
    until(async () => {
      const found = await delivery(id);
      return Object.entries(state).every(([name, value]) => found[name] === value) && found;
    });
  const resend = (id: string, body: object = {}) =>
    merchant.api.post(`/v1/deliveries/${id}/resend`, { reason: 'once more', ...body });
  const listed = async (status: string) =>
    (await merchant.api.get(`/v1/deliveries?status=${status}`).expect(200)).body.data.length;
  /** Everything that tells a merchant how far its notification is. */
  async function told() {
    const [notification] = (await merchant.api.get('/v1/notifications').expect(200)).body.data;
    const day = notification.acceptedAt.slice(0, 10);
    const [feed, result, statement] = await Promise.all([
      merchant.api.get('/v1/notifications?undelivered=true').expect(200),
      merchant.api.get('/v1/results/ORDER-7').expect(200),
      merchant.api.get(`/v1/statements/${day}`).expect(200),
    ]);
    return {
      notification: notification.status,
      feed: feed.body.data.length,
      result: result.body.deliveries[0].status,
      statement: statement.body.rows[0].deliveryStatus,
    };
  }

  /** Delivered, then sent again to a receiver that refuses it once. */
  async function refusedOnce() {
    await listen();
    const { id, deliveries } = await notify();
    await becomes(deliveries[0].id, { status: 'delivered' });
    receiver.answer(500);
    await resend(deliveries[0].id, { force: true }).expect(202);
    await until(async () => {
      const { body } = await merchant.api.get(`/v1/deliveries/${deliveries[0].id}/attempts`);
      return body.data.length === 2 && body.data[1].outcome === 'http_status';
    });
    return { id, deliveryId: deliveries[0].id as string };
  }
  const DELIVERED = {
    notification: 'delivered',
    feed: 0,
    result: 'delivered',
    statement: 'delivered',
  };

  test('is delivered as before when it is refused, while its ladder goes on', async () => {
    const { deliveryId } = await refusedOnce();
    expect(await told()).toEqual(DELIVERED);
    const shown = await delivery(deliveryId);
    expect(shown).toMatchObject({ status: 'delivered', cycle: 2, attemptCount: 1 });
    expect(Date.parse(shown.nextAttemptAt)).toBeGreaterThan(Date.now());
    expect(await Promise.all(['delivered', 'pending'].map(listed))).toEqual([1, 0]);
    expect((await resend(deliveryId).expect(409)).body.code).toBe('already_delivered');
    const { body } = await merchant.api.get(`/v1/deliveries/${deliveryId}/schedule`).expect(200);
    expect(body).toMatchObject({ status: 'delivered', attempts: [{ rung: 2 }] });
  });

  test('is delivered as before when its ladder is spent', async () => {
    const { deliveryId } = await refusedOnce();
    await gateway.db.travel(601_000);
    const ended = await becomes(deliveryId, { nextAttemptAt: null, attemptCount: 2 });
    expect(ended).toMatchObject({ status: 'delivered', reason: null, cycle: 2 });
    expect(await told()).toEqual(DELIVERED);
    expect(await listed('failed')).toBe(0);
  });

  test('is delivered as before when it is cancelled or its deadline passes', async () => {
    const one = await refusedOnce();
    await gateway.operator.post(`/v1/notifications/${one.id}/cancel`, {}).expect(200);
    expect(await becomes(one.deliveryId, { nextAttemptAt: null })).toMatchObject({
      status: 'delivered',
      reason: null,
    });
    receiver.answer(200);
    const two = await refusedOnce();
    await gateway.db.travel(3_600_000);
    expect(await becomes(two.deliveryId, { nextAttemptAt: null })).toMatchObject({
      status: 'delivered',
      reason: null,
    });
  });

  test('stays confirmed by pull when it is refused', async () => {
    receiver.answer(500);
    await listen();
    const { id, deliveries } = await notify();
    const deliveryId = deliveries[0].id;
    await merchant.api.post(`/v1/notifications/${id}/ack`, {}).expect(200);
    await until(async () => (await resend(deliveryId)).status === 202);
    const acknowledged = { status: 'acknowledged', cycle: 2, attemptCount: 1 };
    await becomes(deliveryId, acknowledged);
    expect(await told()).toMatchObject({ notification: 'acknowledged', feed: 0 });
    await gateway.db.travel(601_000);
    expect(await becomes(deliveryId, { ...acknowledged, attemptCount: 2 })).toMatchObject({
      reason: 'confirmed_by_pull',
      nextAttemptAt: null,
    });
  });

  test('may go to another address, where it had one of its own', async () => {
    receiver.answer(500);
    const { deliveries } = await notify({ notifyUrl: receiver.url('/old') });
    const { id } = deliveries[0];
    await becomes(id, { attemptCount: 1, status: 'pending' });
    const other = await startReceiver();
    const url = other.url('/new');
    const { body } = await resend(id, { url }).expect(202);
    expect(body.url).toBe(url);
    expect(await becomes(id, { status: 'delivered' })).toMatchObject({ url, cycle: 1 });
    expect(other.requests).toHaveLength(1);
    // It stays there.
    await resend(id, { force: true }).expect(202);
    await other.waitFor(2);
    await other.close();
  });

  test('goes nowhere else where the address is an endpoint’s, or may not be called', async () => {
    await listen();
    const { deliveries } = await notify();
    await becomes(deliveries[0].id, { status: 'delivered' });
    const own = await notify({ businessKey: 'OWN', notifyUrl: receiver.url('/own') });
    await becomes(own.deliveries[0].id, { status: 'delivered' });
    const refused = async (id: string, url: string) =>
      (await resend(id, { url, force: true }).expect(422)).body.errors[0].path;
    expect(await refused(deliveries[0].id, receiver.url('/else'))).toBe('body.url');
    expect(await refused(own.deliveries[0].id, 'ftp://receiver.test/')).toBe('body.url');
    expect(await refused(own.deliveries[0].id, 'http://169.254.169.254/')).toBe('body.url');
  });
});
