import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { reachServer } from '../../src/platform/db/server.ts';
import { type TestGateway, testGateway } from '../support/gateway.ts';
import { hasPgBouncer, type PgBouncer, startPgBouncer } from '../support/pgbouncer.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

const LADDER = { ladderSeconds: [0, 1], deadlineSeconds: 60, jitter: 0, timeoutMs: 5000 };

/**
 * The suite's server gives every session the wrong settings, and behind a pooler none that is set stays:
 * what holds here holds because each transaction brings its settings along.
 */
describe.skipIf(!hasPgBouncer())('behind PgBouncer in transaction mode', () => {
  let pooler: PgBouncer;
  let gateway: TestGateway;
  let receiver: Receiver;
  beforeAll(async () => {
    pooler = await startPgBouncer(inject('postgres').adminUrl);
    gateway = await testGateway({ through: pooler.through });
    receiver = await startReceiver();
  });
  afterAll(async () => {
    await gateway?.close();
    await receiver?.close();
    await pooler?.close();
  });

  test('the pooler is recognised', async () => {
    expect(await reachServer(pooler.through(gateway.db.url))).toMatchObject({ isPooled: true });
  });

  test('a hundred notifications are accepted, fail once, are repeated and delivered, at their times', async () => {
    await gateway.operator.put('/v1/queues/pooled', LADDER).expect(200);
    const { id, api } = await gateway.merchant();
    await api
      .post(`/v1/merchants/${id}/endpoints`, { url: receiver.url(), queue: 'pooled' })
      .expect(201);
    const failedOnce = new Set<unknown>();
    receiver.answer((request) => {
      const webhookId = request.headers['webhook-id'];
      if (failedOnce.has(webhookId)) return 200;
      failedOnce.add(webhookId);
      return 500;
    });
    const occurredAt = '2026-11-27T01:02:03.456Z';
    const before = Date.now();
    await Promise.all(
      Array.from({ length: 100 }, async (_, n) => {
        const { body } = await gateway.operator
          .post('/v1/notifications', {
            merchantId: id,
            type: 'a.b',
            businessKey: `K-${n}`,
            occurredAt,
            payload: { n },
          })
          .expect(202);
        expect(body.occurredAt).toBe(occurredAt);
        expect(Math.abs(Date.parse(body.acceptedAt) - before)).toBeLessThan(60_000);
      }),
    );
    await receiver.waitFor(200);
    await until(async () => {
      const { body } = await gateway.operator.get(
        `/v1/deliveries?merchantId=${id}&status=delivered&limit=100`,
      );
      return body.data.length === 100;
    });
    for (const { headers } of receiver.requests) {
      const seconds = Number(headers['webhook-timestamp']);
      expect(Math.abs(seconds * 1000 - before)).toBeLessThan(60_000);
    }
  });

  test('a transaction of two branches is confirmed, and a statement is built from one snapshot', async () => {
    const { api: producer } = await gateway.producer();
    const { body } = await producer
      .post('/v1/transactions', {
        businessKey: 'T-1',
        mode: 'managed',
        branches: ['a', 'b'].map((branchId) => ({
          branchId,
          tryUrl: receiver.url(),
          confirmUrl: receiver.url(),
          cancelUrl: receiver.url(),
          payload: {},
        })),
      })
      .expect(201);
    receiver.answer(200);
    await until(
      async () => (await producer.get(`/v1/transactions/${body.gid}`)).body.status === 'confirmed',
    );
    const { id, api } = await gateway.merchant();
    const today = new Date().toISOString().slice(0, 10);
    expect((await api.get(`/v1/statements/${today}`).expect(200)).body).toMatchObject({
      merchantId: id,
      rowCount: 0,
    });
  });
});
