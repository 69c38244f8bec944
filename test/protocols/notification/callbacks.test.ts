import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeBackends } from '../../support/backends.ts';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';

const HOUR = 3_600_000;
const ONCE = { ladderSeconds: [0], deadlineSeconds: 60, jitter: 0, timeoutMs: 2000 };
const LATER = { ladderSeconds: [3600], deadlineSeconds: 86_400, jitter: 0 };

type Body = { type: string; timestamp: string; data: Record<string, unknown> };

interface Scene {
  gateway: TestGateway;
  producer: Awaited<ReturnType<TestGateway['producer']>>;
  merchant: Awaited<ReturnType<TestGateway['merchant']>>;
  /** The merchant's endpoint, at which `endpointId` is. */
  receiver: Receiver;
  endpointId: string;
  /** Where the producer hears. */
  producers: Receiver;
  send(more?: object): Promise<{ id: string; deliveries: { id: string }[] }>;
  /** The callbacks that have come for a notification, once there are `count`. */
  heard(id: string, count: number): Promise<Body[]>;
  close(): Promise<void>;
}

async function openScene(options: Parameters<typeof testGateway>[0] = {}): Promise<Scene> {
  const gateway = await testGateway({ sweepEveryMs: 200, ...options });
  const [receiver, producers] = [await startReceiver(), await startReceiver()];
  const [producer, merchant] = [await gateway.producer(), await gateway.merchant()];
  await gateway.operator.put('/v1/queues/once', ONCE).expect(200);
  await gateway.operator.put('/v1/queues/later', LATER).expect(200);
  const at = `/v1/merchants/${merchant.id}/endpoints`;
  const hook = { url: receiver.url('/hook'), types: ['order.*'] };
  const { body: endpoint } = await merchant.api.post(at, hook).expect(201);
  let count = 0;
  return {
    gateway,
    producer,
    merchant,
    receiver,
    endpointId: endpoint.id,
    producers,
    async send(more = {}) {
      count += 1;
      const { body } = await producer.api
        .post('/v1/notifications', {
          merchantId: merchant.id,
          type: 'order.paid',
          businessKey: `ORDER-${count}`,
          payload: {},
          queue: 'once',
          notifyProducer: { url: producers.url('/ends') },
          ...more,
        })
        .expect(202);
      return body;
    },
    async heard(id, wanted) {
      const its = () =>
        producers.requests
          .map(({ body }) => JSON.parse(body) as Body)
          .filter(({ data }) => data.notificationId === id);
      await until(() => its().length >= wanted, { what: `${wanted} callbacks`, timeoutMs: 15_000 });
      return its();
    },
    async close() {
      await gateway.close();
      await receiver.close();
      await producers.close();
    },
  };
}

const idsOf = (producers: Receiver) =>
  producers.requests.map(({ headers }) => headers['webhook-id']);

