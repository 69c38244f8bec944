import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addDays } from '../../../src/api/calendar-day.ts';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { until } from '../../support/until.ts';
import { at, type Entry, enter, utcDate } from './books.ts';

/** The same list of a day once more, when our side has more to say than it had. */

const DAY = utcDate(-2);
const NEXT = utcDate(-1);
const NOON = at(DAY, '12:00');

let gateway: TestGateway;
let merchant: Awaited<ReturnType<TestGateway['merchant']>>;
beforeAll(async () => {
  gateway = await testGateway();
});
afterAll(() => gateway?.close());
beforeEach(async () => {
  merchant = await gateway.merchant();
});

const enterOurs = (...entries: Entry[]) => enter(gateway.db.database, merchant.id, entries);

type Listed = { businessKey: string; amount?: string };
const listOf = (records: Listed[]) =>
  records.map((each) => ({ status: 'SUCCESS', amount: '1.00', currency: 'CNY', ...each }));
const post = (date: string, records: Listed[], query = '') =>
  merchant.api.post(`/v1/reconciliations${query}`, { date, records: listOf(records) });

async function ended(id: string) {
  return until(
    async () => {
      const { body } = await merchant.api.get(`/v1/reconciliations/${id}`).expect(200);
      return body.status === 'running' ? null : body;
    },
    { timeoutMs: 30_000 },
  );
}

async function reconciled(date: string, records: Listed[]) {
  const { body } = await post(date, records).expect(202);
  return ended(body.id);
}

interface Difference {
  number: number;
  kind: string;
  businessKey: string;
  handled?: object;
}
async function differencesOf(id: string): Promise<Difference[]> {
  const path = `/v1/reconciliations/${id}/differences?limit=100`;
  return (await merchant.api.get(path).expect(200)).body.data;
}
const numbered = async (id: string) =>
  Object.fromEntries((await differencesOf(id)).map((row) => [row.number, row.businessKey]));
const kinds = async (id: string) =>
  Object.fromEntries((await differencesOf(id)).map((row) => [row.businessKey, row.kind]));

async function handle(id: string, businessKey: string, action = 'accept_ours') {
  const found = (await differencesOf(id)).find((each) => each.businessKey === businessKey);
  await merchant.api
    .post(`/v1/reconciliations/${id}/differences/${found?.number}/handle`, { action, reason: 'r' })
    .expect(200);
}

/** A zone in which it is noon or a little later: what arrives now is near no midnight. */
function zoneAtNoon(): { timezone: string; date: string } {
  const ahead = 12 - new Date().getUTCHours();
  const timezone = `Etc/GMT${ahead > 0 ? '-' : '+'}${Math.abs(ahead)}`;
  const date = new Date(Date.now() + ahead * 3_600_000).toISOString().slice(0, 10);
  return { timezone, date };
}

describe('on an open day', () => {
  test('an old “0 differences” does not come back after a payment has arrived', async () => {
    const { timezone, date } = zoneAtNoon();
    const query = `?timezone=${encodeURIComponent(timezone)}`;
    const { body: first } = await post(date, [], query).expect(202);
    const before = await ended(first.id);
    expect(before.differences.gateway_only).toBe(0);
    expect(Date.parse(before.asOf)).toBeLessThanOrEqual(Date.parse(before.finishedAt));

    const producer = await gateway.producer();
    const { body: payment } = await producer.api
      .post('/v1/notifications', {
        merchantId: merchant.id,
        type: 'payment.succeeded',
        businessKey: 'ORDER-1',
        result: { status: 'SUCCESS', amount: '1.00', currency: 'CNY' },
        payload: {},
      })
      .expect(202);
    const { body: again } = await post(date, [], query).expect(202);
    expect(again).toMatchObject({ id: first.id, createdAt: first.createdAt, finishedAt: null });
    const after = await ended(first.id);
    expect(after).toMatchObject({ status: 'completed', differences: { gateway_only: 1 } });
    expect(after.asOf >= payment.acceptedAt).toBe(true);
    expect(after.asOf > before.asOf).toBe(true);
    expect(await kinds(first.id)).toEqual({ 'ORDER-1': 'gateway_only' });
    await post(date, [], query).expect(200);
  });

  test('a list that is not collected yet is as of no time', async () => {
    const paused = await gateway.merchant();
    await gateway.db.database.pool.query(
      `INSERT INTO reconciliation (id, merchant_id, date, timezone, sha256, record_count, created_by,
           lease_token, lease_until)
       VALUES ('rec_' || $1, $1, $2, 'UTC', 'x', 0, 'key_x', gen_random_uuid(), now() + interval '1 hour')`,
      [paused.id, DAY],
    );
    const { body } = await paused.api.get(`/v1/reconciliations/rec_${paused.id}`).expect(200);
    expect(body).toMatchObject({ status: 'running', asOf: null });
  });
});

