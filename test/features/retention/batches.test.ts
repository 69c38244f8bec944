import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endedThings } from '../../../src/app/retention-plan.ts';
import { resendDeliveries } from '../../../src/engine/store/resend.ts';
import { removeFinishedTransactions } from '../../../src/protocols/tcc/store/remove.ts';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { until } from '../../support/until.ts';
import { deliveryOf, enterMessages, enterTransactions } from './ended.ts';

const DAY_MS = 86_400_000;
const NOW = Date.now();
const LONG_AGO = new Date(NOW - 100 * DAY_MS);
const BEFORE = new Date(NOW - 90 * DAY_MS);

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await testGateway({ roles: ['api'] });
});
afterAll(() => gateway?.close());

const query = async (sql: string, values: unknown[] = []) =>
  (await gateway.db.database.pool.query(sql, values)).rows;
const count = async (table: string, condition = 'true') =>
  (await query(`SELECT count(*)::int AS n FROM ${table} WHERE ${condition}`))[0].n;

/** Goes through all of them without a rest. @returns how many went in each batch */
async function remove(what: string, limit = 100): Promise<number[]> {
  const batches = [];
  const { [what]: removeEnded } = endedThings(gateway.db.database);
  for await (const { removed } of removeEnded?.(BEFORE, limit) ?? []) batches.push(removed);
  return batches;
}
const sum = (numbers: number[]) => numbers.reduce((one, other) => one + other, 0);

/** Both protocols, each with things that ended long ago, have their table and a way to be read. */
const PROTOCOLS = [
  { what: 'messages', enter: enterMessages, table: 'message', key: 'id' },
  { what: 'transactions', enter: enterTransactions, table: 'tcc_transaction', key: 'gid' },
] as const;

describe.each(PROTOCOLS)('$what', ({ what, enter, table, key }) => {
  const { api, database } = {
    api: () => gateway.operator,
    database: () => gateway.db.database,
  };
  const read = (id: string) => api().get(`/v1/${what}/${id}`);
  /** As the engine does it; what the protocols allow is asked before. */
  const resend = async (id: string) => {
    const options = { delivered: 'repeat', priority: 0, by: null } as const;
    const resent = await resendDeliveries(database().prisma, [deliveryOf(id)], options);
    return { status: resent.length > 0 ? 202 : 404 };
  };
  /** Either all of it is there or nothing. */
  const parts = async (id: string) => [
    await count(table, `${key} = '${id}'`),
    await count('delivery', `id = '${deliveryOf(id)}'`),
    await count('attempt', `delivery_id = '${deliveryOf(id)}'`),
  ];

  test('at once, by two processes: each goes once, and neither waits for the other', async () => {
    const ids = await enter(database(), { tag: `Two${what}`, count: 500, endedAt: LONG_AGO });
    const went = (await Promise.all([remove(what), remove(what)])).flat();
    went.push(...(await remove(what)));
    expect(sum(went)).toBe(ids.length);
    expect(Math.max(...went)).toBe(100);
    expect(await count(table)).toBe(0);
    expect(await count('attempt')).toBe(0);
    expect(await count('delivery')).toBe(0);
  });

  test('in nobody’s hands: an attempt under way, and a lock that somebody holds, keep them', async () => {
    const [leased, pending, held, free] = await enter(database(), {
      tag: 'Held',
      count: 4,
      endedAt: LONG_AGO,
    });
    await query(
      `UPDATE delivery SET lease_token = gen_random_uuid(), leased_at = now(), lease_until = now()
        WHERE id = $1`,
      [deliveryOf(leased ?? '')],
    );
    await query(
      `UPDATE delivery SET status = 'pending', reason = NULL, settled_at = NULL, due_at = now()
        WHERE id = $1`,
      [deliveryOf(pending ?? '')],
    );
    const client = await database().pool.connect();
    await client.query('BEGIN');
    await client.query('SELECT 1 FROM delivery WHERE id = $1 FOR UPDATE', [deliveryOf(held ?? '')]);
    expect(sum(await remove(what))).toBe(1);
    await read(free ?? '').expect(404);
    await client.query('ROLLBACK');
    client.release();
    expect(sum(await remove(what))).toBe(1);
    await read(held ?? '').expect(404);
    for (const id of [leased, pending]) expect(await parts(id ?? '')).toEqual([1, 1, 1]);
    await query(
      `UPDATE delivery SET status = 'failed', reason = 'ladder_spent', settled_at = accepted_at,
              due_at = NULL, lease_token = NULL, leased_at = NULL, lease_until = NULL`,
    );
    expect(sum(await remove(what))).toBe(2);
  });

  test('a re-send that comes while they are being removed waits, and finds them gone', async () => {
    const [id = ''] = await enter(database(), { tag: 'Late', count: 1, endedAt: LONG_AGO });
    // What keeps the removal in its middle: the deliveries are its own by then.
    const client = await database().pool.connect();
    await client.query('BEGIN');
    await client.query('SELECT 1 FROM attempt WHERE delivery_id = $1 FOR UPDATE', [deliveryOf(id)]);
    const removing = remove(what);
    await waiting(1);
    const resent = resend(id);
    await waiting(2);
    await client.query('COMMIT');
    client.release();
    expect(sum(await removing)).toBe(1);
    expect((await resent).status).toBe(404);
    expect(await parts(id)).toEqual([0, 0, 0]);
  });

  test('re-sends at any moment: 202 and all of it is still there, or 404 and nothing is', async () => {
    const ids = await enter(database(), { tag: 'Race', count: 60, endedAt: LONG_AGO });
    const [removed, ...answers] = await Promise.all([
      remove(what, 5),
      ...ids.toReversed().map(resend),
    ]);
    const kept = [];
    for (const [index, { status }] of answers.reverse().entries()) {
      const id = ids[index] ?? '';
      if (status === 202) kept.push(id);
      else expect(status).toBe(404);
      expect(await parts(id)).toEqual(status === 202 ? [1, 1, 1] : [0, 0, 0]);
    }
    expect(kept.length).toBe(ids.length - sum(removed));
    expect(await count('delivery', `status = 'pending'`)).toBe(kept.length);
    await query(`TRUNCATE delivery, attempt, tcc_branch, tcc_transaction, message CASCADE`);
  });

  /** Until so many connections of this database wait for a lock. */
  const waiting = (connections: number) =>
    until(
      async () =>
        (await count(
          'pg_stat_activity',
          `datname = current_database() AND wait_event_type = 'Lock'`,
        )) === connections,
    );
});

