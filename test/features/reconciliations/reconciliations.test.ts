import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Api, ApiAnswer } from '../../support/api.ts';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { startReceiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';
import { at, type Entry, enter, utcDate } from './books.ts';

const DAY = utcDate(-2);
const NEXT = utcDate(-1);
const CSV = { 'content-type': 'text/csv' };
const HEADER = 'businessKey,status,amount,currency';

let gateway: TestGateway;
let merchant: Awaited<ReturnType<TestGateway['merchant']>>;
beforeAll(async () => {
  gateway = await testGateway();
});
afterAll(() => gateway?.close());
beforeEach(async () => {
  merchant = await gateway.merchant();
});

interface MerchantRecord {
  businessKey: string;
  status?: string;
  amount?: string | null;
  currency?: string | null;
}
const record = (businessKey: string, more: Partial<MerchantRecord> = {}) => ({
  businessKey,
  status: 'SUCCESS',
  amount: '1.00',
  currency: 'CNY',
  ...more,
});

const submit = (date: string, records: MerchantRecord[], api = merchant.api) =>
  api.post('/v1/reconciliations', {
    date,
    records: records.map((each) => ({ ...record(''), ...each })),
  });

async function ended(id: string, api: Api = merchant.api) {
  return until(
    async () => {
      const { body } = await api.get(`/v1/reconciliations/${id}`).expect(200);
      return body.status === 'running' ? null : body;
    },
    { timeoutMs: 30_000 },
  );
}

async function reconciled(date: string, records: MerchantRecord[]) {
  const { body } = await submit(date, records).expect(202);
  return ended(body.id);
}

async function differencesOf(id: string, query = '') {
  const { body } = await merchant.api
    .get(`/v1/reconciliations/${id}/differences?limit=100${query}`)
    .expect(200);
  return body.data;
}

const enterOurs = (entries: Entry[]) => enter(gateway.db.database, merchant.id, entries);
const kinds = async (id: string) =>
  Object.fromEntries(
    (await differencesOf(id)).map((each: { businessKey: string; kind: string }) => [
      each.businessKey,
      each.kind,
    ]),
  );

describe('two books', () => {
  test('agree, or differ in each of the ways there are', async () => {
    const acceptedAt = at(DAY, '12:00');
    const [id] = await enterOurs([
      { businessKey: 'status', acceptedAt, status: 'CLOSED', amount: '9.99' },
      { businessKey: 'agreed', acceptedAt },
      { businessKey: 'same amount', acceptedAt, amount: '100.0' },
      { businessKey: 'amount', acceptedAt, amount: '1.01' },
      { businessKey: 'currency', acceptedAt, currency: 'USD', amount: '7' },
      { businessKey: 'no money here', acceptedAt, amount: null, currency: null },
      { businessKey: 'only ours', acceptedAt },
      { businessKey: 'no result, so nothing to compare', acceptedAt, status: null },
    ]);
    const done = await reconciled(DAY, [
      { businessKey: 'status' },
      { businessKey: 'agreed' },
      { businessKey: 'same amount', amount: '100.000' },
      { businessKey: 'amount' },
      { businessKey: 'currency' },
      { businessKey: 'no money here' },
      { businessKey: 'only theirs' },
    ]);
    expect(done).toMatchObject({
      merchantId: merchant.id,
      date: DAY,
      timezone: 'UTC',
      status: 'completed',
      progress: 1,
      recordCount: 7,
      matched: 2,
      differences: {
        gateway_only: 1,
        merchant_only: 1,
        status_mismatch: 1,
        amount_mismatch: 1,
        currency_mismatch: 2,
        pending_cutoff: 0,
      },
    });
    expect(done.finishedAt >= done.createdAt).toBe(true);
    expect(await kinds(done.id)).toEqual({
      amount: 'amount_mismatch',
      currency: 'currency_mismatch',
      'no money here': 'currency_mismatch',
      'only ours': 'gateway_only',
      'only theirs': 'merchant_only',
      status: 'status_mismatch',
    });
    const all = await differencesOf(done.id);
    expect(all.map((each: { number: number }) => each.number)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(all.at(-1)).toEqual({
      number: 6,
      kind: 'status_mismatch',
      businessKey: 'status',
      gateway: {
        notificationId: id,
        status: 'CLOSED',
        version: 0,
        amount: '9.99',
        currency: 'CNY',
        acceptedAt: acceptedAt.toISOString(),
      },
      merchant: { status: 'SUCCESS', amount: '1.00', currency: 'CNY' },
    });
    expect(all[3].merchant).toBeUndefined();
    expect(all[4].gateway).toBeUndefined();
    expect(await differencesOf(done.id, '&kind=gateway_only,merchant_only')).toHaveLength(2);
  });

  test('what we say of a key is its highest version, then the latest to occur', async () => {
    const [early, late] = [at(DAY, '10:00'), at(DAY, '11:00')];
    await enterOurs([
      { businessKey: 'version', acceptedAt: early, version: 2, status: 'REFUNDED' },
      { businessKey: 'version', acceptedAt: late, version: 1, status: 'SUCCESS' },
      { businessKey: 'time', acceptedAt: early, occurredAt: late, status: 'REFUNDED' },
      { businessKey: 'time', acceptedAt: late, occurredAt: early, status: 'SUCCESS' },
    ]);
    const refunded = { status: 'REFUNDED' };
    const done = await reconciled(DAY, [
      { businessKey: 'version', ...refunded },
      { businessKey: 'time', ...refunded },
    ]);
    expect(done).toMatchObject({ matched: 2 });
    expect(await differencesOf(done.id)).toEqual([]);
  });

  test('are those of one day in one time zone', async () => {
    await enterOurs([{ businessKey: 'A', acceptedAt: at(DAY, '17:00') }]);
    const { body } = await merchant.api
      .post('/v1/reconciliations?timezone=Asia/Shanghai', { date: NEXT, records: [record('A')] })
      .expect(202);
    expect(await ended(body.id)).toMatchObject({ timezone: 'Asia/Shanghai', matched: 1 });
  });

  test('differences are paged by number, and nothing is skipped or repeated', async () => {
    const { id } = await reconciled(
      DAY,
      Array.from({ length: 25 }, (_, n) => ({ businessKey: `K${n}` })),
    );
    const seen: number[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const { body }: ApiAnswer = await merchant.api
        .get(`/v1/reconciliations/${id}/differences?limit=10${query}`)
        .expect(200);
      seen.push(...body.data.map((each: { number: number }) => each.number));
      cursor = body.nextCursor;
    }
    expect(seen).toEqual(Array.from({ length: 25 }, (_, n) => n + 1));
    await merchant.api.get(`/v1/reconciliations/${id}/differences?cursor=eA`).expect(422);
  });
});

describe('around midnight', () => {
  const beforeMidnight = at(DAY, '23:55');
  const afterMidnight = at(NEXT, '00:05');

  test('a row booked on the next day waits, and is settled by the next day’s list', async () => {
    await enterOurs([
      { businessKey: 'booked next day', acceptedAt: beforeMidnight },
      { businessKey: 'booked next day, wrongly', acceptedAt: beforeMidnight, amount: '2.00' },
      { businessKey: 'booked never', acceptedAt: beforeMidnight },
      { businessKey: 'not near', acceptedAt: at(DAY, '23:49:59.999') },
    ]);
    const first = await reconciled(DAY, []);
    expect(await kinds(first.id)).toEqual({
      'booked next day': 'pending_cutoff',
      'booked next day, wrongly': 'pending_cutoff',
      'booked never': 'pending_cutoff',
      'not near': 'gateway_only',
    });
    const second = await reconciled(NEXT, [
      { businessKey: 'booked next day' },
      { businessKey: 'booked next day, wrongly' },
    ]);
    expect(second).toMatchObject({ matched: 1 });
    expect(await kinds(second.id)).toEqual({ 'booked next day, wrongly': 'amount_mismatch' });
    expect(await ended(first.id)).toMatchObject({ matched: 1 });
    expect(await kinds(first.id)).toEqual({
      'booked next day, wrongly': 'amount_mismatch',
      'booked never': 'gateway_only',
      'not near': 'gateway_only',
    });
  });

  test('a row booked on the day before waits for our next day', async () => {
    await enterOurs([
      { businessKey: 'booked early', acceptedAt: afterMidnight },
      { businessKey: 'booked early, wrongly', acceptedAt: afterMidnight, status: 'CLOSED' },
      { businessKey: 'much later', acceptedAt: at(NEXT, '18:00') },
    ]);
    const first = await reconciled(DAY, [
      { businessKey: 'booked early' },
      { businessKey: 'booked early, wrongly' },
      { businessKey: 'much later' },
      { businessKey: 'nowhere' },
    ]);
    expect(await kinds(first.id)).toEqual({
      'booked early': 'pending_cutoff',
      'booked early, wrongly': 'pending_cutoff',
      'much later': 'pending_cutoff',
      nowhere: 'merchant_only',
    });
    const second = await reconciled(NEXT, []);
    expect(second).toMatchObject({ matched: 2 });
    expect(await kinds(second.id)).toEqual({ 'booked early, wrongly': 'status_mismatch' });
    expect(await ended(first.id)).toMatchObject({ matched: 2 });
    expect(await kinds(first.id)).toEqual({
      'booked early, wrongly': 'status_mismatch',
      nowhere: 'merchant_only',
    });
  });

  test('the days may also come the other way round', async () => {
    await enterOurs([{ businessKey: 'booked next day', acceptedAt: beforeMidnight }]);
    const second = await reconciled(NEXT, [{ businessKey: 'booked next day' }]);
    expect(await kinds(second.id)).toEqual({ 'booked next day': 'pending_cutoff' });
    const first = await reconciled(DAY, []);
    expect(first).toMatchObject({ matched: 1 });
    expect(await differencesOf(first.id)).toEqual([]);
    expect(await ended(second.id)).toMatchObject({ matched: 1 });
    expect(await differencesOf(second.id)).toEqual([]);
  });

  test('what was handled meanwhile stays as it is', async () => {
    await enterOurs([{ businessKey: 'A', acceptedAt: beforeMidnight }]);
    const first = await reconciled(DAY, []);
    await merchant.api
      .post(`/v1/reconciliations/${first.id}/differences/1/handle`, {
        action: 'accept_ours',
        reason: 'we booked it since',
      })
      .expect(200);
    await reconciled(NEXT, [{ businessKey: 'A' }]);
    expect(await kinds(first.id)).toEqual({ A: 'pending_cutoff' });
  });
});

/** The plain model: three days in a row, reconciled one after the other. */
describe('against a plain model', () => {
  const DAYS = [utcDate(-5), utcDate(-4), utcDate(-3)];
  const KEYS = ['A', 'B', 'C', 'D'];
  const MINUTES = [1, 9, 10, 700, 1429, 1430, 1439];

  const money = {
    amount: fc.constantFrom('1', '1.0', '2'),
    currency: fc.constantFrom('CNY', 'USD'),
  };
  const event = fc.record({
    businessKey: fc.constantFrom(...KEYS),
    day: fc.integer({ min: 0, max: 2 }),
    minute: fc.constantFrom(...MINUTES),
    version: fc.integer({ min: 0, max: 2 }),
    status: fc.constantFrom('SUCCESS', 'CLOSED'),
    ...money,
  });
  const list = fc.uniqueArray(
    fc.record({
      businessKey: fc.constantFrom(...KEYS),
      status: fc.constantFrom('SUCCESS', 'CLOSED'),
      ...money,
    }),
    { selector: (each) => each.businessKey },
  );
  type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;
  type Listed = typeof list extends fc.Arbitrary<(infer T)[]> ? T : never;

  interface Row {
    kind: string;
    ours?: Event;
    theirs?: Listed;
  }

  const same = (ours: Event, theirs: Listed) => {
    if (ours.status !== theirs.status) return 'status_mismatch';
    if (ours.currency !== theirs.currency) return 'currency_mismatch';
    return Number(ours.amount) === Number(theirs.amount) ? 'matched' : 'amount_mismatch';
  };
  const latest = (events: Event[]) =>
    events.reduce<Event | undefined>(
      (best, each) =>
        best === undefined ||
        each.version > best.version ||
        (each.version === best.version &&
          (each.day > best.day || (each.day === best.day && each.minute >= best.minute)))
          ? each
          : best,
      undefined,
    );

  function model(events: Event[], lists: Listed[][]): Map<string, Row>[] {
    const runs: Map<string, Row>[] = [];
    for (const [day, records] of lists.entries()) {
      const run = new Map<string, Row>();
      for (const key of KEYS) {
        const own = latest(events.filter((each) => each.businessKey === key && each.day === day));
        const beside = latest(
          events.filter((each) => each.businessKey === key && Math.abs(each.day - day) === 1),
        );
        const theirs = records.find((each) => each.businessKey === key);
        if (own !== undefined && theirs !== undefined) {
          run.set(key, { kind: same(own, theirs), ours: own, theirs });
        } else if (own !== undefined) {
          const isNear = own.minute < 10 || own.minute >= 1430;
          run.set(key, { kind: isNear ? 'pending_cutoff' : 'gateway_only', ours: own });
        } else if (theirs !== undefined) {
          const kind = beside === undefined ? 'merchant_only' : 'pending_cutoff';
          run.set(key, { kind, theirs, ...(beside && { ours: beside }) });
        }
      }
      for (const [key, waiting] of runs[day - 1] ?? []) {
        if (waiting.kind !== 'pending_cutoff') continue;
        const now = run.get(key);
        const halves =
          waiting.theirs === undefined
            ? now?.kind === 'pending_cutoff' && now.theirs && [waiting.ours, now.theirs]
            : (now?.kind === 'pending_cutoff' || now?.kind === 'gateway_only') &&
              !now.theirs && [now.ours, waiting.theirs];
        if (now !== undefined && halves) {
          const kind = same(halves[0] as Event, halves[1] as Listed);
          waiting.kind = kind;
          now.kind = kind;
        } else if (waiting.theirs === undefined) {
          waiting.kind = 'gateway_only';
        } else {
          waiting.kind = same(waiting.ours as Event, waiting.theirs);
        }
      }
      runs.push(run);
    }
    return runs;
  }

  test('any three days end as the model has them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { maxLength: 12 }),
        fc.tuple(list, list, list),
        async (events, lists) => {
          merchant = await gateway.merchant();
          await enterOurs(
            events.map(({ day, minute, ...rest }, n) => ({
              ...rest,
              id: `ntf_${merchant.id}_${String(n).padStart(2, '0')}`,
              acceptedAt: new Date(at(DAYS[day] ?? '', '00:00').getTime() + minute * 60_000),
            })),
          );
          const ids: string[] = [];
          for (const [day, records] of lists.entries()) {
            ids.push((await reconciled(DAYS[day] ?? '', records)).id);
          }
          const expected = model(events, lists);
          for (const [day, id] of ids.entries()) {
            const rows = [...(expected[day] ?? [])];
            const different = rows.filter(([, { kind }]) => kind !== 'matched');
            expect(await kinds(id)).toEqual(
              Object.fromEntries(different.map(([key, { kind }]) => [key, kind])),
            );
            const { matched } = await ended(id);
            expect(matched).toBe(rows.length - different.length);
          }
        },
      ),
      { numRuns: 30 },
    );
  }, 240_000);
});