describeBackends('a producer hears how its deliveries end', (backend) => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await openScene({ backend: backend() });
  });
  afterAll(() => scene.close());

  test('delivered: one signed call that says what came of it', async () => {
    const sent = await scene.send({ eventId: 'e-1' });
    const [body] = await scene.heard(sent.id, 1);
    expect(body).toEqual({
      type: 'notification.delivered',
      timestamp: body?.data.endedAt,
      data: {
        notificationId: sent.id,
        deliveryId: sent.deliveries[0]?.id,
        merchantId: scene.merchant.id,
        endpointId: scene.endpointId,
        notificationType: 'order.paid',
        businessKey: 'ORDER-1',
        eventId: 'e-1',
        status: 'delivered',
        reason: null,
        cycle: 1,
        attempts: 1,
        lastOutcome: 'success',
        lastStatusCode: 200,
        endedAt: expect.stringMatching(/Z$/),
      },
    });
    const [call] = scene.producers.requests;
    const webhook = new Webhook(scene.producer.callbackSecret);
    expect(() =>
      webhook.verify(call?.body ?? '', call?.headers as Record<string, string>),
    ).not.toThrow();
    expect(call?.headers['webhook-id']).toBe(`${sent.deliveries[0]?.id}:1:delivered`);
  });

  test('failed, sent again, delivered: two calls, each of its own round', async () => {
    scene.receiver.answer([500, 200], '/hook');
    const sent = await scene.send();
    const [failed] = await scene.heard(sent.id, 1);
    expect(failed).toMatchObject({
      type: 'notification.failed',
      data: { status: 'failed', reason: 'ladder_spent', cycle: 1, attempts: 1 },
    });
    expect(failed?.data).toMatchObject({ lastOutcome: 'http_status', lastStatusCode: 500 });
    const at = `/v1/deliveries/${sent.deliveries[0]?.id}/resend`;
    await scene.gateway.operator.post(at, { reason: 'they are back' }).expect(202);
    const [, delivered] = await scene.heard(sent.id, 2);
    expect(delivered).toMatchObject({
      type: 'notification.delivered',
      data: { status: 'delivered', cycle: 2, attempts: 1, lastOutcome: 'success' },
    });
    expect(new Set(idsOf(scene.producers)).size).toBe(scene.producers.requests.length);
  });

  test('a call that fails comes again down its own ladder, with the same id and the same bytes', async () => {
    scene.producers.answer([503, 200], '/shaky');
    const sent = await scene.send({ notifyProducer: { url: scene.producers.url('/shaky') } });
    await scene.heard(sent.id, 1);
    await scene.gateway.db.travel(10_000);
    await scene.heard(sent.id, 2);
    const calls = scene.producers.requests.filter(({ path }) => path === '/shaky');
    expect(new Set(calls.map(({ body }) => body)).size).toBe(1);
    expect(new Set(calls.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  });

  test('acknowledged, cancelled, expired: each is told, with its reason', async () => {
    const acknowledged = await scene.send({ queue: 'later' });
    const cancelled = await scene.send({ queue: 'later' });
    const expired = await scene.send({ queue: 'later' });
    await scene.merchant.api.post(`/v1/notifications/${acknowledged.id}/ack`, {}).expect(200);
    await scene.producer.api.post(`/v1/notifications/${cancelled.id}/cancel`, {}).expect(200);
    expect(await scene.heard(acknowledged.id, 1)).toMatchObject([
      { type: 'notification.acknowledged', data: { reason: 'confirmed_by_pull', attempts: 0 } },
    ]);
    expect(await scene.heard(cancelled.id, 1)).toMatchObject([
      {
        type: 'notification.failed',
        data: { status: 'cancelled', reason: 'cancelled_by_request', lastOutcome: null },
      },
    ]);
    await scene.merchant.api.post(`/v1/endpoints/${scene.endpointId}/pause`).expect(200);
    await scene.gateway.db.travel(25 * HOUR);
    expect(await scene.heard(expired.id, 1)).toMatchObject([
      { type: 'notification.failed', data: { status: 'failed', reason: 'deadline_passed' } },
    ]);
    await scene.merchant.api.post(`/v1/endpoints/${scene.endpointId}/resume`).expect(200);
  });

  test('only of what it asked for, and nobody is told of calls', async () => {
    const quiet = await scene.send({
      notifyProducer: { url: scene.producers.url(), on: ['failed'] },
    });
    const told = await scene.send();
    await scene.heard(told.id, 1);
    expect(await scene.heard(quiet.id, 0)).toEqual([]);
    const { rows } = await scene.gateway.db.database.pool.query(
      `SELECT count(*)::int AS n FROM delivery AS d
        WHERE d.purpose = 'callback' AND NOT EXISTS (
          SELECT FROM producer_callback AS c JOIN delivery AS o ON o.id = c.delivery_id
           WHERE c.id = d.owner_id AND o.purpose = 'notify')`,
    );
    expect(rows).toEqual([{ n: 0 }]);
  });
});

