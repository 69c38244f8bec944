import { createHash } from 'node:crypto';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { endedThings } from '../../../src/app/retention-plan.ts';
import { startGateway } from '../../../src/app/start.ts';
import { removeOld } from '../../../src/features/retention/run.ts';
import { createStatements } from '../../../src/features/statements/statements.ts';
import { newId } from '../../../src/platform/ids.ts';
import { OPERATOR_KEY, type TestGateway, testGateway } from '../../support/gateway.ts';
import { startReceiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';
import { at, type Entry, enter, utcDate } from '../reconciliations/books.ts';
import { enterMessages, enterTransactions } from './ended.ts';

const CSV = { accept: 'text/csv' };
const OLD = utcDate(-100);
const OLDER = utcDate(-101);
const KEPT = utcDate(-89);

let gateway: TestGateway;
let merchant: Awaited<ReturnType<TestGateway['merchant']>>;
let expiredKeys: number[];
beforeEach(async () => {
  gateway = await testGateway({ roles: ['api'] });
  merchant = await gateway.merchant();
  expiredKeys = [];
});
afterEach(() => gateway?.close());

/** One round, as a worker makes it every few minutes. */
async function round(retentionDays = 90): Promise<void> {
  const { database } = gateway.db;
  await removeOld(
    {
      database,
      statements: createStatements(database),
      retentionDays,
      removeExpiredKeys: async () => expiredKeys.shift() ?? 0,
      ended: endedThings(database),
      log: pino({ level: 'silent' }),
    },
    new AbortController().signal,
  );
}

const enterOurs = (entries: Entry[]) => enter(gateway.db.database, merchant.id, entries);
const query = async (sql: string, values: unknown[] = []) =>
  (await gateway.db.database.pool.query(sql, values)).rows;
const keysLeft = async () =>
  (await query('SELECT business_key FROM notification ORDER BY accepted_at, business_key')).map(
    (row) => row.business_key,
  );
const statement = (date: string, zone = 'UTC') =>
  merchant.api.get(`/v1/statements/${date}?timezone=${zone}`, CSV).expect(200);

describe('a round', () => {
  test('removes what is too old with all that belongs to it, and nothing else', async () => {
    await enterOurs([
      { businessKey: 'older', acceptedAt: at(OLDER, '12:00') },
      { businessKey: 'failed', acceptedAt: at(OLD, '12:00'), deliveryStatus: 'failed' },
      { businessKey: 'skipped', acceptedAt: at(OLD, '13:00'), deliveryStatus: 'skipped' },
      { businessKey: 'still young', acceptedAt: at(KEPT, '00:00') },
    ]);
    await query(
      `INSERT INTO attempt (id, delivery_id, cycle, number, trigger, started_at, outcome)
       SELECT $1 || n, id, 1, n, 'ladder', accepted_at, 'timeout'
         FROM delivery CROSS JOIN generate_series(1, 16) AS n`,
      [newId('att')],
    );
    await round();
    expect(await keysLeft()).toEqual(['still young']);
    expect(await query('SELECT business_key FROM delivery')).toHaveLength(1);
    expect(await query('SELECT 1 FROM attempt')).toHaveLength(16);
    await merchant.api.get(`/v1/results/older`).expect(404);
    await merchant.api.get(`/v1/results/${encodeURIComponent('still young')}`).expect(200);
  });

  test('leaves what has not ended, is being sent, or ended lately', async () => {
    const names = [
      'pending',
      'sending',
      'settled in flight',
      'settled lately',
      'one of two',
      'gone',
    ];
    const ids = await enterOurs(
      names.map((businessKey, n) => ({ businessKey, acceptedAt: at(OLD, `1${n}:00`) })),
    );
    const change = (n: number, assignments: string) =>
      query(`UPDATE delivery SET ${assignments} WHERE owner_id = $1`, [ids[n]]);
    const lease = `lease_token = gen_random_uuid(), leased_at = now(), lease_until = now()`;
    const live = `settled_at = NULL, due_at = now() + interval '1 day', receiver_id = 'ep_x'`;
    await change(0, `status = 'pending', ${live}`);
    await change(1, `status = 'sending', ${live}, ${lease}`);
    await change(2, `status = 'acknowledged', reason = 'confirmed_by_pull', ${lease}`);
    await change(3, `settled_at = now()`);
    await query(
      `INSERT INTO delivery (id, owner_kind, owner_id, purpose, merchant_id, type, business_key, queue,
           policy_version, status, due_at, receiver_id, accepted_at, deadline_at)
       SELECT $2, owner_kind, owner_id, purpose, merchant_id, type, business_key, queue, policy_version,
              'pending', now() + interval '1 day', 'ep_x', accepted_at, now() + interval '1 day'
         FROM delivery WHERE owner_id = $1`,
      [ids[4], newId('dlv')],
    );
    await round();
    expect(await keysLeft()).toEqual(names.slice(0, 5));
    await change(0, `status = 'delivered', due_at = NULL, settled_at = accepted_at`);
    await round();
    expect(await keysLeft()).toEqual(names.slice(1, 5));
  });

  test('waits for nobody: what somebody holds is left for the next time', async () => {
    const [held] = await enterOurs([
      { businessKey: 'held', acceptedAt: at(OLD, '10:00') },
      { businessKey: 'free', acceptedAt: at(OLD, '11:00') },
    ]);
    const client = await gateway.db.database.pool.connect();
    await client.query('BEGIN');
    await client.query('SELECT 1 FROM delivery WHERE owner_id = $1 FOR UPDATE', [held]);
    await round();
    expect(await keysLeft()).toEqual(['held']);
    await client.query('ROLLBACK');
    client.release();
    await round();
    expect(await keysLeft()).toEqual([]);
  });

  test('goes on batch by batch, past what must stay', async () => {
    const ids = await enterOurs(
      Array.from({ length: 450 }, (_, n) => ({
        businessKey: `K${n}`,
        acceptedAt: new Date(at(OLD, '12:00').getTime() + n),
      })),
    );
    await query(
      `UPDATE delivery SET status = 'pending', settled_at = NULL, due_at = now() + interval '1 day',
              receiver_id = 'ep_x' WHERE owner_id = ANY ($1)`,
      [ids.slice(0, 150)],
    );
    await round();
    expect(await keysLeft()).toHaveLength(150);
  });

  test('removes endpoint tests, and idempotency keys until there are no more', async () => {
    expiredKeys = [500, 500, 3, 500];
    await query(
      `INSERT INTO delivery (id, owner_kind, owner_id, purpose, type, business_key, queue, policy_version,
           status, accepted_at, deadline_at, settled_at)
       SELECT 'dlv_' || n, 'ping', 'ep_x', 'test', 'ping', 'ep_x', 'default', 1, 'delivered', t, t, t
         FROM (VALUES (1, $1::timestamptz), (2, $2)) AS ping (n, t)`,
      [at(OLD, '12:00'), at(KEPT, '12:00')],
    );
    await round();
    expect(expiredKeys).toEqual([500]);
    expect(await query('SELECT id FROM delivery')).toEqual([{ id: 'dlv_2' }]);
  });

  test('with 0 days removes no notification at all', async () => {
    await enterOurs([{ businessKey: 'A', acceptedAt: at('2001-01-01', '12:00') }]);
    expiredKeys = [1];
    await round(0);
    expect(await keysLeft()).toEqual(['A']);
    expect(expiredKeys).toEqual([]);
    expect(await query('SELECT 1 FROM statement')).toEqual([]);
  });

  test('is for one process at a time, until its lease has run out', async () => {
    await enterOurs([{ businessKey: 'A', acceptedAt: at(OLD, '12:00') }]);
    await query(
      `UPDATE retention SET lease_token = gen_random_uuid(), lease_until = now() + interval '10 minutes'`,
    );
    await round();
    expect(await keysLeft()).toEqual(['A']);
    await gateway.db.travel(11 * 60_000);
    await round();
    expect(await keysLeft()).toEqual([]);
  });
});

describe('statements', () => {
  test('of removed days remain, to the byte, also those never asked for', async () => {
    const other = await gateway.merchant();
    await enter(gateway.db.database, other.id, [
      { businessKey: 'X', acceptedAt: at(OLDER, '12:00') },
    ]);
    await enterOurs([
      { businessKey: 'A', acceptedAt: at(OLDER, '12:00') },
      { businessKey: 'B', acceptedAt: at(OLD, '12:00'), deliveryStatus: 'failed' },
      { businessKey: 'stays', acceptedAt: at(OLD, '13:00') },
    ]);
    await query(
      `UPDATE delivery SET status = 'pending', settled_at = NULL, due_at = now() + interval '1 day',
              receiver_id = 'ep_x' WHERE business_key = 'stays'`,
    );
    const before = await statement(OLDER);
    await round();
    expect(await keysLeft()).toEqual(['stays']);
    expect((await statement(OLDER)).text).toBe(before.text);
    const old = await statement(OLD);
    expect(old.text.split('\r\n').map((line) => line.split(',')[1])).toEqual([
      'businessKey',
      'B',
      'stays',
      undefined,
    ]);
    expect(old.headers.get('postrider-revision')).toBe('1');
    const theirs = await other.api.get(`/v1/statements/${OLDER}`).expect(200);
    expect(theirs.body).toMatchObject({ rowCount: 1, rows: [{ businessKey: 'X' }] });
  });

  test('of other time zones are made from them, before and after alike', async () => {
    await enterOurs(
      Array.from({ length: 72 }, (_, hour) => ({
        businessKey: `K${hour}`,
        acceptedAt: new Date(at(utcDate(-91), '00:30').getTime() + hour * 3_600_000),
        amount: `${hour}.25`,
      })),
    );
    const zones = ['Asia/Shanghai', 'America/Los_Angeles', 'Asia/Kathmandu'];
    const dates = [-92, -91, -90, -89].map(utcDate);
    const all = dates.flatMap((date) => zones.map((zone) => ({ date, zone })));
    // Read from a copy that keeps everything, so that nothing here is kept already.
    const keeper = await testGateway({ roles: ['api'] });
    await keeper.db.database.pool.query(
      `INSERT INTO merchant SELECT id, name, secret FROM jsonb_to_recordset($1) AS m (id text, name text, secret text)`,
      [JSON.stringify(await query('SELECT id, name, secret FROM merchant'))],
    );
    for (const table of ['notification', 'delivery']) {
      await keeper.db.database.pool.query(
        `INSERT INTO ${table} SELECT * FROM jsonb_populate_recordset(NULL::${table}, $1)`,
        [
          JSON.stringify(
            (await query(`SELECT to_jsonb(t) AS row FROM ${table} AS t`)).map(({ row }) => row),
          ),
        ],
      );
    }
    const expected = await Promise.all(
      all.map(({ date, zone }) =>
        keeper.operator
          .get(`/v1/statements/${date}?timezone=${zone}&merchantId=${merchant.id}`, CSV)
          .expect(200),
      ),
    );
    await keeper.close();
    await round();
    expect(await keysLeft()).toHaveLength(48);
    for (const [index, { date, zone }] of all.entries()) {
      const after = await statement(date, zone);
      expect(after.text, `${date} ${zone}`).toBe(expected[index]?.text);
      const digest = createHash('sha256').update(after.text).digest('hex');
      expect(after.headers.get('postrider-sha256')).toBe(digest);
    }
    expect(expected.filter(({ text }) => text.split('\r\n').length > 2).length).toBeGreaterThan(8);
  });

  test('cannot be compared with any more: a day that is gone is refused, not called missing', async () => {
    await enterOurs([{ businessKey: 'A', acceptedAt: at(OLD, '12:00') }]);
    await round();
    const answer = await merchant.api
      .post('/v1/reconciliations', { date: OLD, records: [] })
      .expect(422);
    expect(answer.body.detail).toContain('no longer kept');
  });
});

test('a worker does it by itself, and traffic goes on', async () => {
  const receiver = await startReceiver();
  await enterOurs(
    Array.from({ length: 1500 }, (_, n) => ({
      businessKey: `K${n}`,
      acceptedAt: new Date(at(OLD, '12:00').getTime() + n),
    })),
  );
  const { database } = gateway.db;
  await enterMessages(database, { tag: 'Old', count: 150, endedAt: at(OLD, '12:00') });
  await enterTransactions(database, { tag: 'Old', count: 150, endedAt: at(OLD, '12:00') });
  const worker = await startGateway(
    {
      HOST: '127.0.0.1',
      PORT: 0,
      ROLES: ['worker'],
      REDIS_URL: undefined,
      ALLOW_PRIVATE_TARGETS: true,
      RETENTION_DAYS: 90,
    },
    {
      databaseUrl: gateway.db.url,
      encryptionKeys: [Buffer.alloc(32, 7)],
      operatorKey: OPERATOR_KEY,
    },
    pino({ level: 'silent' }),
  );
  await merchant.api
    .post(`/v1/merchants/${merchant.id}/endpoints`, { url: receiver.url('/hook') })
    .expect(201);
  const producer = await gateway.producer();
  const message = { merchantId: merchant.id, type: 'payment', businessKey: 'new', payload: {} };
  for (let n = 0; n < 20; n += 1) {
    await producer.api.post('/v1/notifications', message).expect(202);
  }
  await receiver.waitFor(20);
  await until(async () => (await keysLeft()).every((key) => key === 'new'));
  await until(async () => (await query('SELECT gid FROM tcc_transaction')).length === 0);
  expect(await query('SELECT id FROM message')).toEqual([]);
  await worker.close();
  await receiver.close();
});
