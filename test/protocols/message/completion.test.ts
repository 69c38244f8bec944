import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { EVENT_TYPES } from '../../../src/features/event-types/catalogue.ts';
import type { ApiAnswer } from '../../support/api.ts';
import { describeBackends } from '../../support/backends.ts';
import { hold } from '../../support/receiver.ts';
import { openScene, type Scene } from './scene.ts';

/** A merchant with two endpoints, each a consumer with a fate of its own. */
describeBackends('completion of a message that goes to two endpoints', (backend) => {
  let scene: Scene;
  let merchant: Awaited<ReturnType<Scene['gateway']['merchant']>>;
  let points: string;
  let shipping: string;
  const log: string[] = [];
  beforeAll(async () => {
    scene = await openScene(backend(), { onLog: (line) => log.push(line) });
    merchant = await scene.gateway.merchant();
    const register = async (path: string) =>
      (
        await merchant.api
          .post(`/v1/merchants/${merchant.id}/endpoints`, { url: scene.receiver.url(path) })
          .expect(201)
      ).body.id;
    points = await register('/points');
    shipping = await register('/shipping');
  });
  afterAll(() => scene.close());
  afterEach(() => {
    scene.receiver.answer(200, '/points');
    scene.receiver.answer(200, '/shipping');
  });

  const complete = (id: string, body: object = { outcome: 'success' }) =>
    merchant.api.post(`/v1/messages/${id}/complete`, body);
  const confirmed = async (more: object = {}) => {
    const { id } = await scene.prepare(
      { completion: 'explicit', ...more },
      { merchantId: merchant.id },
    );
    await scene.producer.api.post(`/v1/messages/${id}/confirm`).expect(200);
    return id as string;
  };
  const deliveryTo = ({ deliveries }: ApiAnswer['body'], endpointId: string) =>
    deliveries.find((each: { endpointId: string }) => each.endpointId === endpointId);
  const states = async (id: string) => {
    const message = await scene.read(id);
    return [
      message.status,
      deliveryTo(message, points).status,
      deliveryTo(message, shipping).status,
    ];
  };
  const becomes = (id: string, wanted: string[]) =>
    expect.poll(() => states(id), { timeout: 10_000 }).toEqual(wanted);

  test('one consumer’s word leaves the other’s delivery, which fails, on its ladder', async () => {
    scene.receiver.answer([500, 500, 200], '/shipping');
    const before = scene.receiver.requests.filter(({ path }) => path === '/shipping').length;
    const id = await confirmed();
    await becomes(id, ['confirmed', 'sent', 'confirmed']);
    const { deliveries } = await scene.read(id);
    const deliveryId = deliveryTo({ deliveries }, points).id;
    const done = await complete(id, { deliveryId, outcome: 'success' }).expect(200);
    expect(done.body).toMatchObject({ status: 'confirmed', outcome: null });
    expect(deliveryTo(done.body, shipping)).toMatchObject({ status: 'confirmed', outcome: null });
    // It goes on, and arrives.
    await becomes(id, ['sent', 'completed', 'sent']);
    const calls = scene.receiver.requests.filter(({ path }) => path === '/shipping');
    expect(calls.length - before).toBe(3);
    await complete(id, { consumer: shipping, outcome: 'success' }).expect(200);
    expect(await scene.read(id)).toMatchObject({ status: 'completed', outcome: 'success' });
  }, 30_000);

  test('who does not say which of several is told to, and nothing is completed', async () => {
    scene.receiver.answer(500, '/shipping');
    const id = await confirmed();
    await becomes(id, ['confirmed', 'sent', 'confirmed']);
    for (const consumer of [undefined, 'points-service']) {
      const refused = await complete(id, { consumer, outcome: 'success' }).expect(409);
      expect(refused.body.code).toBe('ambiguous_delivery');
    }
    expect(await states(id)).toEqual(['confirmed', 'sent', 'confirmed']);
    await complete(id, { consumer: points, outcome: 'success' }).expect(200);
    // The only one left has never arrived: nobody can have processed it.
    const again = await complete(id).expect(409);
    expect(again.body.code).toBe('ambiguous_delivery');
    await becomes(id, ['dead', 'completed', 'dead']);
    expect((await complete(id).expect(409)).body.code).toBe('ambiguous_delivery');
    await complete(id, { consumer: shipping, outcome: 'success' }).expect(200);
    expect(await states(id)).toEqual(['completed', 'completed', 'completed']);
    // Now nothing is open, and the same word again is no news.
    await complete(id).expect(200);
    expect((await complete(id, { outcome: 'failed' }).expect(409)).body.code).toBe(
      'outcome_conflict',
    );
  }, 30_000);

  test('with one left that has arrived there is no doubt whose it is', async () => {
    const id = await confirmed();
    await becomes(id, ['sent', 'sent', 'sent']);
    await complete(id, { consumer: shipping, outcome: 'success' }).expect(200);
    await complete(id).expect(200);
    expect(await states(id)).toEqual(['completed', 'completed', 'completed']);
  });

  test('with one left that is being sent, its consumer may be quicker than its 2xx', async () => {
    const gate = hold(200);
    scene.receiver.answer(gate, '/shipping');
    const before = scene.receiver.requests.length;
    const id = await confirmed();
    await scene.receiver.waitFor(before + 2);
    await becomes(id, ['confirmed', 'sent', 'confirmed']);
    await complete(id, { consumer: points, outcome: 'success' }).expect(200);
    await complete(id).expect(200);
    gate.release();
    expect(await states(id)).toEqual(['completed', 'completed', 'completed']);
  });

  test('a delivery or an endpoint that the message does not have is absent', async () => {
    const id = await confirmed();
    const other = await confirmed();
    const [{ id: deliveryId }] = (await scene.read(other)).deliveries;
    const outcome = 'success';
    await complete(id, { deliveryId, outcome }).expect(404);
    await complete(id, { consumer: deliveryId, outcome }).expect(404);
    await complete(id, { consumer: 'ep_01kas9p3m4fdz8q0s2v5x7y9za', outcome }).expect(404);
    await becomes(id, ['sent', 'sent', 'sent']);
  });

  test('what comes with a delivery is all that completing it takes', async () => {
    const id = await confirmed();
    const { headers, body } = await scene.receiver.waitFor(
      ({ path, headers }) => path === '/points' && headers['postrider-message'] === id,
    );
    const { businessKey } = JSON.parse(body);
    const word = {
      messageId: headers['postrider-message'],
      businessKey,
      deliveryId: headers['postrider-delivery'],
      outcome: 'success',
    };
    const byKey = (more: object = {}) =>
      merchant.api.post('/v1/messages/complete', { ...word, ...more });
    await byKey({ businessKey: 'ANOTHER' }).expect(404);
    await byKey({ messageId: 'another' }).expect(404);
    const done = await byKey().expect(200);
    expect(done.body.id).toBe(id);
    expect(deliveryTo(done.body, points)).toMatchObject({ status: 'completed' });
    await byKey().expect(200);
    expect((await byKey({ outcome: 'failed' }).expect(409)).body.code).toBe('outcome_conflict');
    await scene.merchant.api.post('/v1/messages/complete', word).expect(404);
  });

  test('a consumer that failed is seen on the message, found by it, and told to operators', async () => {
    await scene.gateway.operator
      .post('/v1/alert-endpoints', { url: scene.receiver.url('/alerts') })
      .expect(201);
    await scene.gateway.operator
      .post('/v1/alert-endpoints', { url: scene.receiver.url('/events'), events: ['message.*'] })
      .expect(201);
    const businessKey = `FAILED-${Math.random()}`;
    const [good, bad] = await Promise.all(
      ['good', 'bad'].map(async () => {
        const { id } = await scene.prepare({}, { merchantId: merchant.id, businessKey });
        await scene.producer.api.post(`/v1/messages/${id}/confirm`).expect(200);
        return id as string;
      }),
    );
    await scene.reaches(good ?? '', 'completed');
    const { id: open } = await scene.prepare({}, { merchantId: merchant.id, businessKey });
    await scene.producer.api.post(`/v1/messages/${open}/cancel`).expect(200);
    const explicit = await scene.prepare(
      { completion: 'explicit' },
      { merchantId: merchant.id, businessKey },
    );
    await scene.producer.api.post(`/v1/messages/${explicit.id}/confirm`).expect(200);
    await becomes(explicit.id, ['sent', 'sent', 'sent']);
    const failed = { consumer: points, outcome: 'failed', reason: 'no such account' };
    const told = await complete(explicit.id, failed).expect(200);
    // What is still on its way does not hide it.
    expect(told.body).toMatchObject({ status: 'sent', outcome: 'failed' });
    await complete(explicit.id, failed).expect(200);
    await complete(explicit.id, { consumer: shipping, outcome: 'success' }).expect(200);
    expect(await scene.read(explicit.id)).toMatchObject({
      status: 'completed',
      outcome: 'failed',
    });

    const list = async (filter: string) => {
      const query = `businessKey=${businessKey}&${filter}`;
      const { body } = await scene.producer.api.get(`/v1/messages?${query}`).expect(200);
      return body.data.map(({ id }: { id: string }) => id).sort();
    };
    expect(await list('outcome=failed')).toEqual([explicit.id]);
    expect(await list('outcome=success')).toEqual([good, bad].sort());
    expect(await list('outcome=failed,success')).toEqual([good, bad, explicit.id].sort());
    expect(await list('outcome=failed&status=sent')).toEqual([]);

    const alert = await scene.receiver.waitFor(
      ({ path, body }) => path === '/alerts' && body.includes(explicit.id),
    );
    expect(JSON.parse(alert.body)).toMatchObject({
      type: 'alert.message.failed',
      businessKey,
      data: { messageId: explicit.id, consumer: points, reason: 'no such account' },
    });
    const event = await scene.receiver.waitFor(
      ({ path, body }) => path === '/events' && body.includes(explicit.id),
    );
    EVENT_TYPES['message.failed'].data.strict().parse(JSON.parse(event.body).data);
    const lines = log.filter(
      (line) => line.includes('"alert":"message.failed"') && line.includes(explicit.id),
    );
    expect(lines).toHaveLength(1);
  }, 30_000);

  test('two consumers at once, each for its own: both are heard', async () => {
    for (let round = 0; round < 20; round += 1) {
      const id = await confirmed();
      await Promise.all([
        complete(id, { consumer: points, outcome: 'success' }).expect(200),
        complete(id, { consumer: shipping, outcome: 'success' }).expect(200),
      ]);
      expect(await states(id)).toEqual(['completed', 'completed', 'completed']);
    }
  }, 60_000);
});