describe('begins only where there is something new', () => {
  test('nothing has come: it is answered as it stands', async () => {
    await enterOurs({ businessKey: 'A', acceptedAt: NOON });
    const records = [{ businessKey: 'A' }, { businessKey: 'B' }];
    const done = await reconciled(DAY, records);
    expect((await post(DAY, records).expect(200)).body).toEqual(done);
  });

  test('what came has no result, or is of another day: the same', async () => {
    const done = await reconciled(DAY, []);
    await enterOurs(
      { businessKey: 'no result', acceptedAt: NOON, status: null },
      { businessKey: 'the day after', acceptedAt: at(NEXT, '00:00') },
      { businessKey: 'the day before', acceptedAt: at(addDays(DAY, -1), '23:59:59.999') },
    );
    expect((await post(DAY, []).expect(200)).body).toEqual(done);
  });

  test('a row turned up in a day long closed: it is compared anew', async () => {
    const { id, asOf } = await reconciled(DAY, []);
    await enterOurs({ businessKey: 'filled in', acceptedAt: NOON });
    await post(DAY, []).expect(202);
    const done = await ended(id);
    expect(done).toMatchObject({ id, differences: { gateway_only: 1 } });
    expect(done.asOf > asOf).toBe(true);
  });

  test('what only the merchant had has come on the day after: it waits for that day’s list', async () => {
    const records = [{ businessKey: 'early' }];
    const { id } = await reconciled(DAY, records);
    expect(await kinds(id)).toEqual({ early: 'merchant_only' });
    await enterOurs({ businessKey: 'early', acceptedAt: at(NEXT, '00:05') });
    await post(DAY, records).expect(202);
    await ended(id);
    expect(await kinds(id)).toEqual({ early: 'pending_cutoff' });
    await post(DAY, records).expect(200);
    await reconciled(NEXT, []);
    expect(await ended(id)).toMatchObject({ matched: 1 });
  });

  test('the day is no longer kept: what was found remains, however little is left of the day', async () => {
    const kept = await testGateway();
    const { id, api } = await kept.merchant();
    const [ours] = await enter(kept.db.database, id, [{ businessKey: 'A', acceptedAt: NOON }]);
    const list = { date: DAY, records: [] };
    const { body } = await api.post('/v1/reconciliations', list).expect(202);
    const done = await until(async () => {
      const now = (await api.get(`/v1/reconciliations/${body.id}`)).body;
      return now.status === 'completed' ? now : null;
    });
    const { pool } = kept.db.database;
    await pool.query('UPDATE retention SET kept_from = $1', [at(NEXT, '00:00')]);
    await pool.query('DELETE FROM notification WHERE id = $1', [ours]);
    expect((await api.post('/v1/reconciliations', list).expect(200)).body).toEqual(done);
    await kept.close();
  });

  test('it was compared before anybody counted: it is as of when the list came', async () => {
    const { id, createdAt } = await reconciled(DAY, []);
    await gateway.db.database.pool.query(
      'UPDATE reconciliation SET as_of = NULL, result_count = NULL WHERE id = $1',
      [id],
    );
    expect((await post(DAY, []).expect(200)).body).toMatchObject({ id, asOf: createdAt });
    // Of today, as it was before this version.
    const { timezone, date } = zoneAtNoon();
    const query = `?timezone=${encodeURIComponent(timezone)}`;
    const { body: open } = await post(date, [], query).expect(202);
    await ended(open.id);
    await gateway.db.database.pool.query(
      'UPDATE reconciliation SET as_of = NULL, result_count = NULL WHERE id = $1',
      [open.id],
    );
    await enterOurs({ businessKey: 'A', acceptedAt: new Date() });
    await post(date, [], query).expect(202);
    expect(await ended(open.id)).toMatchObject({ differences: { gateway_only: 1 } });
  });

  test('many send it at once: one begins, and it is compared once', async () => {
    const { id } = await reconciled(DAY, []);
    await enterOurs({ businessKey: 'A', acceptedAt: NOON });
    const answers = await Promise.all(Array.from({ length: 10 }, () => post(DAY, [])));
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(9).fill(200), 202]);
    expect(new Set(answers.map(({ body }) => body.id))).toEqual(new Set([id]));
    await ended(id);
    expect(await numbered(id)).toEqual({ 1: 'A' });
  });
});