describe('a list', () => {
  test('again is the same reconciliation, in whatever order and form', async () => {
    const records = [record('A', { amount: '1.50' }), record('B'), record('C, "c"')];
    const first = (await submit(DAY, records).expect(202)).body;
    const done = await ended(first.id);
    const again = await submit(DAY, records.toReversed()).expect(200);
    expect(again.body).toEqual(done);
    const csv = `\uFEFF${HEADER}\r\nB,SUCCESS,1,CNY\r\n"C, ""c""",SUCCESS,1.00,CNY\r\nA,SUCCESS,1.5,CNY`;
    const asCsv = await merchant.api.post(`/v1/reconciliations?date=${DAY}`, csv, CSV).expect(200);
    expect(asCsv.body.id).toBe(first.id);
    const other = await submit(DAY, records.slice(1)).expect(202);
    expect(other.body.id).not.toBe(first.id);
    const otherDay = await submit(NEXT, records).expect(202);
    expect(otherDay.body.id).not.toBe(first.id);
    const all = await merchant.api.get(`/v1/reconciliations?date=${DAY}`).expect(200);
    expect(all.body.data.map((each: { id: string }) => each.id)).toEqual([other.body.id, first.id]);
  });

  test('sent by many at once is one', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => submit(DAY, [record('A')])));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(9).fill(200), 202]);
  });

  test('waits beside twenty others at the most', async () => {
    const { pool } = gateway.db.database;
    await pool.query(
      `INSERT INTO reconciliation (id, merchant_id, date, timezone, sha256, record_count, created_by,
           lease_token, lease_until)
       SELECT 'rec_' || $1 || n, $1, $2, 'UTC', n, 0, 'key_x', gen_random_uuid(), now() + interval '1 hour'
         FROM generate_series(1, 20) AS n`,
      [merchant.id, DAY],
    );
    const refused = await submit(DAY, [record('A')]).expect(429);
    expect(refused.body.code).toBe('too_many_reconciliations');
    expect(refused.headers.get('retry-after')).toBe('5');
    await pool.query(`DELETE FROM reconciliation WHERE id = $1`, [`rec_${merchant.id}7`]);
    await submit(DAY, [record('A')]).expect(202);
    await submit(DAY, [record('A')]).expect(200);
  });

  test('is refused where the lists of a day hold too many records; the same list again is not', async () => {
    const { pool } = gateway.db.database;
    const first = (await submit(DAY, [record('A')]).expect(202)).body;
    await ended(first.id);
    await pool.query(
      `INSERT INTO reconciliation (id, merchant_id, date, timezone, sha256, record_count, created_by, status,
           finished_at, matched, row_count, result_count)
       SELECT 'rec_' || $1 || 'd' || n, $1, $2, 'UTC', 'd' || n, 1000000, 'key_x', 'completed', now(), 0, 0, 0
         FROM generate_series(1, 5) AS n`,
      [merchant.id, DAY],
    );
    const refused = await submit(DAY, [record('B')]).expect(429);
    expect(refused.body.code).toBe('too_many_records');
    expect(refused.body.detail).toContain('5000001 records');
    await submit(DAY, [record('A')]).expect(200);
    await pool.query(
      `UPDATE reconciliation SET created_at = now() - interval '25 hours' WHERE merchant_id = $1`,
      [merchant.id],
    );
    await submit(DAY, [record('B')]).expect(202);
  });

  test('of a day to come is refused', async () => {
    const answer = await submit(utcDate(2), []).expect(422);
    expect(answer.body.detail).toBe('This day has not begun.');
  });
});

