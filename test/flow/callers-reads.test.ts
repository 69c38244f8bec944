import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { type TestGateway, testGateway } from '../support/gateway.ts';
import { hasPgBouncer, startPgBouncer } from '../support/pgbouncer.ts';
import { until } from '../support/until.ts';

/** Longer than any test here waits: what ends earlier was ended. */
const READ_TIMEOUT_SECONDS = 60;

/** Statements that stand before the lock on `resend_job`. */
async function standing({ db }: TestGateway): Promise<number> {
  const { rows } = await db.database.pool.query(
    `SELECT count(*)::int AS n FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%FROM resend_job%'`,
  );
  return rows[0].n;
}

/** Nobody can read the table until the lock is given back. */
async function lockJobs({ db }: TestGateway): Promise<() => Promise<void>> {
  const client = await db.database.pool.connect();
  await client.query('BEGIN; LOCK TABLE resend_job IN ACCESS EXCLUSIVE MODE');
  let isHeld = true;
  return async () => {
    if (!isHeld) return;
    isHeld = false;
    await client.query('ROLLBACK');
    client.release();
  };
}

const WAYS = ['directly', 'behind a pooler'].filter((way) => way === 'directly' || hasPgBouncer());

describe.each(WAYS)('%s', (way) => {
  let gateway: TestGateway;
  let merchant: Awaited<ReturnType<TestGateway['merchant']>>;
  let unlock = async () => {};
  let stopPooler = async () => {};

  beforeAll(async () => {
    let through: ((url: string) => string) | undefined;
    if (way === 'behind a pooler') {
      const pooler = await startPgBouncer(inject('postgres').adminUrl, 40);
      stopPooler = pooler.close;
      through = pooler.through;
    }
    gateway = await testGateway({
      roles: ['api'],
      readTimeoutSeconds: READ_TIMEOUT_SECONDS,
      ...(through && { through }),
    });
    merchant = await gateway.merchant();
  });
  afterEach(() => unlock());
  afterAll(async () => {
    await unlock();
    await gateway?.close();
    await stopPooler();
  });

  const list = (signal: AbortSignal) =>
    fetch(`${gateway.url}/v1/resends`, {
      headers: { authorization: `Bearer ${merchant.key}` },
      signal,
    });

  test('what a caller reads ends when the caller leaves, and the place is free for the next', async () => {
    unlock = await lockJobs(gateway);
    const callers = Array.from({ length: 3 }, () => new AbortController());
    const calls = callers.map(({ signal }) => list(signal).catch((error: Error) => error.name));
    await until(async () => (await standing(gateway)) === 3, { what: 'three that wait' });
    for (const caller of callers) caller.abort();
    expect(await Promise.all(calls)).toEqual(['AbortError', 'AbortError', 'AbortError']);
    await until(async () => (await standing(gateway)) === 0, { what: 'the end of all three' });
    const next = new AbortController();
    const call = list(next.signal);
    await until(async () => (await standing(gateway)) === 1, { what: 'the next one' });
    await unlock();
    expect((await call).status).toBe(200);
    // And the connections are as good as before.
    const answers = await Promise.all(Array.from({ length: 20 }, () => list(next.signal)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  });

  test('reads that stand still stop neither what comes in nor what is changed', async () => {
    unlock = await lockJobs(gateway);
    const others = await Promise.all([1, 2, 3].map(() => gateway.merchant()));
    const leave = new AbortController();
    const stuck = others.flatMap(({ key }) =>
      [1, 2, 3].map(() =>
        fetch(`${gateway.url}/v1/resends`, {
          headers: { authorization: `Bearer ${key}` },
          signal: leave.signal,
        }).catch(() => null),
      ),
    );
    await until(async () => (await standing(gateway)) === 8, { what: 'all connections for reads' });
    for (let n = 0; n < 20; n += 1) {
      const event = { merchantId: merchant.id, type: 'a.b', businessKey: `K-${n}`, payload: {} };
      await gateway.operator.post('/v1/notifications', event).expect(202);
    }
    await gateway.operator.patch(`/v1/merchants/${merchant.id}`, { name: 'anew' }).expect(200);
    leave.abort();
    await Promise.all(stuck);
  });
});

test('a read that takes too long is ended and answered 503, without a line of its own', async () => {
  const lines: string[] = [];
  const gateway = await testGateway({
    roles: ['api'],
    readTimeoutSeconds: 1,
    onLog: (line) => lines.push(line),
  });
  let unlock = async () => {};
  try {
    const merchant = await gateway.merchant();
    unlock = await lockJobs(gateway);
    const { status, body, headers } = await merchant.api.get('/v1/resends');
    expect(status).toBe(503);
    expect(body).toMatchObject({
      code: 'unavailable',
      detail: expect.stringContaining('too long'),
    });
    expect(headers.get('retry-after')).toBe('1');
    await unlock();
    await merchant.api.get('/v1/resends').expect(200);
    expect(lines.filter((line) => line.includes('"err"'))).toEqual([]);
    expect(lines.filter((line) => line.includes('"reason":"slow"'))).toHaveLength(1);
  } finally {
    await unlock();
    await gateway.close();
  }
});