describe('whom it is told to', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await openScene();
    const { operator } = scene.gateway;
    const notifyProducer = { url: scene.producers.url('/of-queue') };
    await operator.put('/v1/queues/telling', { ...ONCE, notifyProducer }).expect(200);
  });
  afterAll(() => scene.close());
  const pathsOf = (id: string) =>
    scene.producers.requests.filter(({ body }) => body.includes(id)).map(({ path }) => path);

  test('the queue’s address, where the notification names none', async () => {
    const sent = await scene.send({ queue: 'telling', notifyProducer: null });
    await scene.heard(sent.id, 1);
    expect(pathsOf(sent.id)).toEqual(['/of-queue']);
  });

  test('the notification’s own before that of its queue', async () => {
    const sent = await scene.send({ queue: 'telling' });
    await scene.heard(sent.id, 1);
    expect(pathsOf(sent.id)).toEqual(['/ends']);
  });

  test('what a queue says from now on is for what is accepted from now on', async () => {
    const { operator } = scene.gateway;
    const rules = { ...ONCE, notifyProducer: { url: scene.producers.url('/early') } };
    await operator.put('/v1/queues/changing', rules).expect(200);
    scene.receiver.answer({ delayMs: 500, status: 200 }, '/hook');
    const sent = await scene.send({ queue: 'changing', notifyProducer: null });
    const { body } = await operator.put('/v1/queues/changing', ONCE).expect(200);
    expect(body).toMatchObject({ version: 2, notifyProducer: null });
    await scene.heard(sent.id, 1);
    scene.receiver.answer(200, '/hook');
    expect(pathsOf(sent.id)).toEqual(['/early']);
  });

  test('each delivery has its own call; one to nobody has one as well', async () => {
    const at = `/v1/merchants/${scene.merchant.id}/endpoints`;
    const other = { url: scene.receiver.url('/other'), types: ['order.split'] };
    await scene.merchant.api.post(at, other).expect(201);
    const two = await scene.send({ type: 'order.split' });
    const bodies = await scene.heard(two.id, 2);
    expect(bodies.map(({ data }) => data.deliveryId).sort()).toEqual(
      two.deliveries.map(({ id }) => id).sort(),
    );
    const nobody = await scene.send({ type: 'unheard.of' });
    expect(await scene.heard(nobody.id, 1)).toMatchObject([
      { type: 'notification.failed', data: { status: 'skipped', reason: 'no_endpoint' } },
    ]);
  });

  test('what a higher version makes worthless is told with the call that did it', async () => {
    const rules = { ...LATER, supersede: true };
    await scene.gateway.operator.put('/v1/queues/newest', rules).expect(200);
    const of = (version: number) =>
      scene.send({
        queue: 'newest',
        businessKey: 'SAME',
        result: { status: 'S', version },
      });
    const first = await of(1);
    await of(2);
    expect(await scene.heard(first.id, 1)).toMatchObject([
      { type: 'notification.failed', data: { status: 'cancelled', reason: 'superseded' } },
    ]);
  });

  test('a whole backlog that ends at once is told whole', async () => {
    const merchant = await scene.gateway.merchant();
    const at = `/v1/merchants/${merchant.id}/endpoints`;
    const { body } = await merchant.api.post(at, { url: scene.receiver.url() }).expect(201);
    const notifications = Array.from({ length: 300 }, (_, n) => ({
      merchantId: merchant.id,
      type: 'a.b',
      businessKey: `B-${n}`,
      payload: {},
      queue: 'later',
      notifyProducer: { url: scene.producers.url('/backlog'), on: ['failed'] },
    }));
    await scene.producer.api.post('/v1/notifications/batch', { notifications }).expect(202);
    await merchant.api.delete(`/v1/endpoints/${body.id}`).expect(204);
    const its = () => scene.producers.requests.filter(({ path }) => path === '/backlog');
    await until(() => its().length === 300, { timeoutMs: 20_000, what: '300 callbacks' });
    expect(JSON.parse(its()[0]?.body ?? '')).toMatchObject({
      data: { status: 'cancelled', reason: 'endpoint_deleted' },
    });
  });

  test('of a message: its completion is the end', async () => {
    const { body: message } = await scene.producer.api
      .post('/v1/messages', {
        notification: {
          merchantId: scene.merchant.id,
          type: 'order.paid',
          businessKey: 'MESSAGE',
          payload: {},
          queue: 'once',
          notifyProducer: { url: scene.producers.url('/message') },
        },
        checkUrl: scene.producers.url('/check'),
        completion: 'explicit',
      })
      .expect(201);
    const { body: confirmed } = await scene.producer.api
      .post(`/v1/messages/${message.id}/confirm`)
      .expect(200);
    await until(async () => {
      const at = `/v1/messages/${message.id}`;
      return (await scene.producer.api.get(at)).body.status === 'sent';
    });
    await scene.merchant.api
      .post(`/v1/messages/${message.id}/complete`, { outcome: 'success' })
      .expect(200);
    expect(await scene.heard(confirmed.notificationId, 1)).toMatchObject([
      { type: 'notification.acknowledged', data: { status: 'acknowledged' } },
    ]);
  });

  test('an operator sees the call and sends it once more', async () => {
    scene.producers.answer([410, 200], '/gone');
    const sent = await scene.send({ notifyProducer: { url: scene.producers.url('/gone') } });
    await scene.heard(sent.id, 1);
    const call = await until(async () => {
      const { body } = await scene.gateway.operator
        .get('/v1/deliveries?queue=producer-callbacks&status=failed')
        .expect(200);
      return body.data[0] ?? null;
    });
    expect(call).toMatchObject({
      type: 'notification.delivered',
      notificationId: null,
      merchantId: null,
      url: scene.producers.url('/gone'),
      reason: 'gone',
    });
    const at = `/v1/deliveries/${call.id}/resend`;
    await scene.gateway.operator.post(at, { reason: 'it is back' }).expect(202);
    await scene.heard(sent.id, 2);
    const ids = scene.producers.requests.filter(({ path }) => path === '/gone');
    expect(new Set(ids.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  });

  test('a key that is revoked still signs what it has asked for, as check-backs do', async () => {
    const { operator } = scene.gateway;
    const { body: key } = await operator
      .post('/v1/keys', { role: 'producer', name: 'short-lived' })
      .expect(201);
    const { body: sent } = await scene.gateway
      .as(key.key)
      .post('/v1/notifications', {
        merchantId: scene.merchant.id,
        type: 'order.paid',
        businessKey: 'LAST',
        payload: {},
        queue: 'later',
        notifyProducer: { url: scene.producers.url('/revoked') },
      })
      .expect(202);
    await operator.delete(`/v1/keys/${key.id}`).expect(204);
    await operator.post(`/v1/notifications/${sent.id}/cancel`, {}).expect(200);
    await scene.heard(sent.id, 1);
    const call = scene.producers.requests.find(({ path }) => path === '/revoked');
    const webhook = new Webhook(key.callbackSecret);
    expect(() =>
      webhook.verify(call?.body ?? '', call?.headers as Record<string, string>),
    ).not.toThrow();
  });
});

