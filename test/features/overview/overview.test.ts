import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { foldAttempts } from '../../../src/features/overview/fold.ts';
import {
  addCounts,
  percentilesOf,
  slotOf,
  slotSql,
} from '../../../src/features/overview/histogram.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';

const MINUTE = 60_000;

describe('the overview of a running gateway', () => {
  let gateway: TestGateway;
  let receiver: Receiver;
  let ours: Awaited<ReturnType<TestGateway['merchant']>>;
  let theirs: Awaited<ReturnType<TestGateway['merchant']>>;
  let broken: string;

  const send = (merchantId: string, type: string, more: object = {}) =>
    gateway.operator
      .post('/v1/notifications', { merchantId, type, businessKey: 'K', payload: {}, ...more })
      .expect(202);
  const look = async (window = '1h', api = gateway.operator) =>
    (await api.get(`/v1/overview?window=${window}`).expect(200)).body;

  beforeAll(async () => {
    gateway = await testGateway();
    receiver = await startReceiver();
    receiver.answer([503, 200], '/second');
    receiver.answer(500, '/broken');
    await gateway.operator.put('/v1/queues/twice', { ladderSeconds: [0, 0] }).expect(200);
    await gateway.operator
      .put('/v1/queues/late', { ladderSeconds: [3600], deadlineSeconds: 86_400 })
      .expect(200);
    ours = await gateway.merchant();
    theirs = await gateway.merchant();
    const endpoint = (id: string, types: string[], path: string) =>
      gateway.operator
        .post(`/v1/merchants/${id}/endpoints`, { url: receiver.url(path), types, queue: 'twice' })
        .expect(201);
    await endpoint(ours.id, ['good'], '/good');
    await endpoint(ours.id, ['second'], '/second');
    broken = (await endpoint(theirs.id, ['broken'], '/broken')).body.id;
    await Promise.all([
      send(ours.id, 'good'),
      send(ours.id, 'good'),
      send(ours.id, 'second'),
      send(ours.id, 'good', { queue: 'late' }),
      send(ours.id, 'nobody.listens'),
      send(theirs.id, 'broken'),
    ]);
    await until(
      async () => {
        const { attempts, backlog } = await look();
        // The backlog is read once in some seconds, for everybody.
        return attempts.count === 6 && backlog.waiting === 1;
      },
      { what: '6 attempts counted, and one delivery left' },
    );
  });
  afterAll(async () => {
    await gateway?.close();
    await receiver?.close();
  });

  test('counts attempts, first attempts and deliveries', async () => {
    const body = await look();
    expect(body.attempts).toMatchObject({ count: 6, succeeded: 3, successRate: 0.5 });
    expect(body.attempts.outcomes).toMatchObject({ success: 3, http_status: 3, timeout: 0 });
    expect(body.firstAttempts).toEqual({ count: 4, succeeded: 2, successRate: 0.5 });
    expect(body.ended.delivered).toBe(3);
    for (const each of [body.latencyMs, body.timeToDeliveredMs]) {
      expect(each.p50).toBeGreaterThanOrEqual(1);
      expect(each.p99).toBeGreaterThanOrEqual(each.p50);
      expect(each.p99).toBeLessThan(MINUTE);
    }
    expect(body.backlog).toMatchObject({ waiting: 1, due: 0, held: 0, oldestDueAgeMs: null });
  });

  test('names the endpoints that fail, with their last word', async () => {
    const { failingEndpoints } = await look();
    expect(failingEndpoints[0]).toMatchObject({
      id: broken,
      merchantId: theirs.id,
      url: receiver.url('/broken'),
      failures: 2,
      lastOutcome: 'http_status',
      lastStatusCode: 500,
      status: 'active',
      circuit: { state: 'closed', openUntil: null },
    });
    expect(failingEndpoints).toHaveLength(2);
  });

  test('counts what was attempted and failed at each endpoint, for whom it is theirs', async () => {
    const path = `/v1/merchants/${ours.id}/endpoints/overview`;
    const { body } = await ours.api.get(path).expect(200);
    expect(body.data).toEqual([
      {
        id: expect.stringMatching(/^ep_/),
        attempts: 2,
        failures: 1,
        lastFailure: {
          at: expect.any(String),
          outcome: 'http_status',
          statusCode: 503,
          error: null,
        },
      },
      { id: expect.stringMatching(/^ep_/), attempts: 2, failures: 0, lastFailure: null },
    ]);
    await theirs.api.get(path).expect(404);
    await gateway.operator.get('/v1/merchants/m_nobody/endpoints/overview').expect(404);
    const { id, api } = await gateway.merchant();
    const none = await api.get(`/v1/merchants/${id}/endpoints/overview`).expect(200);
    expect(none.body.data).toEqual([]);
  });

  test('shows a merchant its own', async () => {
    const [own, other] = [await look('1h', ours.api), await look('1h', theirs.api)];
    expect(own.attempts).toMatchObject({ count: 4, succeeded: 3 });
    expect(own.failingEndpoints.map(({ failures }: { failures: number }) => failures)).toEqual([1]);
    expect(own.backlog.waiting).toBe(1);
    expect(other.attempts).toMatchObject({ count: 2, succeeded: 0, successRate: 0 });
    expect(other.backlog.waiting).toBe(0);
    expect(JSON.stringify(own)).not.toContain(theirs.id);
  });

  test.each([
    ['1h', 60, 60],
    ['24h', 96, 900],
    ['7d', 84, 7200],
  ])('has every bucket of %s', async (window, buckets, seconds) => {
    const { series, attempts, from } = await look(window);
    expect(series).toHaveLength(buckets);
    expect(series[0].at).toBe(from);
    const times = series.map(({ at }: { at: string }) => Date.parse(at));
    expect(new Set(times.slice(1).map((at: number, i: number) => at - times[i]))).toEqual(
      new Set([seconds * 1000]),
    );
    const sum = series.reduce(
      (total: number, each: { attempts: number }) => total + each.attempts,
      0,
    );
    expect(sum).toBe(attempts.count);
  });

  test('counts what ended without a success, once its minute is over', async () => {
    expect((await look()).ended).toMatchObject({ failed: 0, skipped: 0 });
    await gateway.db.travel(4 * MINUTE);
    await until(async () => (await look()).ended.failed === 1, { what: 'the failed one' });
    expect((await look()).ended).toEqual({
      delivered: 3,
      failed: 1,
      acknowledged: 0,
      cancelled: 0,
      skipped: 1,
    });
    expect((await look('1h', theirs.api)).ended).toMatchObject({ failed: 1, skipped: 0 });
    await gateway.db.travel(2 * 60 * MINUTE);
    const later = await look();
    expect(later.attempts).toMatchObject({ count: 0, successRate: null });
    expect(later.latencyMs).toBeNull();
    expect((await look('24h')).attempts.count).toBe(6);
  });

  test('says how long what is due has waited', async () => {
    await until(async () => receiver.requests.filter(({ path }) => path === '/good').length === 3);
    await gateway.operator.post(`/v1/endpoints/${broken}/pause`).expect(200);
    await send(theirs.id, 'broken');
    await gateway.db.travel(30 * MINUTE);
    await until(async () => (await look('1h', theirs.api)).backlog.held === 1, {
      timeoutMs: 9_000,
    });
    expect((await look('1h', theirs.api)).backlog).toMatchObject({ waiting: 1, due: 0 });
  });
});