describe('a CSV file', () => {
  const send = (text: string | Uint8Array, query = `?date=${DAY}`) =>
    merchant.api.post(`/v1/reconciliations${query}`, text, CSV);

  test.each<[string, string, string[]]>([
    ['LF', `${HEADER}\nA,SUCCESS,1,CNY\nB,SUCCESS,1,CNY\n`, ['A', 'B']],
    ['CRLF', `${HEADER}\r\nA,SUCCESS,1,CNY\r\nB,SUCCESS,1,CNY\r\n`, ['A', 'B']],
    ['no line end at the end', `${HEADER}\nA,SUCCESS,1,CNY`, ['A']],
    ['a byte order mark', `\uFEFF${HEADER}\nA,SUCCESS,1,CNY\n`, ['A']],
    ['a quoted header', '"businessKey","status","amount","currency"\nA,SUCCESS,1,CNY\n', ['A']],
    ['quotes', `${HEADER}\n"A,1 ""x""\n2",SUCCESS,"1",CNY\n`, ['A,1 "x"\n2']],
    ['rows without money', `${HEADER}\nA,SUCCESS,,\n`, ['A']],
    ['mixed currencies', `${HEADER}\nA,SUCCESS,1,CNY\nB,SUCCESS,1,USD\n`, ['A', 'B']],
    ['the header alone', HEADER, []],
    ['other scripts', `${HEADER}\n订单-1😀,支付成功,1,CNY\n`, ['订单-1😀']],
  ])('with %s is read', async (_name, text, keys) => {
    const { body } = await send(text).expect(202);
    expect(body.recordCount).toBe(keys.length);
    const done = await ended(body.id);
    const found = await differencesOf(done.id);
    expect(found.map((each: { businessKey: string }) => each.businessKey)).toEqual(keys);
  });

  test.each<[string, string, string]>([
    ['nothing', '', 'The first row must be businessKey,status,amount,currency.'],
    ['no header', 'A,SUCCESS,1,CNY', 'Row 1: The first row must be'],
    ['other columns', 'key,status,amount,currency\n', 'Row 1: The first row must be'],
    ['another order', 'status,businessKey,amount,currency\n', 'Row 1: The first row must be'],
    ['semicolons', 'businessKey;status;amount;currency\n', 'Row 1: The first row must be'],
    ['a column too few', `${HEADER}\nA,SUCCESS,1\n`, 'Row 2: It has 3 fields instead of 4.'],
    ['a column too many', `${HEADER}\nA,SUCCESS,1,CNY,\n`, 'Row 2: It has 5 fields instead of 4.'],
    ['a blank line', `${HEADER}\nA,SUCCESS,1,CNY\n\nB,SUCCESS,1,CNY`, 'Row 3: It has 1 field'],
    ['CR alone', `${HEADER}\rA,SUCCESS,1,CNY`, 'Row 1: A line ends with CR alone'],
    ['a stray quote', `${HEADER}\nA"B,SUCCESS,1,CNY`, 'Row 2: A quote does not begin or end'],
    ['text after a quote', `${HEADER}\n"A"B,SUCCESS,1,CNY`, 'Row 2: A quote does not begin or end'],
    [
      'an open quote',
      `${HEADER}\nA,SUCCESS,1,CNY\n"B,SUCCESS,1,CNY\n`,
      'Row 3: A quote is not closed.',
    ],
    ['NUL', `${HEADER}\nA\u0000,SUCCESS,1,CNY`, 'The body holds the character NUL.'],
    ['no key', `${HEADER}\n,SUCCESS,1,CNY`, 'Row 2, businessKey: Required.'],
    ['no status', `${HEADER}\nA,,1,CNY`, 'Row 2, status: Required.'],
    ['a long key', `${HEADER}\n${'x'.repeat(129)},SUCCESS,1,CNY`, 'Row 2, businessKey: '],
    ['a small currency', `${HEADER}\nA,SUCCESS,1,cny`, 'Row 2, currency: Expected a currency'],
    ['a currency without amount', `${HEADER}\nA,SUCCESS,,CNY`, 'Row 2, amount: Required where'],
    [
      'a key twice',
      `${HEADER}\nA,SUCCESS,1,CNY\nB,SUCCESS,1,CNY\nA,SUCCESS,2,CNY`,
      'row 4: A stands in row 2 already.',
    ],
  ])('with %s is refused, and it says where', async (_name, text, detail) => {
    const { body } = await send(text === '' ? '\n' : text).expect(422);
    expect(body.detail).toContain(detail);
  });

  test.each([
    'abc',
    '1e3',
    '1,000.00',
    '.5',
    '5.',
    '007',
    '+1',
    '--1',
    '1.123456789',
    '1234567890123456789',
    '12345678901.12345678',
    ' 1',
    '1 ',
    '￥1',
    'NaN',
    '0x1',
    '١',
  ])('with the amount %j is refused with its row', async (amount) => {
    const { body } = await send(`${HEADER}\nA,SUCCESS,1,CNY\nB,SUCCESS,"${amount}",CNY\n`).expect(
      422,
    );
    expect(body.errors).toHaveLength(1);
    expect(body.errors[0]).toMatchObject({ path: 'row 3' });
    expect(body.errors[0].message).toMatch(/^Row 3, amount: /);
    const json = await submit(DAY, [record('A'), record('B', { amount })]).expect(422);
    expect(json.body.errors[0].path).toBe('body.records.1.amount');
  });

  test('with many faults tells of twenty', async () => {
    const rows = Array.from({ length: 50 }, (_, n) => `K${n},SUCCESS,x,CNY`);
    const { body } = await send([HEADER, ...rows].join('\n')).expect(422);
    expect(body.errors).toHaveLength(20);
  });

  test('that is not UTF-8 is refused', async () => {
    const bytes = Buffer.concat([Buffer.from(`${HEADER}\n`), Uint8Array.of(0xb6, 0xa9)]);
    const answer = await fetch(`${gateway.url}/v1/reconciliations?date=${DAY}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${merchant.key}`, connection: 'close', ...CSV },
      body: bytes,
    });
    expect(answer.status).toBe(422);
  });

  test('needs a date, which JSON names itself', async () => {
    await send(`${HEADER}\n`, '').expect(422);
    await send(`${HEADER}\n`, '?date=2026-02-30').expect(422);
    await merchant.api
      .post(`/v1/reconciliations?date=${NEXT}`, { date: DAY, records: [] })
      .expect(422);
    await merchant.api.post('/v1/reconciliations').expect(422);
  });

  test('is not taken under another content type, nor JSON as text', async () => {
    const type = { 'content-type': 'application/vnd.ms-excel' };
    await merchant.api.post(`/v1/reconciliations?date=${DAY}`, HEADER, type).expect(415);
    const latin = { 'content-type': 'text/csv; charset=gb18030' };
    await merchant.api.post(`/v1/reconciliations?date=${DAY}`, HEADER, latin).expect(415);
  });
});

