import { expect, test } from 'vitest';
import { apiOf } from '../../support/api.ts';
import { describeBackends } from '../../support/backends.ts';
import { OPERATOR_KEY, testGateway } from '../../support/gateway.ts';
import { spawnGatewayOn } from '../../support/gateway-process.ts';
import { startReceiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';
import { countWhere, jobWhen, makeFailed } from './failed.ts';

const LEASE_MS = 16_000;

describeBackends('kill -9 in the middle of a bulk re-send', (backend) => {
  test('two workers, one of them killed: each is sent once', async () => {
    // What the timers are makes no difference to the job: the large number is tried on one kind.
    const count = backend().kind === 'postgres' ? 10_000 : 2_000;
    const receiver = await startReceiver();
    const scene = await testGateway({ backend: backend() });
    const { db } = scene;
    const launch = () => spawnGatewayOn(db, backend());
    const processes: Awaited<ReturnType<typeof launch>>[] = [];
    try {
      const { id: merchantId } = await scene.merchant();
      const endpoint = { maxInFlight: 100 };
      const { endpointId } = await makeFailed(scene, {
        url: receiver.url(),
        count,
        merchantId,
        endpoint,
      });
      await scene.operator.post(`/v1/endpoints/${endpointId}/resume`).expect(200);
      await scene.stop();
      processes.push(...(await Promise.all([launch(), launch()])));
      const [first, second] = processes;
      const ask = { filter: { endpointId }, reason: 'they were away', ratePerSecond: count / 4 };
      const { body: job } = await apiOf(() => first?.url ?? '', OPERATOR_KEY)
        .post('/v1/resends', ask)
        .expect(202);
      expect(job.matched).toBe(count);

      const survivor = apiOf(() => second?.url ?? '', OPERATOR_KEY);
      await jobWhen(survivor, job.id, ({ resent }) => resent > count / 4);
      await first?.kill('SIGKILL');
      const { resent: atKill } = (await survivor.get(`/v1/resends/${job.id}`)).body;
      expect(atKill).toBeLessThan(count);
      const done = await jobWhen(survivor, job.id, ({ status }) => status !== 'running', 30_000);
      expect(done).toMatchObject({ status: 'completed', resent: count, skipped: 0, failed: 0 });

      // What the killed one had in its hands comes back when its leases end.
      await db.travel(LEASE_MS);
      const rest = () => countWhere(db, `status <> 'delivered'`);
      await until(async () => (await rest()) === 0, {
        timeoutMs: 60_000,
        what: 'all delivered',
      });
      expect(await countWhere(db, 'cycle = 2')).toBe(count);
      const { rows } = await db.database.pool.query(
        `SELECT trigger, outcome = 'unknown' AS lost, count(*)::int AS n, min(resent_by) AS by
           FROM attempt GROUP BY 1, 2 ORDER BY 1 DESC, 2`,
      );
      const lost = rows.filter((row) => row.lost).reduce((sum, { n }) => sum + n, 0);
      // Each was asked for once, by the job; beside that there are only the repeats of what was lost.
      expect(
        rows.filter((row) => row.trigger === 'resend').reduce((sum, { n }) => sum + n, 0),
      ).toBe(count);
      expect(rows.every(({ trigger, by }) => by === (trigger === 'resend' ? job.id : null))).toBe(
        true,
      );
      const ids = receiver.requests.map(({ headers }) => headers['webhook-id']);
      expect(new Set(ids).size).toBe(count);
      expect(ids.length - count).toBeLessThanOrEqual(lost);
    } finally {
      await Promise.all(processes.map((each) => each.kill('SIGKILL')));
      await scene.close();
      await receiver.close();
    }
  }, 180_000);
});