test('messages that wait for somebody are passed, however many there are', async () => {
  const { database } = gateway.db;
  await enterMessages(database, { tag: 'Stuck', count: 250, endedAt: LONG_AGO }, 'suspended');
  const later = new Date(LONG_AGO.getTime() + DAY_MS);
  await enterMessages(database, { tag: 'Over', count: 250, endedAt: later });
  expect(await remove('messages')).toEqual([100, 100, 50]);
  expect(await count('message')).toBe(250);
  expect(await count('attempt')).toBe(250);
});

test('a batch of transactions is as large as its branches are many', async () => {
  const { database } = gateway.db;
  await enterTransactions(database, { tag: 'Wide', count: 5, endedAt: LONG_AGO }, 50);
  const batches = [];
  for await (const { removed, isLast } of removeFinishedTransactions(database, BEFORE, 120)) {
    batches.push([removed, isLast]);
  }
  expect(batches).toEqual([
    [2, false],
    [2, false],
    [1, true],
  ]);
  expect(await count('tcc_branch')).toBe(0);
});

test('jobs and comparisons go when they ended long ago, large ones piece by piece', async () => {
  await query(
    `INSERT INTO resend_job (id, created_by, created_by_name, filter, reason, force, rate_per_second,
         status, matched, next_page_at, started_at, finished_at)
     SELECT 'rsd_' || n, 'key_test', '', '{}', '', false, 1, status, 1, started, started, finished
       FROM (VALUES (1, 'completed', $1::timestamptz, $1::timestamptz), (2, 'cancelled', $1, $1),
                    (3, 'paused', $1, NULL), (4, 'completed', $1, $2)) AS j (n, status, started, finished)`,
    [LONG_AGO, BEFORE],
  );
  expect(await remove('resends', 1)).toEqual([1, 1, 0]);
  expect((await query('SELECT id FROM resend_job ORDER BY id')).map(({ id }) => id)).toEqual([
    'rsd_3',
    'rsd_4',
  ]);

  await query(
    `INSERT INTO reconciliation (id, merchant_id, date, timezone, sha256, record_count, status,
         row_count, created_by, created_at, finished_at)
     SELECT 'rec_' || n, 'm', '2020-01-01', 'UTC', n, 1, status, 20000, 'key_test', $1, finished
       FROM (VALUES (1, 'completed', $1::timestamptz), (2, 'failed', $1), (3, 'running', NULL),
                    (4, 'completed', $2)) AS r (n, status, finished)`,
    [LONG_AGO, BEFORE],
  );
  await query(
    `INSERT INTO reconciliation_difference (reconciliation_id, number, kind, business_key)
     SELECT 'rec_' || r, n, 'merchant_only', n FROM generate_series(1, 4) AS r,
            generate_series(1, CASE r WHEN 1 THEN 12000 ELSE 3 END) AS n`,
  );
  await query(
    `INSERT INTO reconciliation_row (reconciliation_id, business_key, merchant_status)
     SELECT 'rec_' || r, n, 'SUCCESS' FROM generate_series(2, 3) AS r, generate_series(1, 7) AS n`,
  );
  expect(await remove('reconciliations')).toEqual([5000, 5000, 2001, 3 + 7 + 1, 0]);
  const names = await query('SELECT id FROM reconciliation ORDER BY id');
  expect(names.map(({ id }) => id)).toEqual(['rec_3', 'rec_4']);
  expect(await count('reconciliation_row')).toBe(7);
  expect(await count('reconciliation_difference')).toBe(6);
  await gateway.operator.get('/v1/reconciliations/rec_1').expect(404);
});