describe('what was settled stays', () => {
  test('with its number; no number means another difference, and nothing counts twice', async () => {
    await enterOurs(
      { businessKey: 'agrees', acceptedAt: NOON },
      { businessKey: 'handled', acceptedAt: NOON },
      { businessKey: 'mismatch', acceptedAt: NOON, amount: '2.00' },
      { businessKey: 'open', acceptedAt: NOON },
    );
    const records = ['agrees', 'mismatch', 'theirs', 'to come'].map((businessKey) => ({
      businessKey,
    }));
    const { id } = await reconciled(DAY, records);
    expect(await numbered(id)).toEqual({
      1: 'handled',
      2: 'mismatch',
      3: 'open',
      4: 'theirs',
      5: 'to come',
    });
    await handle(id, 'handled');
    await handle(id, 'mismatch', 'accept_theirs');
    await handle(id, 'theirs');
    const settled = (await differencesOf(id)).filter(({ handled }) => handled !== undefined);

    await enterOurs(
      { businessKey: 'to come', acceptedAt: NOON },
      // Handled is handled: neither is compared again.
      { businessKey: 'theirs', acceptedAt: NOON },
      { businessKey: 'handled', acceptedAt: NOON, version: 2, status: 'CLOSED' },
      { businessKey: 'new', acceptedAt: NOON },
    );
    await post(DAY, records).expect(202);
    const done = await ended(id);
    expect(done).toMatchObject({
      recordCount: 4,
      progress: 1,
      matched: 2,
      differences: {
        gateway_only: 3,
        merchant_only: 1,
        status_mismatch: 0,
        amount_mismatch: 1,
        currency_mismatch: 0,
        pending_cutoff: 0,
      },
    });
    expect(await numbered(id)).toEqual({
      1: 'handled',
      2: 'mismatch',
      4: 'theirs',
      6: 'new',
      7: 'open',
    });
    expect((await differencesOf(id)).filter(({ handled }) => handled !== undefined)).toEqual(
      settled,
    );
    await merchant.api
      .post(`/v1/reconciliations/${id}/differences/3/handle`, {
        action: 'accept_ours',
        reason: 'of a page that was open',
      })
      .expect(404);
  });

  test('what was joined across midnight, whichever of the two days is compared anew', async () => {
    const late = at(DAY, '23:55');
    await enterOurs(
      { businessKey: 'booked next day', acceptedAt: late },
      { businessKey: 'booked next day, wrongly', acceptedAt: late, amount: '2.00' },
      { businessKey: 'booked early, wrongly', acceptedAt: at(NEXT, '00:05'), status: 'CLOSED' },
    );
    const ofDay = [{ businessKey: 'booked early, wrongly' }];
    const ofNext = [
      { businessKey: 'booked next day' },
      { businessKey: 'booked next day, wrongly' },
    ];
    const first = await reconciled(DAY, ofDay);
    const second = await reconciled(NEXT, ofNext);
    const expected = {
      'booked early, wrongly': 'status_mismatch',
      'booked next day, wrongly': 'amount_mismatch',
    };
    for (const [date, records, { id }] of [
      [DAY, ofDay, first],
      [NEXT, ofNext, second],
    ] as const) {
      expect(await kinds(id)).toEqual(expected);
      const before = await differencesOf(id);
      await enterOurs({ businessKey: 'new', acceptedAt: at(date, '12:00') });
      await post(date, [...records]).expect(202);
      const done = await ended(id);
      expect(done).toMatchObject({
        matched: 1,
        differences: { gateway_only: 1, amount_mismatch: 1, status_mismatch: 1, merchant_only: 0 },
      });
      expect((await differencesOf(id)).slice(0, 2)).toEqual(before);
    }
  });

  test('a half that comes after its list is joined when that list is compared anew', async () => {
    const first = await reconciled(DAY, []);
    await enterOurs({ businessKey: 'A', acceptedAt: at(DAY, '23:55') });
    const second = await reconciled(NEXT, [{ businessKey: 'A' }]);
    expect(await kinds(second.id)).toEqual({ A: 'pending_cutoff' });
    await post(DAY, []).expect(202);
    expect(await ended(first.id)).toMatchObject({ matched: 1 });
    expect(await ended(second.id)).toMatchObject({ matched: 1 });
    expect([...(await differencesOf(first.id)), ...(await differencesOf(second.id))]).toEqual([]);
  });
});