describe('a hundred thousand records', () => {
  const lines = (count: number) =>
    Array.from({ length: count }, (_, n) => `ORDER-${n},SUCCESS,1.00,CNY`);

  test('are taken, compared while others are served, and show progress', async () => {
    await gateway.db.database.pool.query(
      `INSERT INTO notification (id, merchant_id, type, business_key, queue, occurred_at, accepted_at,
           result_status, result_version, result_amount, result_currency, body, fingerprint, producer_key_id)
       SELECT 'ntf_' || $1 || n, $1, 'payment', 'ORDER-' || n, 'default', $2, $2, 'SUCCESS', 0,
              CASE WHEN n % 1000 = 0 THEN 2 ELSE 1 END, 'CNY', '{}', '', 'key_test'
         FROM generate_series(50, 100049) AS n`,
      [merchant.id, at(DAY, '12:00')],
    );
    const file = [HEADER, ...lines(100_000)].join('\n');
    const { body } = await merchant.api
      .post(`/v1/reconciliations?date=${DAY}`, file, CSV)
      .expect(202);
    expect(body).toMatchObject({ status: 'running', progress: 0, recordCount: 100_000 });
    const seen: number[] = [];
    await until(
      async () => {
        const { progress } = (await merchant.api.get(`/v1/reconciliations/${body.id}`)).body;
        seen.push(progress);
        return progress === 1;
      },
      { timeoutMs: 60_000 },
    );
    expect(seen).toEqual(seen.toSorted((one, other) => one - other));
    expect(seen.some((progress) => progress > 0 && progress < 1)).toBe(true);
    expect(await ended(body.id)).toMatchObject({
      status: 'completed',
      matched: 100_000 - 50 - 99,
      differences: { gateway_only: 50, merchant_only: 50, amount_mismatch: 99 },
    });
    const { rows } = await gateway.db.database.pool.query(
      'SELECT count(*)::int AS left FROM reconciliation_row WHERE reconciliation_id = $1',
      [body.id],
    );
    expect(rows).toEqual([{ left: 0 }]);
  }, 120_000);

  test('and one are not', async () => {
    const file = [HEADER, ...lines(100_001)].join('\n');
    const csv = await merchant.api.post(`/v1/reconciliations?date=${DAY}`, file, CSV).expect(422);
    expect(csv.body.detail).toBe('Row 100002: At most 100000 records.');
    const records = Array.from({ length: 100_001 }, (_, n) => record(`ORDER-${n}`));
    const json = await merchant.api.post('/v1/reconciliations', { date: DAY, records }).expect(422);
    expect(json.body.errors).toEqual([{ path: 'body.records', message: 'At most 100000 records' }]);
  }, 60_000);

  test('nor is a file beyond 16 MiB', async () => {
    const file = `${HEADER}\n${'x'.repeat(16 * 1024 * 1024)}`;
    await merchant.api.post(`/v1/reconciliations?date=${DAY}`, file, CSV).expect(413);
  });
});

