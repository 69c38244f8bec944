import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { describeBackends } from '../support/backends.ts';
import { type TestGateway, testGateway } from '../support/gateway.ts';
import { hold, type Receiver, startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

const QUICK = { ladderSeconds: [0, 1, 1], deadlineSeconds: 60, jitter: 0, timeoutMs: 500 };

describeBackends('the way of a notification', (backend) => {
  let gateway: TestGateway;
  let receiver: Receiver;
  let merchant: Awaited<ReturnType<TestGateway['merchant']>>;
  let producer: Awaited<ReturnType<TestGateway['producer']>>;

  beforeAll(async () => {
    gateway = await testGateway({ backend: backend() });
    producer = await gateway.producer();
    await gateway.operator.put('/v1/queues/quick', QUICK).expect(200);
  });
  afterAll(() => gateway.close());
  beforeEach(async () => {
    receiver = await startReceiver();
    merchant = await gateway.merchant();
  });
  afterEach(() => receiver.close());

  const endpoint = async (more: object = {}) =>
    (
      await merchant.api
        .post(`/v1/merchants/${merchant.id}/endpoints`, { url: receiver.url('/hook'), ...more })
        .expect(201)
    ).body;
  const notify = async (more: object = {}) =>
    (
      await producer.api
        .post('/v1/notifications', {
          merchantId: merchant.id,
          type: 'payment.succeeded',
          businessKey: 'ORDER-1',
          queue: 'quick',
          payload: { order: 1 },
          ...more,
        })
        .expect(202)
    ).body;
  const read = async (id: string) => (await producer.api.get(`/v1/notifications/${id}`)).body;
  const settled = (id: string, status: string) =>
    until(async () => {
      const notification = await read(id);
      return notification.status === status ? notification : null;
    });
  const attempts = async (deliveryId: string) =>
    (await gateway.operator.get(`/v1/deliveries/${deliveryId}/attempts`)).body.data;

  test('is accepted, delivered at once, and shown as delivered', async () => {
    await endpoint();
    const accepted = await notify();
    expect(accepted.status).toBe('pending');
    expect(accepted.deliveries).toHaveLength(1);
    const [request] = await receiver.waitFor(1);
    expect(request?.headers['webhook-id']).toBe(accepted.id);
    expect(request?.headers['postrider-attempt']).toBe('1');
    const done = await settled(accepted.id, 'delivered');
    expect(done.deliveries[0]).toMatchObject({ attemptCount: 1, nextAttemptAt: null, cycle: 1 });
    expect(Date.parse(accepted.acceptedAt) + 2_000).toBeGreaterThan(request?.at ?? 0);
  });

  test('fails twice, is repeated down the ladder and never before its time', async () => {
    receiver.answer([500, 500, 200]);
    await endpoint();
    const accepted = await notify();
    await settled(accepted.id, 'delivered');
    const log = await attempts(accepted.deliveries[0].id);
    expect(log.map((each: { outcome: string }) => each.outcome)).toEqual([
      'http_status',
      'http_status',
      'success',
    ]);
    for (const [index, each] of log.slice(1).entries()) {
      const before = log[index];
      const gapMs = Date.parse(each.startedAt) - Date.parse(before.startedAt) - before.durationMs;
      expect(gapMs).toBeGreaterThanOrEqual(950);
      expect(gapMs).toBeLessThan(2_500);
    }
    expect(new Set(receiver.requests.map((each) => each.headers['webhook-id'])).size).toBe(1);
    expect(new Set(receiver.requests.map((each) => each.body)).size).toBe(1);
  });

  test('fails when its ladder is spent, and an operator sends it again in a new cycle', async () => {
    receiver.answer(500);
    await endpoint();
    const accepted = await notify();
    const failed = await settled(accepted.id, 'failed');
    expect(failed.deliveries[0]).toMatchObject({ reason: 'ladder_spent', attemptCount: 3 });
    receiver.answer(200);
    const delivery = failed.deliveries[0].id;
    await gateway.operator
      .post(`/v1/deliveries/${delivery}/resend`, { reason: 'again' })
      .expect(202);
    const done = await settled(accepted.id, 'delivered');
    expect(done.deliveries[0]).toMatchObject({ cycle: 2, attemptCount: 1, reason: null });
    expect((await attempts(delivery)).at(-1)).toMatchObject({
      trigger: 'resend',
      cycle: 2,
      number: 1,
    });
  });

  test('a hundred re-sends at once make one attempt', async () => {
    await endpoint();
    const accepted = await notify({ queue: 'default' });
    await settled(accepted.id, 'delivered');
    const delivery = accepted.deliveries[0].id;
    const held = hold(200);
    receiver.answer(held);
    const answers = await Promise.all(
      Array.from({ length: 100 }, () =>
        gateway.operator.post(`/v1/deliveries/${delivery}/resend`, {
          reason: 'again',
          force: true,
        }),
      ),
    );
    expect(answers.every(({ status }) => status === 202 || status === 409)).toBe(true);
    held.release();
    await settled(accepted.id, 'delivered');
    expect(await attempts(delivery)).toHaveLength(2);
    expect(receiver.requests).toHaveLength(2);
  });

  test('two re-sends one after the other make two attempts, however quickly they come', async () => {
    await endpoint();
    const accepted = await notify();
    const delivery = accepted.deliveries[0].id;
    for (const cycle of [1, 2, 3]) {
      await until(async () => {
        const { body } = await gateway.operator.get(`/v1/deliveries/${delivery}`);
        return body.status === 'delivered' && body.cycle === cycle;
      });
      if (cycle === 3) break;
      await gateway.operator
        .post(`/v1/deliveries/${delivery}/resend`, { reason: 'again', force: true })
        .expect(202);
    }
    expect(receiver.requests).toHaveLength(3);
  });

  test('a delivered one is sent again only by force', async () => {
    await endpoint();
    const accepted = await notify();
    await settled(accepted.id, 'delivered');
    const answer = await gateway.operator
      .post(`/v1/deliveries/${accepted.deliveries[0].id}/resend`, { reason: 'again' })
      .expect(409);
    expect(answer.body.code).toBe('already_delivered');
  });

  test('a pending one is tried now, and its ladder stays where it is', async () => {
    await gateway.operator
      .put('/v1/queues/slow', { ...QUICK, ladderSeconds: [0, 50, 1] })
      .expect(200);
    receiver.answer([500, 500, 200]);
    await endpoint();
    const accepted = await notify({ queue: 'slow' });
    const delivery = accepted.deliveries[0].id;
    const waiting = await until(async () => {
      const { body } = await gateway.operator.get(`/v1/deliveries/${delivery}`);
      return body.status === 'pending' && body.attemptCount === 1 ? body : null;
    });
    await gateway.operator.post(`/v1/deliveries/${delivery}/resend`, { reason: 'now' }).expect(202);
    const after = await until(async () => {
      const { body } = await gateway.operator.get(`/v1/deliveries/${delivery}`);
      return body.status === 'pending' && body.attemptCount === 2 ? body : null;
    });
    expect(
      Math.abs(Date.parse(after.nextAttemptAt) - Date.parse(waiting.nextAttemptAt)),
    ).toBeLessThan(50);
  });

  test('goes to every endpoint that listens, and to no other', async () => {
    await endpoint({ url: receiver.url('/all') });
    await endpoint({ url: receiver.url('/payments'), types: ['payment.*'] });
    await endpoint({ url: receiver.url('/refunds'), types: ['refund.*'] });
    const accepted = await notify();
    expect(accepted.deliveries).toHaveLength(2);
    await settled(accepted.id, 'delivered');
    expect(receiver.requests.map(({ path }) => path).sort()).toEqual(['/all', '/payments']);
  });

  test('goes to its notifyUrl alone, signed with the merchant’s own secret', async () => {
    await endpoint({ url: receiver.url('/registered') });
    const accepted = await notify({ notifyUrl: receiver.url('/own?order=1') });
    expect(accepted.deliveries).toMatchObject([
      { endpointId: null, url: receiver.url('/own?order=1') },
    ]);
    await settled(accepted.id, 'delivered');
    expect(receiver.requests.map(({ path }) => path)).toEqual(['/own?order=1']);
  });

  test('is skipped where nobody listens, and sent later to who listens then', async () => {
    const accepted = await notify();
    expect(accepted).toMatchObject({ status: 'skipped' });
    expect(accepted.deliveries).toMatchObject([{ status: 'skipped', reason: 'no_endpoint' }]);
    const delivery = accepted.deliveries[0].id;
    const early = await gateway.operator.post(`/v1/deliveries/${delivery}/resend`, { reason: 'x' });
    expect(early).toMatchObject({ status: 409, body: { code: 'no_endpoint' } });
    await endpoint();
    await endpoint({ url: receiver.url('/second') });
    await gateway.operator.post(`/v1/deliveries/${delivery}/resend`, { reason: 'x' }).expect(202);
    const done = await settled(accepted.id, 'delivered');
    expect(done.deliveries).toHaveLength(2);
  });

  test('keeps the rules it was accepted with when its queue changes', async () => {
    await gateway.operator
      .put('/v1/queues/changing', { ...QUICK, ladderSeconds: [0, 1] })
      .expect(200);
    receiver.answer(500);
    await endpoint();
    const accepted = await notify({ queue: 'changing' });
    await gateway.operator.put('/v1/queues/changing', { ...QUICK, ladderSeconds: [0] }).expect(200);
    const failed = await settled(accepted.id, 'failed');
    expect(failed.deliveries[0].attemptCount).toBe(2);
  });

  test('the deadline ends it, also while its endpoint is paused', async () => {
    await gateway.operator.put('/v1/queues/short', { ...QUICK, deadlineSeconds: 2 }).expect(200);
    const { id } = await endpoint();
    await merchant.api.post(`/v1/endpoints/${id}/pause`).expect(200);
    const accepted = await notify({ queue: 'short' });
    const failed = await settled(accepted.id, 'failed');
    expect(failed.deliveries[0]).toMatchObject({ reason: 'deadline_passed', attemptCount: 0 });
    expect(receiver.requests).toHaveLength(0);
  });

  test('a paused endpoint loses nothing: it gets everything when it is resumed', async () => {
    const { id } = await endpoint();
    await merchant.api.post(`/v1/endpoints/${id}/pause`).expect(200);
    const accepted = await Promise.all(
      Array.from({ length: 30 }, (_, n) => notify({ businessKey: `K${n}` })),
    );
    await merchant.api.post(`/v1/endpoints/${id}/resume`).expect(200);
    await receiver.waitFor(30);
    for (const each of accepted) await settled(each.id, 'delivered');
    expect(receiver.requests).toHaveLength(30);
  });

  test('deleting an endpoint cancels what waits for it', async () => {
    receiver.answer(500);
    const { id } = await endpoint();
    const accepted = await notify();
    await receiver.waitFor(1);
    await merchant.api.delete(`/v1/endpoints/${id}`);
    const ended = await settled(accepted.id, 'cancelled');
    expect(ended.deliveries[0].reason).toBe('endpoint_deleted');
  });

  test('a cancelled one is not sent again', async () => {
    receiver.answer(500);
    await endpoint();
    const accepted = await notify();
    await receiver.waitFor(1);
    const { body } = await producer.api.post(`/v1/notifications/${accepted.id}/cancel`).expect(200);
    expect(body.deliveries[0]).toMatchObject({
      status: 'cancelled',
      reason: 'cancelled_by_request',
    });
  });
});

describe('numbers beyond 2^53', () => {
  test('arrive as they were sent, in the envelope and raw', async () => {
    const gateway = await testGateway();
    const receiver = await startReceiver();
    try {
      const merchant = await gateway.merchant();
      const { api } = await gateway.producer();
      const register = (path: string, body: string) =>
        merchant.api
          .post(`/v1/merchants/${merchant.id}/endpoints`, { url: receiver.url(path), body })
          .expect(201);
      await register('/envelope', 'envelope');
      await register('/raw', 'raw');
      const payload = '{"order": 12345678901234567890, "amount" : 1.10}';
      await api
        .post(
          '/v1/notifications',
          `{"merchantId":"${merchant.id}","type":"a.b","businessKey":"k","payload": ${payload} }`,
        )
        .expect(202);
      const raw = await receiver.waitFor(({ path }) => path === '/raw');
      const envelope = await receiver.waitFor(({ path }) => path === '/envelope');
      expect(raw.body).toBe(payload);
      expect(envelope.body.endsWith(`"data":${payload}}`)).toBe(true);
    } finally {
      await gateway.close();
      await receiver.close();
    }
  });
});

describe('a queue that was deleted', () => {
  test('still delivers what is sent again in it, also after a restart', async () => {
    const gateway = await testGateway();
    const receiver = await startReceiver();
    try {
      receiver.answer(500);
      const merchant = await gateway.merchant();
      await gateway.operator.put('/v1/queues/gone', { ...QUICK, ladderSeconds: [0] }).expect(200);
      await merchant.api
        .post(`/v1/merchants/${merchant.id}/endpoints`, { url: receiver.url(), queue: 'gone' })
        .expect(201);
      const { body } = await gateway.operator
        .post('/v1/notifications', {
          merchantId: merchant.id,
          type: 'a.b',
          businessKey: 'k',
          payload: {},
        })
        .expect(202);
      const path = `/v1/deliveries/${body.deliveries[0].id}`;
      const reaches = (status: string) =>
        until(async () => (await gateway.operator.get(path)).body.status === status);
      await reaches('failed');
      await gateway.operator.delete('/v1/queues/gone').expect(204);
      await gateway.stop();
      await gateway.start();
      receiver.answer(200);
      await gateway.operator.post(`${path}/resend`, { reason: 'late' }).expect(202);
      await reaches('delivered');
    } finally {
      await gateway.close();
      await receiver.close();
    }
  });
});