describe('an accident', () => {
  const BREAK = `
    CREATE FUNCTION break_off() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'broken off'; END $$;
    CREATE TRIGGER break_off BEFORE INSERT ON reconciliation_difference
      FOR EACH ROW WHEN (NEW.business_key = 'breaks') EXECUTE FUNCTION break_off();`;
  const MEND = `
    DROP TRIGGER break_off ON reconciliation_difference; DROP FUNCTION break_off();`;

  test('in the middle of comparing anew loses nothing, also where it failed for good', async () => {
    const { pool } = gateway.db.database;
    await enterOurs({ businessKey: 'handled', acceptedAt: NOON });
    const records = [{ businessKey: 'B' }, { businessKey: 'A' }];
    const { id } = await reconciled(DAY, records);
    await handle(id, 'handled');
    await enterOurs(
      { businessKey: 'breaks', acceptedAt: NOON },
      { businessKey: 'A', acceptedAt: NOON },
    );
    await pool.query(BREAK);
    try {
      await post(DAY, records).expect(202);
      await until(async () => {
        // The next failure is the last one that is allowed.
        const { rowCount } = await pool.query(
          'UPDATE reconciliation SET tries = 7, lease_until = NULL WHERE id = $1 AND tries > 0 AND lease_token IS NULL',
          [id],
        );
        return rowCount === 1;
      });
      expect(await ended(id)).toMatchObject({ status: 'failed', matched: 0 });
    } finally {
      await pool.query(MEND);
    }
    expect((await post(DAY, records).expect(202)).body.id).toBe(id);
    const done = await ended(id);
    expect(done).toMatchObject({
      status: 'completed',
      matched: 1,
      differences: { gateway_only: 2, merchant_only: 1 },
    });
    expect(await numbered(id)).toEqual({ 3: 'handled', 4: 'B', 5: 'breaks' });
    await post(DAY, records).expect(200);
  });

  test('a result that comes after ours were collected is for the next time', async () => {
    const { pool } = gateway.db.database;
    // The first difference is slow, so there is time for a payment to arrive.
    await pool.query(`
      CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(1); RETURN NULL; END $$;
      CREATE TRIGGER dawdle AFTER INSERT ON reconciliation_difference
        FOR EACH STATEMENT EXECUTE FUNCTION dawdle();`);
    const { body } = await post(DAY, [{ businessKey: 'B' }]).expect(202);
    await until(async () => {
      const { rows } = await pool.query('SELECT row_count FROM reconciliation WHERE id = $1', [
        body.id,
      ]);
      return rows[0].row_count !== null;
    });
    await enterOurs({ businessKey: 'A', acceptedAt: NOON });
    await post(DAY, [{ businessKey: 'B' }]).expect(200);
    await ended(body.id);
    expect(await kinds(body.id)).toEqual({ B: 'merchant_only' });
    await pool.query('DROP TRIGGER dawdle ON reconciliation_difference; DROP FUNCTION dawdle();');
    await post(DAY, [{ businessKey: 'B' }]).expect(202);
    await ended(body.id);
    expect(await kinds(body.id)).toEqual({ A: 'gateway_only', B: 'merchant_only' });
  });

  test('a run of the day beside that settles meanwhile keeps its joins', async () => {
    const { pool } = gateway.db.database;
    await enterOurs({ businessKey: 'A', acceptedAt: at(DAY, '23:55') });
    const first = await reconciled(DAY, []);
    await pool.query(`
      CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(1.5); RETURN NULL; END $$;
      CREATE TRIGGER dawdle BEFORE UPDATE OF kind ON reconciliation_difference
        FOR EACH STATEMENT EXECUTE FUNCTION dawdle();`);
    const { body: second } = await post(NEXT, [{ businessKey: 'A' }]).expect(202);
    await until(async () => {
      const { rows } = await pool.query(
        `SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()`,
      );
      return rows.length > 0;
    });
    await enterOurs({ businessKey: 'new', acceptedAt: NOON });
    await post(DAY, []).expect(202);
    // Another worker, which does not wait for the first one.
    const other = await testGateway({ roles: ['worker'], db: gateway.db });
    expect(await ended(second.id)).toMatchObject({ matched: 1 });
    expect(await ended(first.id)).toMatchObject({ matched: 1, differences: { gateway_only: 1 } });
    await other.close();
    await pool.query('DROP TRIGGER dawdle ON reconciliation_difference; DROP FUNCTION dawdle();');
    expect(await kinds(second.id)).toEqual({});
    expect(await kinds(first.id)).toEqual({ new: 'gateway_only' });
  });
});