describe('a restart', () => {
  test('in the middle of a comparison loses nothing and counts nothing twice', async () => {
    const COUNT = 40_000;
    const own = await testGateway();
    const { id: merchantId, key } = await own.merchant();
    const { pool } = own.db.database;
    await pool.query(
      `INSERT INTO notification (id, merchant_id, type, business_key, queue, occurred_at, accepted_at,
           result_status, result_version, result_amount, result_currency, body, fingerprint, producer_key_id)
       SELECT 'ntf_' || n, $1, 'payment', 'K' || n, 'default', $2, $2, 'SUCCESS', 0, n % 2, 'CNY', '{}', '', ''
         FROM generate_series(1, ${COUNT}) AS n`,
      [merchantId, at(DAY, '12:00')],
    );
    // Every difference is slow, so there is time to stop in between.
    await pool.query(`
      CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(0.2); RETURN NULL; END $$;
      CREATE TRIGGER dawdle AFTER INSERT ON reconciliation_difference
        FOR EACH STATEMENT EXECUTE FUNCTION dawdle();`);
    const records = Array.from({ length: COUNT }, (_, n) => record(`K${n + 1}`, { amount: '1' }));
    const { body } = await own
      .as(key)
      .post('/v1/reconciliations', { date: DAY, records })
      .expect(202);
    const standing = async () => (await own.as(key).get(`/v1/reconciliations/${body.id}`)).body;
    await until(async () => (await standing()).progress > 0);
    await own.stop();
    const compared = async () => {
      const { rows } = await pool.query<{ compared_count: number }>(
        'SELECT compared_count FROM reconciliation WHERE id = $1',
        [body.id],
      );
      return rows[0]?.compared_count ?? 0;
    };
    const before = await compared();
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(COUNT);
    await own.start();
    const done = await until(async () => {
      const now = await standing();
      return now.status === 'completed' ? now : null;
    });
    expect(done).toMatchObject({
      matched: COUNT / 2,
      differences: { amount_mismatch: COUNT / 2, gateway_only: 0, merchant_only: 0 },
    });
    await own.close();
  }, 60_000);

  test('of a process that died over it is taken up when its lease has run out', async () => {
    const { body } = await (async () => {
      const paused = await testGateway({ roles: ['api'], db: gateway.db });
      const answer = await submit(DAY, [record('A')], paused.as(merchant.key));
      await paused.close();
      return answer;
    })();
    const { pool } = gateway.db.database;
    await ended(body.id);
    await pool.query(
      `UPDATE reconciliation SET status = 'running', finished_at = NULL, row_count = NULL,
              compared_count = 0, lease_token = gen_random_uuid(), lease_until = postrider_now() + interval '1 hour'
        WHERE id = $1`,
      [body.id],
    );
    await gateway.db.travel(61 * 60_000);
    expect(await ended(body.id)).toMatchObject({ status: 'completed' });
    await gateway.db.travel(-61 * 60_000);
  });

  test('one that failed is begun again by the same list', async () => {
    const { body } = await submit(DAY, [record('A')]).expect(202);
    await ended(body.id);
    await gateway.db.database.pool.query(
      `UPDATE reconciliation SET status = 'failed' WHERE id = $1`,
      [body.id],
    );
    const again = await submit(DAY, [record('A')]).expect(202);
    expect(again.body.id).toBe(body.id);
    expect(await ended(body.id)).toMatchObject({
      status: 'completed',
      matched: 0,
      differences: { merchant_only: 1 },
    });
  });
});

