import { expect, test } from 'vitest';
import { apiOf } from '../../support/api.ts';
import { describeBackends } from '../../support/backends.ts';
import { testDatabase } from '../../support/database.ts';
import { OPERATOR_KEY } from '../../support/gateway.ts';
import { spawnGatewayOn } from '../../support/gateway-process.ts';
import { startReceiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';

const COUNT = 60;
const CALLBACK_AFTER_SECONDS = 30;
/** Longer than any lease here. */
const LEASES_END_MS = 60_000;

describeBackends('kill -9 of the gateway', (backend) => {
  test('between the end of a delivery and its callback: the next one calls', async () => {
    const db = await testDatabase();
    const [receiver, producers] = [await startReceiver(), await startReceiver()];
    receiver.answer(({ body }) => (JSON.parse(body).data.n % 3 === 0 ? 500 : 200));
    const launch = () => spawnGatewayOn(db, backend());
    let gateway = await launch();
    try {
      const operator = apiOf(() => gateway.url, OPERATOR_KEY);
      await operator.post('/v1/merchants', { id: 'm_kill', name: 'killed' }).expect(201);
      await operator.post('/v1/merchants/m_kill/endpoints', { url: receiver.url() }).expect(201);
      await operator.put('/v1/queues/once', { ladderSeconds: [0] }).expect(200);
      const rules = { ladderSeconds: [CALLBACK_AFTER_SECONDS, 600, 3600], jitter: 0 };
      await operator.put('/v1/queues/producer-callbacks', rules).expect(200);
      const { body } = await operator
        .post('/v1/keys', { role: 'producer', name: 'producer' })
        .expect(201);
      const notifications = Array.from({ length: COUNT }, (_, n) => ({
        merchantId: 'm_kill',
        type: 'order.paid',
        businessKey: `ORDER-${n}`,
        payload: { n },
        queue: 'once',
        notifyProducer: { url: producers.url() },
      }));
      await apiOf(() => gateway.url, body.key)
        .post('/v1/notifications/batch', { notifications })
        .expect(202);
      // While ends are being recorded; what had none yet has it later, by another process.
      await receiver.waitFor(COUNT / 3, 20_000);
      await gateway.kill('SIGKILL');
      const untold = `SELECT count(*)::int AS n FROM delivery AS d
         WHERE d.purpose = 'notify' AND d.settled_at IS NOT NULL
           AND NOT EXISTS (SELECT FROM producer_callback AS c WHERE c.delivery_id = d.id)`;
      const open = `SELECT count(*)::int AS n FROM delivery WHERE purpose = 'notify' AND settled_at IS NULL`;
      const count = async (sql: string) => (await db.database.pool.query(sql)).rows[0].n;
      expect(await count(untold)).toBe(0);
      expect(producers.requests).toHaveLength(0);

      await db.travel(LEASES_END_MS);
      gateway = await launch();
      await until(async () => (await count(open)) === 0, { timeoutMs: 30_000, what: 'ends' });
      await gateway.kill('SIGKILL');
      expect(await count(untold)).toBe(0);
      await db.travel(CALLBACK_AFTER_SECONDS * 1000 + LEASES_END_MS);
      gateway = await launch();
      // And once more while the calls themselves are under way.
      await producers.waitFor(1, 20_000);
      await gateway.kill('SIGKILL');
      await db.travel(LEASES_END_MS + 600_000);
      gateway = await launch();

      const heard = () => new Set(producers.requests.map(({ headers }) => headers['webhook-id']));
      await until(() => heard().size === COUNT, { timeoutMs: 60_000, what: 'all callbacks' });
      const ends = new Map(
        producers.requests.map(({ body }) => {
          const { type, data } = JSON.parse(body);
          return [data.businessKey as string, type as string];
        }),
      );
      const wanted = notifications.map(({ businessKey, payload }) => [
        businessKey,
        payload.n % 3 === 0 ? 'failed' : 'delivered',
      ]);
      // One whose process died in its only attempt has failed, though its receiver may have said yes.
      const other = wanted.filter(([key, end]) => ends.get(key ?? '') !== `notification.${end}`);
      expect(other.every(([key]) => ends.get(key ?? '') === 'notification.failed')).toBe(true);
      expect(other.length).toBeLessThan(COUNT / 2);
    } finally {
      await gateway.kill('SIGKILL');
      await receiver.close();
      await producers.close();
      await db.drop();
    }
  }, 120_000);
});
