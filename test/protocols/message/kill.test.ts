import { expect, test } from 'vitest';
import { apiOf } from '../../support/api.ts';
import { describeBackends } from '../../support/backends.ts';
import { testDatabase } from '../../support/database.ts';
import { OPERATOR_KEY } from '../../support/gateway.ts';
import { spawnGatewayOn } from '../../support/gateway-process.ts';
import { startReceiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';

const MESSAGES = 20;
const CHECK_AFTER_SECONDS = 2;
/** Longer than any lease here. */
const LEASES_END_MS = 60_000;

describeBackends('kill -9 of the gateway', (backend) => {
  test('between prepare and check: the next one asks, and delivers what was committed', async () => {
    const db = await testDatabase();
    const [receiver, checks] = [await startReceiver(), await startReceiver()];
    checks.answer(({ body }) => {
      const n = Number(JSON.parse(body).businessKey.split('-')[1]);
      return { body: JSON.stringify({ status: n % 2 === 0 ? 'committed' : 'rolled_back' }) };
    });
    const launch = () => spawnGatewayOn(db, backend());
    let gateway = await launch();
    try {
      const operator = apiOf(() => gateway.url, OPERATOR_KEY);
      await operator.post('/v1/merchants', { id: 'm_kill', name: 'killed' }).expect(201);
      await operator.post('/v1/merchants/m_kill/endpoints', { url: receiver.url() }).expect(201);
      const { body } = await operator
        .post('/v1/keys', { role: 'producer', name: 'producer' })
        .expect(201);
      const producer = apiOf(() => gateway.url, body.key);
      const ids: string[] = [];
      for (let n = 0; n < MESSAGES; n += 1) {
        const prepared = await producer
          .post('/v1/messages', {
            notification: {
              merchantId: 'm_kill',
              type: 'order.paid',
              businessKey: `ORDER-${n}`,
              payload: { n },
            },
            checkUrl: checks.url(),
            checkAfterSeconds: CHECK_AFTER_SECONDS,
            completion: 'http',
          })
          .expect(201);
        ids.push(prepared.body.id);
      }
      await gateway.kill('SIGKILL');
      // Before a start: what a worker does first is to look for what is due and what others have lost.
      await db.travel(CHECK_AFTER_SECONDS * 1000);
      gateway = await launch();
      // And once more while checks and deliveries are under way.
      await checks.waitFor(1, 20_000);
      await gateway.kill('SIGKILL');
      await db.travel(LEASES_END_MS);
      gateway = await launch();

      const states = async () =>
        Promise.all(
          ids.map(async (id) => (await operator.get(`/v1/messages/${id}`).expect(200)).body.status),
        );
      const wanted = ids.map((_, n) => (n % 2 === 0 ? 'completed' : 'cancelled'));
      await until(async () => (await states()).join() === wanted.join(), { timeoutMs: 60_000 });
      const arrived = receiver.requests.map(({ body }) => JSON.parse(body).data.n % 2);
      expect(new Set(arrived)).toEqual(new Set([0]));
      const keys = new Set(receiver.requests.map(({ headers }) => headers['webhook-id']));
      expect(keys.size).toBe(MESSAGES / 2);
    } finally {
      await gateway.kill('SIGKILL');
      await receiver.close();
      await checks.close();
      await db.drop();
    }
  }, 120_000);
});
