import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { type TestGateway, testGateway } from '../support/gateway.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { startTcpProxy, type TcpProxy, through } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';

const SECOND = 1000;

let db: TestDatabase;
let gateway: TestGateway;
let receiver: Receiver;
let merchantId: string;
let proxy: TcpProxy | null = null;

async function prepare(): Promise<void> {
  receiver = await startReceiver();
  merchantId = (await gateway.merchant()).id;
  await gateway.operator
    .post(`/v1/merchants/${merchantId}/endpoints`, { url: receiver.url(), ratePerSecond: 50 })
    .expect(201);
}
afterEach(async () => {
  await gateway.close();
  await receiver.close();
  await proxy?.close();
  proxy = null;
  await db.drop();
});

const send = (businessKey: string) =>
  gateway.operator.post('/v1/notifications', { merchantId, type: 'a.b', businessKey, payload: {} });

describe('behind a firewall that forgets connections', () => {
  beforeEach(async () => {
    db = await testDatabase();
    const { hostname, port } = new URL(db.url);
    const firewall = await startTcpProxy({ host: hostname, port: Number(port) });
    proxy = firewall;
    gateway = await testGateway({ db, through: (url) => through(firewall, url) });
    await prepare();
  });

  test('all connections go silent at once: it is said, and work is resumed by itself', async () => {
    await send('before').expect(202);
    await receiver.waitFor(1);
    // What asks for the state has a connection of its own, and that goes silent like the others.
    expect((await gateway.operator.get('/readyz')).status).toBe(200);
    proxy?.silence();
    const silentSince = performance.now();
    expect((await gateway.operator.get('/readyz')).status).toBe(503);
    await until(async () => (await gateway.operator.get('/readyz')).status === 200, {
      timeoutMs: 15 * SECOND,
    });
    await until(async () => (await send('after')).status === 202, { timeoutMs: 30 * SECOND });
    await receiver.waitFor(2, 30 * SECOND);
    // A test is no stopwatch, but TCP would have taken a quarter of an hour.
    expect(performance.now() - silentSince).toBeLessThan(30 * SECOND);
  });
});

describe('on a server that', () => {
  beforeEach(async () => {
    db = await testDatabase();
    gateway = await testGateway({ db });
    await prepare();
  });

  test('ends all connections again and again: calls are refused at most, and nothing is lost', async () => {
    const accepted = new Set<string>();
    for (let round = 0; round < 30; round += 1) {
      const calls = Array.from({ length: 10 }, async (_, n) => {
        const key = `K-${round}-${n}`;
        const { status } = await send(key);
        if (status === 202) accepted.add(key);
        expect([202, 503]).toContain(status);
      });
      await db.database.pool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND application_name LIKE 'postrider %'`,
      );
      await Promise.all(calls);
    }
    await until(
      () => {
        const arrived = new Set(receiver.requests.map(({ body }) => JSON.parse(body).businessKey));
        return [...accepted].every((key) => arrived.has(key));
      },
      { timeoutMs: 60 * SECOND },
    );
  });

  test('has its table locked by somebody: intake says so soon, and goes on afterwards', async () => {
    const client = await db.database.pool.connect();
    await client.query('BEGIN');
    await client.query('LOCK TABLE notification IN ACCESS EXCLUSIVE MODE');
    const { status, headers } = await send('locked out');
    expect(status).toBe(503);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    await client.query('ROLLBACK');
    client.release();
    await send('let in').expect(202);
    await receiver.waitFor(1);
  });

  test('has its clock set back by an hour: an endpoint with a rate goes on getting what is new', async () => {
    await send('before').expect(202);
    await receiver.waitFor(1);
    await db.travel(-3600 * SECOND);
    for (const n of [1, 2, 3]) await send(`after-${n}`).expect(202);
    await receiver.waitFor(4);
  });
});
