import { expect, test } from 'vitest';
import { apiOf } from '../support/api.ts';
import { describeBackends, onRedis } from '../support/backends.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { OPERATOR_KEY } from '../support/gateway.ts';
import { spawnGatewayOn } from '../support/gateway-process.ts';
import { startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

const KILLS = 20;
const NOTIFICATIONS = 1000;
const ENDPOINTS = 20;
/** Longer than any lease here. */
const LEASES_END_MS = 15_000;

describeBackends('kill -9 at twenty random points of a running backlog', (backend) => {
  test('loses nothing, and repeats no more than was in flight', async () => {
    const db = await testDatabase();
    const receiver = await startReceiver();
    receiver.answer(() => ({ status: 200, delayMs: Math.random() * 40 }));
    const { kind, url: redisUrl } = backend();
    const launch = () => spawnGatewayOn(db, backend());
    let gateway = await launch();
    try {
      await accept(
        apiOf(() => gateway.url, OPERATOR_KEY),
        receiver.url(),
      );

      const inFlightAtKills = new Set<string>();
      for (let kill = 1; kill <= KILLS; kill += 1) {
        const more = Math.ceil(Math.random() * 15);
        const left = NOTIFICATIONS - receiver.requests.length;
        if (left > more) await receiver.waitFor(receiver.requests.length + more);
        await gateway.kill('SIGKILL');
        for (const token of await leasesLeft(db)) inFlightAtKills.add(token);
        if (kind === 'redis' && kill % 5 === 0) await onRedis(redisUrl, (redis) => redis.flushdb());
        // Before the last start: what a worker does first is to look for what others have lost.
        if (kill === KILLS) await db.travel(LEASES_END_MS);
        gateway = await launch();
      }

      const states = () => db.database.prisma.$queryRaw<{ status: string; n: number }[]>`
        SELECT status, count(*)::int AS n FROM delivery GROUP BY 1`;
      await until(async () => (await states()).every(({ status }) => status === 'delivered'), {
        timeoutMs: 60_000,
      });
      expect(await states()).toEqual([{ status: 'delivered', n: NOTIFICATIONS }]);
      const ids = receiver.requests.map(({ headers }) => headers['webhook-id']);
      expect(new Set(ids).size).toBe(NOTIFICATIONS);
      expect(ids.length - NOTIFICATIONS).toBeLessThanOrEqual(inFlightAtKills.size);
      // Each lost attempt is in the log as one nobody knows the end of.
      const [unknown] = await db.database.prisma.$queryRaw<{ n: number }[]>`
        SELECT count(*)::int AS n FROM attempt WHERE outcome = 'unknown'`;
      expect(unknown?.n).toBe(inFlightAtKills.size);
    } finally {
      await gateway.kill('SIGKILL');
      await receiver.close();
      await db.drop();
    }
  }, 180_000);
});

async function accept(api: ReturnType<typeof apiOf>, url: string): Promise<void> {
  await api.put('/v1/queues/killed', {
    ladderSeconds: [0, ...Array.from({ length: 40 }, () => 1)],
    deadlineSeconds: 3600,
    timeoutMs: 1000,
    // The leases of a dead process count until they run out: small bites, so that it takes many kills.
    concurrency: 20,
  });
  await api.post('/v1/merchants', { id: 'm_kill', name: 'killed' }).expect(201);
  for (let n = 0; n < ENDPOINTS; n += 1) {
    const endpoint = { url: `${url}?n=${n}`, types: [`kind.${n}`], queue: 'killed' };
    await api.post('/v1/merchants/m_kill/endpoints', endpoint).expect(201);
  }
  for (let from = 0; from < NOTIFICATIONS; from += 250) {
    const notifications = Array.from({ length: 250 }, (_, n) => ({
      merchantId: 'm_kill',
      type: `kind.${n % ENDPOINTS}`,
      businessKey: `K-${from + n}`,
      payload: { n: from + n },
    }));
    const { body } = await api.post('/v1/notifications/batch', { notifications }).expect(202);
    expect(body.data.filter((item: { status: number }) => item.status !== 202)).toEqual([]);
  }
}

/** The leases that a dead process has left behind. */
async function leasesLeft(db: TestDatabase): Promise<string[]> {
  const rows = await db.database.prisma.$queryRaw<{ token: string }[]>`
    SELECT lease_token::text AS token FROM delivery WHERE lease_token IS NOT NULL`;
  return rows.map(({ token }) => token);
}