describe('handling', () => {
  const handle = (id: string, number: number, body: object, api = merchant.api) =>
    api.post(`/v1/reconciliations/${id}/differences/${number}/handle`, body);

  test('notes who, what, why and when; again it changes nothing, otherwise it is refused', async () => {
    const { id } = await reconciled(DAY, [{ businessKey: 'A' }]);
    const first = await handle(id, 1, { action: 'accept_theirs', reason: 'cash desk' }).expect(200);
    expect(first.body.handled).toMatchObject({ action: 'accept_theirs', reason: 'cash desk' });
    expect(first.body.handled.by.keyId).toMatch(/^key_/);
    const again = await handle(
      id,
      1,
      { action: 'accept_theirs', reason: 'another' },
      gateway.operator,
    ).expect(200);
    expect(again.body).toEqual(first.body);
    const other = await handle(id, 1, { action: 'accept_ours', reason: 'no' }).expect(409);
    expect(other.body.code).toBe('already_handled');
    expect(await differencesOf(id)).toEqual([first.body]);
    await handle(id, 2, { action: 'accept_ours', reason: 'x' }).expect(404);
    await handle(id, 1, { action: 'forget', reason: 'x' }).expect(422);
    await handle(id, 1, { action: 'accept_ours', reason: '' }).expect(422);
  });

  test('of two at once with different actions one wins', async () => {
    const { id } = await reconciled(DAY, [{ businessKey: 'A' }]);
    const answers = await Promise.all(
      ['accept_ours', 'accept_theirs'].map((action) => handle(id, 1, { action, reason: 'x' })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
  });

  test('there is nothing to send for what only the merchant has', async () => {
    const { id } = await reconciled(DAY, [{ businessKey: 'A' }]);
    const answer = await handle(id, 1, { action: 'resend', reason: 'x' }).expect(409);
    expect(answer.body.code).toBe('nothing_to_resend');
    expect((await differencesOf(id))[0].handled).toBeUndefined();
  });

  test('nor where nobody listened', async () => {
    await enterOurs([
      { businessKey: 'A', acceptedAt: at(DAY, '12:00'), deliveryStatus: 'skipped' },
    ]);
    const { id } = await reconciled(DAY, []);
    const answer = await handle(id, 1, { action: 'resend', reason: 'x' }).expect(409);
    expect(answer.body.code).toBe('no_endpoint');
    const all = await merchant.api.post(`/v1/reconciliations/${id}/resend-missing`).expect(202);
    expect(all.body).toEqual({ matched: 1, resent: 0, skipped: 1, remaining: 1 });
  });

  test('sends again: one difference, or all that are missing', async () => {
    const receiver = await startReceiver();
    await merchant.api
      .post(`/v1/merchants/${merchant.id}/endpoints`, { url: receiver.url('/hook') })
      .expect(201);
    const producer = await gateway.producer();
    for (const businessKey of ['A', 'B', 'C', 'D']) {
      await producer.api
        .post('/v1/notifications', {
          merchantId: merchant.id,
          type: 'payment.succeeded',
          businessKey,
          result: { status: 'SUCCESS', amount: '1.00', currency: 'CNY' },
          payload: {},
        })
        .expect(202);
    }
    await receiver.waitFor(4);
    // The middle of the day they were accepted in is none of their edges.
    await gateway.db.database.pool.query(
      `UPDATE notification SET accepted_at = $2 WHERE merchant_id = $1`,
      [merchant.id, at(DAY, '12:00')],
    );
    await until(async () => {
      const { body } = await merchant.api.get('/v1/deliveries?status=delivered');
      return body.data.length === 4;
    });
    const { id } = await reconciled(DAY, [{ businessKey: 'A' }]);
    const differences = await differencesOf(id);
    expect(differences.map((each: { kind: string }) => each.kind)).toEqual(
      Array(3).fill('gateway_only'),
    );
    await handle(id, 1, { action: 'resend', reason: 'we never got it' }).expect(200);
    await receiver.waitFor(5);
    expect(await differencesOf(id, '&handled=true')).toMatchObject([{ number: 1 }]);
    expect(await differencesOf(id, '&handled=false')).toMatchObject([{ number: 2 }, { number: 3 }]);
    await handle(id, 1, { action: 'resend', reason: 'again' }).expect(200);
    const all = await merchant.api.post(`/v1/reconciliations/${id}/resend-missing`).expect(202);
    expect(all.body).toEqual({ matched: 2, resent: 2, skipped: 0, remaining: 0 });
    await receiver.waitFor(7);
    const again = await merchant.api.post(`/v1/reconciliations/${id}/resend-missing`).expect(202);
    expect(again.body).toEqual({ matched: 0, resent: 0, skipped: 0, remaining: 0 });
    expect(receiver.requests).toHaveLength(7);
    for (const { handled } of await differencesOf(id)) expect(handled.action).toBe('resend');
    await receiver.close();
  });
});

describe('who may see it', () => {
  test('another merchant finds nothing, on every route', async () => {
    const { id } = await reconciled(DAY, [{ businessKey: 'A' }]);
    const other = await gateway.merchant();
    const reason = { action: 'accept_ours', reason: 'x' };
    const path = `/v1/reconciliations/${id}`;
    await other.api.get(path).expect(404);
    await other.api.get(`${path}/differences`).expect(404);
    await other.api.post(`${path}/differences/1/handle`, reason).expect(404);
    await other.api.post(`${path}/resend-missing`).expect(404);
    const list = { date: DAY, records: [] };
    await other.api.post(`/v1/reconciliations?merchantId=${merchant.id}`, list).expect(404);
    for (const query of ['', `?merchantId=${merchant.id}`]) {
      const { body } = await other.api.get(`/v1/reconciliations${query}`).expect(200);
      expect(body.data).toEqual([]);
    }
    // The same list of another merchant is another reconciliation.
    const theirs = await submit(DAY, [record('A')], other.api).expect(202);
    expect(theirs.body.id).not.toBe(id);
    expect((await differencesOf(id))[0].handled).toBeUndefined();
  });

  test('an operator says whose list it is', async () => {
    const list = { date: DAY, records: [] };
    await gateway.operator.post('/v1/reconciliations', list).expect(422);
    await gateway.operator.post('/v1/reconciliations?merchantId=nobody', list).expect(404);
    const path = `/v1/reconciliations?merchantId=${merchant.id}`;
    const { body } = await gateway.operator.post(path, list).expect(202);
    expect(body.merchantId).toBe(merchant.id);
    await merchant.api.get(`/v1/reconciliations/${body.id}`).expect(200);
    const found = await gateway.operator.get(path).expect(200);
    expect(found.body.data).toHaveLength(1);
  });

  test('a producer has no books', async () => {
    const { api } = await gateway.producer();
    await api.get('/v1/reconciliations').expect(403);
    await api.post('/v1/reconciliations', { date: DAY, records: [] }).expect(403);
  });
});