describe('counting', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await testDatabase();
    await db.database.pool.query(`
      INSERT INTO merchant (id, name, secret) VALUES ('m', 'm', '');
      INSERT INTO receiver (id) VALUES ('ep');
      INSERT INTO endpoint (id, merchant_id, url, types, headers, body, secret)
        VALUES ('ep', 'm', 'https://example.com', '{}', '{}', 'envelope', '')`);
  });
  afterAll(() => db?.drop());

  const insert = (from: number, to: number) => `
    WITH d AS (
      INSERT INTO delivery (id, owner_kind, owner_id, purpose, merchant_id, type, business_key, queue,
                            policy_version, receiver_id, endpoint_id, status, attempt_count,
                            accepted_at, deadline_at, settled_at)
      SELECT 'dlv_' || i, 'notification', 'ntf_' || i, '', 'm', 'a', 'K', 'default', 1, 'ep', 'ep',
             'delivered', 1, postrider_now() - interval '100 ms', postrider_now(), postrider_now()
        FROM generate_series(${from}, ${to}) AS i RETURNING id
    )
    INSERT INTO attempt (id, delivery_id, cycle, number, trigger, started_at, duration_ms, outcome)
    SELECT 'att_' || id, id, 1, 1, 'ladder', postrider_now(), 20, 'success' FROM d`;
  const total = async () => {
    const { rows } = await db.database.pool.query(
      `SELECT coalesce(sum(delivered), 0)::int AS delivered, coalesce(sum(outcomes[1]), 0)::int AS n
         FROM overview_bucket WHERE merchant_id = '' AND bucket_seconds = 60`,
    );
    return rows[0];
  };

  test('waits for a slower transaction, and then counts it once', async () => {
    const slow = await db.database.pool.connect();
    try {
      await slow.query('BEGIN');
      await slow.query(insert(1, 10));
      await db.database.pool.query(insert(11, 20));
      await foldAttempts(db.database);
      expect(await total()).toEqual({ delivered: 0, n: 0 });
      await slow.query('COMMIT');
    } finally {
      slow.release();
    }
    await foldAttempts(db.database);
    await foldAttempts(db.database);
    expect(await total()).toEqual({ delivered: 20, n: 20 });
  });

  test('is exact with four at it, while rows come in, and one of them is killed', async () => {
    let isOver = false;
    const counting = Array.from({ length: 4 }, async () => {
      while (!isOver) await foldAttempts(db.database).catch(() => 'killed');
    });
    const writing = Array.from({ length: 4 }, async (_none, writer) => {
      for (let batch = 0; batch < 20; batch += 1) {
        const first = 1000 + (writer * 20 + batch) * 10;
        await db.database.pool.query(insert(first, first + 9));
      }
    });
    const kill = async () => {
      const { rowCount } = await db.database.pool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_locks
          WHERE relation = 'overview_fold'::regclass AND mode = 'RowShareLock' LIMIT 1`,
      );
      return rowCount === 1;
    };
    await Promise.all([...writing, until(kill).then(() => until(kill))]);
    isOver = true;
    await Promise.all(counting);
    await foldAttempts(db.database);
    expect(await total()).toEqual({ delivered: 820, n: 820 });
  });

  test('goes through a long list in rounds', async () => {
    for (const from of [10_000, 20_000, 30_000]) {
      await db.database.pool.query(insert(from, from + 9_999));
    }
    expect(await foldAttempts(db.database)).toBe('more');
    expect(await foldAttempts(db.database)).toBe('done');
    expect((await total()).n).toBe(30_820);
  });

  test('says until when it has counted', async () => {
    const countedUntil = async () =>
      (await db.database.pool.query('SELECT counted_until FROM overview_fold')).rows[0]
        .counted_until;
    const { rows } = await db.database.pool.query('SELECT postrider_now() AS now');
    for (let round = 0; round < 3; round += 1) await foldAttempts(db.database);
    expect((await countedUntil()).getTime()).toBeGreaterThanOrEqual(rows[0].now.getTime());
  });

  test('SQL and code agree on the slots', async () => {
    const lengths = [0, 1, 2, 3, 4, 7, 8, 15, 16, 100, 1024, 15_000, 86_400_000, 2_592_000_000];
    const { rows } = await db.database.pool.query(
      `SELECT ${slotSql('ms')} AS slot FROM unnest($1::bigint[]) WITH ORDINALITY AS u (ms, place)
        ORDER BY place`,
      [lengths],
    );
    expect(rows.map(({ slot }) => slot)).toEqual(lengths.map(slotOf));
  });
});

describe('percentiles', () => {
  test('are a tenth off at the most', () => {
    const lengths = Array.from({ length: 1000 }, (_none, i) => (i + 1) * 7);
    const counts = lengths.reduce<number[]>((sum, ms) => {
      const one = Array.from({ length: slotOf(ms) + 1 }, (_zero, slot) => +(slot === slotOf(ms)));
      return addCounts(sum, one);
    }, []);
    const found = percentilesOf(counts);
    expect(found).not.toBeNull();
    for (const [name, exact] of [
      ['p50', 3500],
      ['p95', 6650],
      ['p99', 6930],
    ] as const) {
      expect(Math.abs((found?.[name] ?? 0) - exact) / exact).toBeLessThan(0.1);
    }
  });

  test('of nothing are none', () => {
    expect(percentilesOf([])).toBeNull();
  });
});
