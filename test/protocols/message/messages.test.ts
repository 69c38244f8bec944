import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { describeBackends } from '../../support/backends.ts';
import { hold } from '../../support/receiver.ts';
import { openScene, type Scene } from './scene.ts';

describeBackends('the way of a reliable message', (backend) => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await openScene(backend());
  });
  afterAll(() => scene.close());
  afterEach(() => {
    scene.receiver.answer(200);
    scene.checks.answer(200);
  });
  const confirm = (id: string) => scene.producer.api.post(`/v1/messages/${id}/confirm`);
  const cancel = (id: string) => scene.producer.api.post(`/v1/messages/${id}/cancel`);
  const complete = (id: string, body: object = { outcome: 'success' }) =>
    scene.merchant.api.post(`/v1/messages/${id}/complete`, body);

  test('is prepared, confirmed, delivered and, with completion by http, completed', async () => {
    const before = scene.receiver.requests.length;
    const prepared = await scene.prepare();
    expect(prepared.id).toMatch(/^msg_/);
    expect(prepared).toMatchObject({ status: 'prepared', notificationId: null, deliveries: [] });
    const confirmed = await confirm(prepared.id).expect(200);
    expect(confirmed.body).toMatchObject({ decidedBy: 'producer' });
    const done = await scene.reaches(prepared.id, 'completed');
    expect(done.deliveries).toMatchObject([{ status: 'completed', attemptCount: 1 }]);
    const received = scene.receiver.requests.slice(before);
    expect(received).toHaveLength(1);
    expect(received[0]?.headers['webhook-id']).toBe(done.notificationId);
    expect(JSON.parse(received[0]?.body ?? '')).toMatchObject({
      id: done.notificationId,
      businessKey: 'ORDER-1',
      data: { points: 10 },
    });
    // It is a notification like any other, for lists, results and the merchant.
    const shown = await scene.merchant.api.get(`/v1/notifications/${done.notificationId}`);
    expect(shown.body).toMatchObject({ status: 'delivered', queue: 'quick' });
    const delivery = await scene.producer.api.get(`/v1/deliveries/${done.deliveries[0].id}`);
    expect(delivery.body).toMatchObject({ notificationId: done.notificationId });
    // Nobody is asked any more.
    expect(done.check.nextAt).toBeNull();
  });

  test('is sent with explicit completion, and completed by the merchant', async () => {
    const { id } = await scene.prepare({ completion: 'explicit' });
    await confirm(id).expect(200);
    const sent = await scene.reaches(id, 'sent');
    expect(sent.deliveries[0].nextAttemptAt).not.toBeNull();
    const done = await complete(id, { outcome: 'failed', reason: 'no such account' }).expect(200);
    expect(done.body).toMatchObject({
      status: 'completed',
      deliveries: [{ status: 'completed', outcome: 'failed', reason: 'no such account' }],
    });
    expect(done.body.deliveries[0].nextAttemptAt).toBeNull();
    await complete(id, { outcome: 'failed' }).expect(200);
    expect((await complete(id).expect(409)).body.code).toBe('outcome_conflict');
  });

  test('complete before the recorded 2xx: it stays completed', async () => {
    const gate = hold(200);
    scene.receiver.answer(gate);
    const before = scene.receiver.requests.length;
    const { id } = await scene.prepare({ completion: 'explicit' });
    await confirm(id).expect(200);
    await scene.receiver.waitFor(before + 1);
    const early = await complete(id).expect(200);
    expect(early.body.status).toBe('completed');
    gate.release();
    const { deliveries } = early.body;
    const attempts = `/v1/deliveries/${deliveries[0].id}/attempts`;
    await expect
      .poll(async () => (await scene.gateway.operator.get(attempts)).body.data, { timeout: 10_000 })
      .toMatchObject([{ outcome: 'success' }]);
    expect(await scene.read(id)).toMatchObject({ status: 'completed' });
  });

  test('2xx and no complete: sent again down the ladder, then dead; a re-send revives it', async () => {
    const before = scene.receiver.requests.length;
    const { id } = await scene.prepare({ completion: 'explicit', completeAfterSeconds: 1 });
    await confirm(id).expect(200);
    await scene.reaches(id, 'sent');
    const dead = await scene.reaches(id, 'dead', 20_000);
    expect(scene.receiver.requests.length - before).toBe(4);
    expect(dead.deliveries[0]).toMatchObject({ attemptCount: 4, reason: 'ladder_spent' });
    const gate = hold(200);
    scene.receiver.answer(gate);
    await scene.gateway.operator
      .post(`/v1/deliveries/${dead.deliveries[0].id}/resend`, { reason: 'try again' })
      .expect(202);
    expect(await scene.read(id)).toMatchObject({ status: 'confirmed' });
    gate.release();
    await scene.reaches(id, 'sent');
    await complete(id).expect(200);
    expect(await scene.read(id)).toMatchObject({ status: 'completed' });
  }, 40_000);

  test('the receiver fails until the ladder is spent: dead, and completed all the same', async () => {
    scene.receiver.answer(500);
    const { id } = await scene.prepare();
    await confirm(id).expect(200);
    await scene.reaches(id, 'dead', 20_000);
    await complete(id).expect(200);
    expect(await scene.read(id)).toMatchObject({ status: 'completed' });
  }, 30_000);

  test('a cancelled one is never delivered, and a late confirm is refused', async () => {
    const before = scene.receiver.requests.length;
    const { id } = await scene.prepare();
    await cancel(id).expect(200);
    expect((await cancel(id).expect(200)).body.status).toBe('cancelled');
    expect((await confirm(id).expect(409)).body.code).toBe('already_cancelled');
    // For its merchant it has never been; operators are told why.
    await complete(id).expect(404);
    const refused = await scene.gateway.operator
      .post(`/v1/messages/${id}/complete`, { outcome: 'success' })
      .expect(409);
    expect(refused.body.code).toBe('not_deliverable');
    expect(scene.receiver.requests).toHaveLength(before);
  });

  test('a confirmed one cannot be cancelled, and confirm again changes nothing', async () => {
    const { id } = await scene.prepare();
    const first = await confirm(id).expect(200);
    const again = await confirm(id).expect(200);
    expect(again.body.notificationId).toBe(first.body.notificationId);
    expect((await cancel(id).expect(409)).body.code).toBe('already_confirmed');
    await scene.reaches(id, 'completed');
  });

  test('prepared twice it is one message; with other content it is a conflict', async () => {
    const messageId = `order-${Math.random().toString(36).slice(2)}`;
    const eventId = `${messageId}-event`;
    const first = await scene.prepare({ messageId }, { eventId });
    expect(first.id).toBe(messageId);
    const body = (more: object = {}, notification: object = {}) => ({
      messageId,
      notification: {
        merchantId: scene.merchant.id,
        type: 'order.paid',
        businessKey: 'ORDER-1',
        queue: 'quick',
        payload: { points: 10 },
        eventId,
        ...notification,
      },
      checkUrl: scene.checks.url('/check'),
      completion: 'http',
      ...more,
    });
    const post = (content: object) => scene.producer.api.post('/v1/messages', content);
    expect((await post(body()).expect(200)).body.id).toBe(messageId);
    const other = await post(body({}, { payload: { points: 11 } })).expect(409);
    expect(other.body.code).toBe('message_conflict');
    const sameEvent = await post(body({ messageId: 'another' }, { businessKey: 'X' })).expect(409);
    expect(sameEvent.body.code).toBe('event_conflict');
  });

  test('two endpoints: the least advanced delivery is what the message shows', async () => {
    const merchant = await scene.gateway.merchant();
    const register = async (path: string) =>
      (
        await merchant.api
          .post(`/v1/merchants/${merchant.id}/endpoints`, { url: scene.receiver.url(path) })
          .expect(201)
      ).body.id;
    const [points, shipping] = [await register('/points'), await register('/shipping')];
    scene.receiver.answer(500, '/shipping');
    const { id } = await scene.prepare({ completion: 'explicit' }, { merchantId: merchant.id });
    await confirm(id).expect(200);
    const states = async () => {
      const { status, deliveries } = await scene.read(id);
      const of = (endpointId: string) =>
        deliveries.find((each: { endpointId: string }) => each.endpointId === endpointId).status;
      return [status, of(points), of(shipping)];
    };
    await expect.poll(states, { timeout: 10_000 }).toEqual(['confirmed', 'sent', 'confirmed']);
    await merchant.api
      .post(`/v1/messages/${id}/complete`, { consumer: points, outcome: 'success' })
      .expect(200);
    expect(await states()).toEqual(['confirmed', 'completed', 'confirmed']);
    await expect.poll(states, { timeout: 10_000 }).toEqual(['dead', 'completed', 'dead']);
    await merchant.api
      .post(`/v1/messages/${id}/complete`, { consumer: shipping, outcome: 'success' })
      .expect(200);
    expect(await states()).toEqual(['completed', 'completed', 'completed']);
    scene.receiver.answer(200, '/shipping');
  }, 30_000);

  test('the payload arrives to the byte', async () => {
    const before = scene.receiver.requests.length;
    const payload = '{"order": 12345678901234567890, "amount" : 1.10}';
    const { body } = await scene.producer.api
      .post(
        '/v1/messages',
        `{"notification":{"merchantId":"${scene.merchant.id}","type":"a.b","businessKey":"k",
          "payload": ${payload} },"checkUrl":"${scene.checks.url()}","completion":"http"}`,
      )
      .expect(201);
    await confirm(body.id).expect(200);
    await scene.receiver.waitFor(before + 1);
    expect(scene.receiver.requests[before]?.body.endsWith(`"data":${payload}}`)).toBe(true);
  });

  test('refuses what it could not deliver, before the producer starts', async () => {
    const post = (more: object, notification: object = {}) =>
      scene.producer.api.post('/v1/messages', {
        notification: {
          merchantId: scene.merchant.id,
          type: 'a.b',
          businessKey: 'k',
          payload: {},
          ...notification,
        },
        checkUrl: scene.checks.url(),
        completion: 'http',
        ...more,
      });
    const nobody = await post({}, { merchantId: 'nobody' }).expect(422);
    expect(nobody.body).toMatchObject({
      code: 'unknown_merchant',
      errors: [{ path: 'body.notification.merchantId' }],
    });
    expect((await post({}, { queue: 'nowhere' }).expect(422)).body.code).toBe('unknown_queue');
    const { body } = await post({ checkUrl: 'ftp://example.com' }).expect(422);
    expect(body.errors[0].path).toBe('body.checkUrl');
    await post({ messageId: 'ntf_01kas' }).expect(422);
    await post({ completion: 'maybe' }).expect(422);
  });

  test('who sees it: its producer, its merchant, operators; for others it is absent', async () => {
    const { id } = await scene.prepare();
    const other = await scene.gateway.producer();
    const neighbour = await scene.gateway.merchant();
    await other.api.get(`/v1/messages/${id}`).expect(404);
    await other.api.post(`/v1/messages/${id}/confirm`).expect(404);
    await neighbour.api.get(`/v1/messages/${id}`).expect(404);
    await neighbour.api.post(`/v1/messages/${id}/complete`, { outcome: 'success' }).expect(404);
    await scene.merchant.api.post(`/v1/messages/${id}/confirm`).expect(403);
    await scene.producer.api
      .post(`/v1/messages/${id}/complete`, { outcome: 'success' })
      .expect(403);
    await scene.producer.api.post(`/v1/messages/${id}/recheck`).expect(403);
    // The check-back belongs to nobody's list but the operators'.
    const { body } = await scene.gateway.operator.get(`/v1/messages/${id}`);
    await scene.merchant.api.get(`/v1/deliveries/${body.check.deliveryId}`).expect(404);
    await confirm(id).expect(200);
    const own = await scene.merchant.api.get(`/v1/messages/${id}`).expect(200);
    expect(own.body).toMatchObject({ id, checkUrl: null, check: null });
    await neighbour.api.get(`/v1/messages/${id}`).expect(404);
  });

  test('what is prepared, parked or cancelled is its producer’s matter alone', async () => {
    const businessKey = `PRIVATE-${Math.random()}`;
    const prepared = await scene.prepare({}, { businessKey });
    const cancelled = await scene.prepare({}, { businessKey });
    await cancel(cancelled.id).expect(200);
    const parked = await scene.prepare({}, { businessKey });
    await scene.gateway.db.database.prisma.$executeRaw`
      UPDATE message SET status = 'suspended', suspended_at = now() WHERE id = ${parked.id}`;
    const bound = await scene.gateway.producer(scene.merchant.id);
    const own = await bound.api.post('/v1/messages', {
      notification: {
        merchantId: scene.merchant.id,
        type: 'order.paid',
        businessKey,
        payload: {},
      },
      checkUrl: scene.checks.url('/check'),
      completion: 'http',
    });
    // A producer's key may name a merchant: it is a producer's all the same.
    await bound.api.get(`/v1/messages/${own.body.id}`).expect(200);

    const listed = async (query = '') =>
      (
        await scene.merchant.api
          .get(`/v1/messages?businessKey=${encodeURIComponent(businessKey)}${query}`)
          .expect(200)
      ).body.data.map(({ id }: { id: string }) => id);
    for (const { id } of [prepared, cancelled, parked]) {
      await scene.merchant.api.get(`/v1/messages/${id}`).expect(404);
      await complete(id).expect(404);
      const byKey = { messageId: id, businessKey, outcome: 'success' };
      await scene.merchant.api.post('/v1/messages/complete', byKey).expect(404);
    }
    expect(await listed()).toEqual([]);
    expect(await listed('&status=prepared,suspended,cancelled')).toEqual([]);
    await confirm(prepared.id).expect(200);
    expect(await listed()).toEqual([prepared.id]);
  });

  test('lists: newest first, by key, state and time, page by page', async () => {
    const businessKey = `LIST-${Math.random()}`;
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) ids.unshift((await scene.prepare({}, { businessKey })).id);
    await cancel(ids[1] ?? '').expect(200);
    const list = async (query: string) =>
      (
        await scene.producer.api
          .get(`/v1/messages?businessKey=${encodeURIComponent(businessKey)}&${query}`)
          .expect(200)
      ).body;
    const idsOf = (page: { data: { id: string }[] }) => page.data.map(({ id }) => id);
    expect(idsOf(await list('limit=10'))).toEqual(ids);
    expect(idsOf(await list('status=cancelled'))).toEqual([ids[1]]);
    expect(idsOf(await list('status=completed,sent'))).toEqual([]);
    const first = await list('limit=3');
    expect(first).toMatchObject({ hasMore: true });
    expect(idsOf(await list(`limit=3&cursor=${first.nextCursor}`))).toEqual(ids.slice(3));
    expect(idsOf(await list('from=2999-01-01T00:00:00Z'))).toEqual([]);
  });

  test('a message that nobody listens to is dead, and revived when somebody does', async () => {
    const merchant = await scene.gateway.merchant();
    const { id } = await scene.prepare({ completion: 'explicit' }, { merchantId: merchant.id });
    const { body } = await confirm(id).expect(200);
    expect(body).toMatchObject({ status: 'dead', deliveries: [{ reason: 'no_endpoint' }] });
    for (const path of ['/one', '/two']) {
      await merchant.api
        .post(`/v1/merchants/${merchant.id}/endpoints`, { url: scene.receiver.url(path) })
        .expect(201);
    }
    await scene.gateway.operator
      .post(`/v1/deliveries/${body.deliveries[0].id}/resend`, { reason: 'now they do' })
      .expect(202);
    const sent = await scene.reaches(id, 'sent');
    expect(sent.deliveries).toHaveLength(2);
  });

  test('an event that also came as a notification is delivered all the same', async () => {
    const eventId = `twice-${Math.random()}`;
    const { id } = await scene.prepare({}, { eventId });
    await scene.producer.api
      .post('/v1/notifications', {
        merchantId: scene.merchant.id,
        type: 'order.paid',
        businessKey: 'ORDER-1',
        eventId,
        payload: {},
      })
      .expect(202);
    await confirm(id).expect(200);
    await scene.reaches(id, 'completed');
  });

  test('the check-back is signed with the producer key’s callback secret', async () => {
    scene.checks.answer({ body: '{"status":"committed"}' }, '/signed');
    const { id } = await scene.prepare({
      checkUrl: scene.checks.url('/signed'),
      checkAfterSeconds: 0,
    });
    const request = await scene.checks.waitFor(({ path }) => path === '/signed');
    expect(JSON.parse(request.body)).toEqual({
      messageId: id,
      businessKey: 'ORDER-1',
      checkNumber: 1,
    });
    const webhook = new Webhook(scene.producer.callbackSecret);
    expect(() => webhook.verify(request.body, request.headers as never)).not.toThrow();
    const done = await scene.reaches(id, 'completed');
    expect(done).toMatchObject({ decidedBy: 'check' });
  });
});