describe('what is refused', () => {
  let gateway: TestGateway;
  let producer: Awaited<ReturnType<TestGateway['producer']>>;
  let merchant: Awaited<ReturnType<TestGateway['merchant']>>;
  beforeAll(async () => {
    gateway = await testGateway({ roles: ['api'], producerTargets: 'https://*.inside.example' });
    producer = await gateway.producer();
    merchant = await gateway.merchant();
  });
  afterAll(() => gateway.close());
  const event = (notifyProducer: unknown) => ({
    merchantId: merchant.id,
    type: 'a.b',
    businessKey: 'k',
    payload: {},
    notifyProducer,
  });

  test.each<[string, unknown, string]>([
    ['an inner address', { url: 'https://10.0.0.1/' }, 'body.notifyProducer.url'],
    ['another port', { url: 'https://other.example:22/' }, 'body.notifyProducer.url'],
    ['userinfo', { url: 'https://a:b@pay.inside.example/' }, 'body.notifyProducer.url'],
    ['no address', { on: ['failed'] }, 'body.notifyProducer.url'],
    ['no end', { url: 'https://pay.inside.example/', on: [] }, 'body.notifyProducer.on'],
    [
      'an end twice',
      { url: 'https://pay.inside.example/', on: ['failed', 'failed'] },
      'body.notifyProducer.on',
    ],
    [
      'an unknown end',
      { url: 'https://pay.inside.example/', on: ['lost'] },
      'body.notifyProducer.on.0',
    ],
  ])('%s', async (_what, notifyProducer, path) => {
    const { body } = await producer.api
      .post('/v1/notifications', event(notifyProducer))
      .expect(422);
    expect(body).toMatchObject({ code: 'invalid_request', errors: [{ path }] });
  });

  test('a key that has no secret to sign with', async () => {
    const own = event({ url: 'https://pay.inside.example/' });
    await producer.api.post('/v1/notifications', own).expect(202);
    const { body } = await gateway.operator.post('/v1/notifications', own).expect(422);
    expect(body).toMatchObject({
      code: 'no_callback_secret',
      errors: [{ path: 'body.notifyProducer' }],
    });
    const batch = await gateway.operator
      .post('/v1/notifications/batch', { notifications: [own, event(null)] })
      .expect(202);
    expect(batch.body.data).toMatchObject([
      { status: 422, problem: { code: 'no_callback_secret' } },
      { status: 202 },
    ]);
  });

  test('the same event with another address, or the same Idempotency-Key', async () => {
    const one = { ...event({ url: 'https://pay.inside.example/1' }), eventId: 'e' };
    const other = { ...event({ url: 'https://pay.inside.example/2' }), eventId: 'e' };
    await producer.api.post('/v1/notifications', one).expect(202);
    await producer.api.post('/v1/notifications', one).expect(200);
    const { body } = await producer.api.post('/v1/notifications', other).expect(409);
    expect(body.code).toBe('event_conflict');
  });

  test('rules of a queue with a bad address, and of a queue of the gateway’s own', async () => {
    const put = (name: string, more: object) =>
      gateway.operator.put(`/v1/queues/${name}`, more).expect(422);
    const inner = await put('q', { notifyProducer: { url: 'https://10.0.0.1/' } });
    expect(inner.body.errors).toMatchObject([{ path: 'body.notifyProducer.url' }]);
    const at = '/v1/queues/producer-callbacks';
    const { body: rules } = await gateway.operator.get(at).expect(200);
    for (const change of [
      { notifyProducer: { url: 'https://pay.inside.example/' } },
      { ladderSeconds: [0, 60] },
      { ladderSeconds: [7200] },
      { success: { body: { equals: 'ok' } } },
      { deadlineSeconds: 60 },
    ]) {
      const { body } = await put('producer-callbacks', { ...rules, ...change });
      expect(body.code).toBe('protocol_queue');
    }
    const longer = { ...rules, ladderSeconds: [0, 60, 3600, 7200], timeoutMs: 5000 };
    await gateway.operator.put(at, longer).expect(200);
  });
});
