import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { hold, type Receiver, startReceiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';

describe('confirming by pull', () => {
  let gateway: TestGateway;
  let producer: Awaited<ReturnType<TestGateway['producer']>>;
  let merchant: Awaited<ReturnType<TestGateway['merchant']>>;
  let receiver: Receiver;
  beforeAll(async () => {
    gateway = await testGateway();
    producer = await gateway.producer();
    const rules = { deadlineSeconds: 60, jitter: 0, timeoutMs: 5_000, maxInFlightPerEndpoint: 100 };
    await gateway.operator.put('/v1/queues/once', { ladderSeconds: [0], ...rules }).expect(200);
    await gateway.operator.put('/v1/queues/twice', { ladderSeconds: [0, 1], ...rules }).expect(200);
    await gateway.operator.put('/v1/queues/later', { ladderSeconds: [50], ...rules }).expect(200);
  });
  afterAll(() => gateway.close());
  beforeEach(async () => {
    receiver = await startReceiver();
    merchant = await gateway.merchant();
  });
  afterEach(() => receiver.close());

  const listen = (path = '/') =>
    merchant.api
      .post(`/v1/merchants/${merchant.id}/endpoints`, { url: receiver.url(path) })
      .expect(201);
  const notify = async (queue: string, businessKey = 'k') =>
    (
      await producer.api
        .post('/v1/notifications', {
          merchantId: merchant.id,
          type: 'a.b',
          businessKey,
          queue,
          payload: {},
        })
        .expect(202)
    ).body;
  const ack = (id: string, body: object = {}) =>
    merchant.api.post(`/v1/notifications/${id}/ack`, body).expect(200);
  const reaches = (id: string, status: string) =>
    until(async () => {
      const { body } = await merchant.api.get(`/v1/notifications/${id}`);
      return body.status === status && body;
    });
  const confirmed = { status: 'acknowledged', reason: 'confirmed_by_pull', nextAttemptAt: null };

  test('ends a ladder that waits', async () => {
    await listen();
    const { id } = await notify('later');
    const other = await notify('later');
    const { body } = await ack(id, { consumer: 'catch-up job' });
    expect(body).toMatchObject({ id, status: 'acknowledged', deliveries: [confirmed] });
    await gateway.db.travel(55_000);
    await reaches(other.id, 'delivered');
    expect((await reaches(id, 'acknowledged')).deliveries).toMatchObject([confirmed]);
    expect(receiver.requests.map(({ headers }) => headers['webhook-id'])).toEqual([other.id]);
  });

  test('overtakes an attempt that is under way, whose failure then starts no other', async () => {
    const holding = hold(500);
    receiver.answer(holding);
    await listen();
    const { id, deliveries } = await notify('twice');
    await receiver.waitFor(1);
    expect((await ack(id)).body.deliveries).toMatchObject([{ ...confirmed, attemptCount: 0 }]);
    holding.release();
    const attempts = await until(async () => {
      const { body } = await merchant.api.get(`/v1/deliveries/${deliveries[0].id}/attempts`);
      return body.data.length > 0 && body.data;
    });
    expect(attempts).toMatchObject([{ outcome: 'http_status', statusCode: 500 }]);
    const after = (await merchant.api.get(`/v1/notifications/${id}`)).body;
    expect(after.deliveries).toMatchObject([{ ...confirmed, attemptCount: 1 }]);
    const other = await notify('twice');
    receiver.answer(200);
    await gateway.db.travel(5_000);
    await reaches(other.id, 'delivered');
    const asked = receiver.requests.filter(({ headers }) => headers['webhook-id'] === id);
    expect(asked).toHaveLength(1);
  });

  test('stays confirmed when the attempt under way succeeds after all', async () => {
    const holding = hold(200);
    receiver.answer(holding);
    await listen();
    const { id } = await notify('twice');
    await receiver.waitFor(1);
    await ack(id);
    holding.release();
    const done = await until(async () => {
      const { body } = await merchant.api.get(`/v1/notifications/${id}`);
      return body.deliveries[0].attemptCount === 1 && body;
    });
    expect(done.deliveries).toMatchObject([confirmed]);
  });

  test('ends what failed and what was skipped; what was delivered or cancelled stays so', async () => {
    const skipped = await notify('once', 'skipped');
    await listen();
    receiver.answer([500, 200]);
    const failed = await notify('once', 'failed');
    await reaches(failed.id, 'failed');
    const delivered = await notify('once', 'delivered');
    await reaches(delivered.id, 'delivered');
    const cancelled = await notify('later', 'cancelled');
    await producer.api.post(`/v1/notifications/${cancelled.id}/cancel`).expect(200);
    expect((await ack(skipped.id)).body.deliveries).toMatchObject([confirmed]);
    expect((await ack(failed.id)).body.deliveries).toMatchObject([confirmed]);
    expect((await ack(delivered.id)).body.deliveries).toMatchObject([{ status: 'delivered' }]);
    expect((await ack(cancelled.id)).body.deliveries).toMatchObject([
      { status: 'cancelled', reason: 'cancelled_by_request' },
    ]);
  });

  test('again answers the same', async () => {
    const { id } = await notify('once');
    const first = await ack(id);
    expect((await ack(id, { consumer: 'another' })).body).toEqual(first.body);
    const deliveryId = first.body.deliveries[0].id;
    const settledAt = async () =>
      (await merchant.api.get(`/v1/deliveries/${deliveryId}`)).body.settledAt;
    const before = await settledAt();
    await ack(id);
    expect(await settledAt()).toBe(before);
  });

  test('can be asked to be sent again all the same', async () => {
    await listen();
    const { id, deliveries } = await notify('later');
    await ack(id);
    await merchant.api
      .post(`/v1/deliveries/${deliveries[0].id}/resend`, { reason: 'lost it' })
      .expect(202);
    expect(await reaches(id, 'delivered')).toMatchObject({ deliveries: [{ cycle: 2 }] });
  });

  test('many at once, each with what became of it, in the order asked', async () => {
    const foreign = await gateway.merchant();
    const one = await notify('once', 'one');
    const two = await notify('later', 'two');
    const { body: others } = await producer.api
      .post('/v1/notifications', {
        merchantId: foreign.id,
        type: 'a.b',
        businessKey: 'k',
        payload: {},
      })
      .expect(202);
    const ids = [two.id, 'ntf_unknown', others.id, one.id, two.id];
    const { body } = await merchant.api.post('/v1/notifications/ack', { ids }).expect(200);
    expect(body).toEqual({
      data: [
        { id: two.id, status: 'acknowledged' },
        { id: 'ntf_unknown', status: 'not_found' },
        { id: others.id, status: 'not_found' },
        { id: one.id, status: 'acknowledged' },
        { id: two.id, status: 'acknowledged' },
      ],
    });
    const untouched = await foreign.api.get(`/v1/notifications/${others.id}`);
    expect(untouched.body.status).toBe('skipped');
    await merchant.api.post('/v1/notifications/ack', { ids: [] }).expect(422);
    const tooMany = Array.from({ length: 501 }, (_, n) => `ntf_${n}`);
    await merchant.api.post('/v1/notifications/ack', { ids: tooMany }).expect(422);
  });

  test('hundreds in flight to three endpoints are confirmed while their attempts end', async () => {
    const holding = hold(500);
    receiver.answer(holding);
    for (const path of ['/a', '/b', '/c']) await listen(path);
    const sent = await Promise.all(Array.from({ length: 40 }, (_, n) => notify('twice', `k${n}`)));
    await receiver.waitFor(60);
    const ids = sent.map(({ id }) => id);
    holding.release();
    const answers = await Promise.all(
      [ids, ids.toReversed(), ids.toSorted()].map((each) =>
        merchant.api.post('/v1/notifications/ack', { ids: each }).expect(200),
      ),
    );
    for (const { body } of answers) {
      expect(new Set(body.data.map(({ status }: { status: string }) => status))).toEqual(
        new Set(['acknowledged']),
      );
    }
    await until(async () => {
      const { prisma } = gateway.db.database;
      return (await prisma.delivery.count({ where: { NOT: { leaseToken: null } } })) === 0;
    });
    for (const { id } of sent) {
      const { body } = await merchant.api.get(`/v1/notifications/${id}`);
      expect(body.deliveries).toMatchObject([confirmed, confirmed, confirmed]);
    }
    const count = receiver.requests.length;
    await gateway.db.travel(5_000);
    const other = await notify('twice');
    await until(() => receiver.requests.some(({ headers }) => headers['webhook-id'] === other.id));
    const after = receiver.requests.slice(count).map(({ headers }) => headers['webhook-id']);
    expect(new Set(after)).toEqual(new Set([other.id]));
  });

  test('is a merchant’s own: another one’s looks absent, producers may not', async () => {
    const { id } = await notify('once');
    const other = await gateway.merchant();
    const ask = async (path: string) => {
      const { status, body } = await other.api.post(path, {});
      return { status, code: body.code, detail: body.detail };
    };
    const absent = await ask(`/v1/notifications/ntf_${'0'.repeat(26)}/ack`);
    expect(absent.status).toBe(404);
    expect(await ask(`/v1/notifications/${id}/ack`)).toEqual(absent);
    await producer.api.post(`/v1/notifications/${id}/ack`, {}).expect(403);
    await producer.api.post('/v1/notifications/ack', { ids: [id] }).expect(403);
    await gateway.operator.post(`/v1/notifications/${id}/ack`).expect(200);
    await merchant.api.post(`/v1/notifications/${id}/ack`, { consumer: '' }).expect(422);
    await merchant.api.post(`/v1/notifications/${id}/ack`, { who: 'x' }).expect(422);
  });
});
