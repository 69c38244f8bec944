import { describe, expect, inject, test } from 'vitest';
import { ownRedis } from '../support/backends.ts';
import { testGateway } from '../support/gateway.ts';
import { startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

describe.skipIf(inject('redisUrl') === null)('while Redis is away', () => {
  test.each(['down', 'hung'])(
    '%s: intake answers, deliveries go on, retries come back with it',
    async (how) => {
      const redis = await ownRedis();
      const gateway = await testGateway({ backend: { kind: 'redis', url: redis.url } });
      const receiver = await startReceiver();
      try {
        receiver.answer([500, 200]);
        const merchant = await gateway.merchant();
        await gateway.operator
          .put('/v1/queues/quick', { ladderSeconds: [0, 2], deadlineSeconds: 600, jitter: 0 })
          .expect(200);
        await merchant.api
          .post(`/v1/merchants/${merchant.id}/endpoints`, { url: receiver.url(), queue: 'quick' })
          .expect(201);

        if (how === 'down') await redis.stop();
        else redis.pause();
        const startedAt = performance.now();
        const { body } = await gateway.operator
          .post('/v1/notifications', {
            merchantId: merchant.id,
            type: 'a.b',
            businessKey: 'k',
            payload: {},
          })
          .expect(202);
        expect(performance.now() - startedAt).toBeLessThan(700);
        expect((await gateway.operator.get('/readyz')).body).toMatchObject({
          database: true,
          queue: false,
        });
        // At once, and then down the ladder: the timer is lost, the sweep is not.
        await receiver.waitFor(2, 15_000);
        await until(
          async () =>
            (await gateway.operator.get(`/v1/notifications/${body.id}`)).body.status ===
            'delivered',
        );

        if (how === 'down') await redis.start();
        else redis.resume();
        await until(async () => (await gateway.operator.get('/readyz')).status === 200);
      } finally {
        await gateway.close();
        await receiver.close();
        await redis.stop();
      }
    },
  );
});
