import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { until } from '../../support/until.ts';
import { at, type Entry, enter, utcDate } from './books.ts';

const DAY = utcDate(-2);
const NOON = at(DAY, '12:00');
const HEADER =
  'number,kind,businessKey,book,fromStatus,fromAmount,fromCurrency,toStatus,toAmount,toCurrency,amountDelta,action,reason,byKeyId,byName,at';

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

interface Listed {
  businessKey: string;
  status?: string;
  amount?: string | null;
  currency?: string | null;
}

async function reconciled(records: Listed[]): Promise<string> {
  const list = records.map((each) => ({
    status: 'SUCCESS',
    amount: '1.00',
    currency: 'CNY',
    ...each,
  }));
  const { body } = await merchant.api
    .post('/v1/reconciliations', { date: DAY, records: list })
    .expect(202);
  await until(async () => {
    const now = await merchant.api.get(`/v1/reconciliations/${body.id}`).expect(200);
    return now.body.status === 'completed';
  });
  return body.id;
}

/** Settles each by what `actionOf` says of its business key; undefined: left open. */
async function settle(
  id: string,
  actionOf: (businessKey: string) => string | undefined,
  reason = 'as agreed',
): Promise<void> {
  const path = `/v1/reconciliations/${id}/differences`;
  const { body } = await merchant.api.get(`${path}?limit=100`).expect(200);
  for (const { number, businessKey } of body.data) {
    const action = actionOf(businessKey);
    if (action === undefined) continue;
    await merchant.api.post(`${path}/${number}/handle`, { action, reason }).expect(200);
  }
}

const read = (id: string, query = '', headers: Record<string, string> = {}) =>
  merchant.api.get(`/v1/reconciliations/${id}/adjustments${query}`, headers).expect(200);

const nothing = { status: null, amount: null, currency: null };
const money = (amount: string | null, currency: string | null = 'CNY', status = 'SUCCESS') => ({
  status,
  amount,
  currency,
});

describe('the adjustment list', () => {
  test('has every kind of difference in both directions, to the last digit', async () => {
    for (const side of ['ours', 'theirs']) {
      await enterOurs(
        { businessKey: `amount ${side}`, acceptedAt: NOON, amount: '9007199254740993.01' },
        { businessKey: `currency ${side}`, acceptedAt: NOON, currency: 'USD', amount: '7' },
        { businessKey: `gateway only ${side}`, acceptedAt: NOON, amount: '0.00000001' },
        { businessKey: `midnight ${side}`, acceptedAt: at(DAY, '23:55'), amount: '-5.50' },
        { businessKey: `no money ${side}`, acceptedAt: NOON, amount: null, currency: null },
        { businessKey: `status ${side}`, acceptedAt: NOON, status: 'CLOSED' },
        {
          businessKey: `status, no money ${side}`,
          acceptedAt: NOON,
          status: 'CLOSED',
          amount: null,
          currency: null,
        },
      );
    }
    const id = await reconciled(
      ['ours', 'theirs'].flatMap((side) => [
        { businessKey: `amount ${side}`, amount: '0.02' },
        { businessKey: `currency ${side}` },
        { businessKey: `merchant only ${side}`, amount: '12.30' },
        { businessKey: `no money ${side}`, amount: '3.00' },
        { businessKey: `status ${side}` },
        { businessKey: `status, no money ${side}`, amount: null, currency: null },
      ]),
    );
    await settle(id, (key) => (key.endsWith(' ours') ? 'accept_ours' : 'accept_theirs'));
    const { body } = await read(id);
    const reconciliation = (await merchant.api.get(`/v1/reconciliations/${id}`)).body;
    expect(body).toMatchObject({
      reconciliationId: id,
      merchantId: merchant.id,
      date: DAY,
      timezone: 'UTC',
      asOf: reconciliation.asOf,
      rowCount: 16,
    });
    const changes: Record<string, [kind: string, theirs: object, ours: object, delta: string]> = {
      amount: [
        'amount_mismatch',
        money('0.02'),
        money('9007199254740993.01'),
        '9007199254740992.99',
      ],
      currency: ['currency_mismatch', money('1.00'), money('7', 'USD'), ''],
      'gateway only': ['gateway_only', nothing, money('0.00000001'), '0.00000001'],
      'merchant only': ['merchant_only', money('12.30'), nothing, '-12.30'],
      midnight: ['pending_cutoff', nothing, money('-5.50'), '-5.50'],
      'no money': ['currency_mismatch', money('3.00'), money(null, null), '-3.00'],
      status: ['status_mismatch', money('1.00'), money('1.00', 'CNY', 'CLOSED'), '0.00'],
      'status, no money': ['status_mismatch', money(null, null), money(null, null, 'CLOSED'), ''],
    };
    const seen = new Map<string, object>();
    for (const { businessKey, kind, book, from, to, amountDelta, action } of body.rows) {
      seen.set(businessKey, { kind, book, from, to, amountDelta, action });
    }
    for (const [name, [kind, theirs, ours, delta]] of Object.entries(changes)) {
      expect(seen.get(`${name} ours`), name).toEqual({
        kind,
        book: 'merchant',
        from: theirs,
        to: ours,
        amountDelta: delta || null,
        action: 'accept_ours',
      });
      const back = delta.startsWith('-') ? delta.slice(1) : `-${delta}`.replace(/^-0\.00$/, '0.00');
      expect(seen.get(`${name} theirs`), name).toEqual({
        kind,
        book: 'gateway',
        from: ours,
        to: theirs,
        amountDelta: delta === '' ? null : back,
        action: 'accept_theirs',
      });
    }
  });

  test('says who settled it, why and when, as the difference does', async () => {
    const id = await reconciled([{ businessKey: 'A' }]);
    await settle(id, () => 'accept_theirs', 'cash desk, "sic"');
    const path = `/v1/reconciliations/${id}/differences`;
    const { handled } = (await merchant.api.get(path).expect(200)).body.data[0];
    const { body } = await read(id);
    const { number, action, reason, by, at: when } = body.rows[0];
    expect({ number, action, reason, by, at: when }).toEqual({ number: 1, ...handled });
  });

  test('leaves out what is open, and what was sent again', async () => {
    const [sent] = await enterOurs({ businessKey: 'sent again', acceptedAt: NOON });
    const id = await reconciled([{ businessKey: 'open' }, { businessKey: 'settled' }]);
    await gateway.db.database.pool.query(
      `UPDATE reconciliation_difference
          SET handled_action = 'resend', handled_reason = 'r', handled_by = 'key_x',
              handled_by_name = 'x', handled_at = postrider_now()
        WHERE gateway_id = $1`,
      [sent],
    );
    await settle(id, (key) => (key === 'settled' ? 'accept_ours' : undefined));
    const { body } = await read(id);
    expect(body.rowCount).toBe(1);
    expect(body.rows.map((row: { businessKey: string }) => row.businessKey)).toEqual(['settled']);
  });

  test('goes home as CSV, quoted where it must be, with nothing where there is nothing', async () => {
    const id = await reconciled([
      { businessKey: 'A, "a"\nb', amount: '2.50' },
      { businessKey: 'B' },
    ]);
    await settle(id, (key) => (key === 'B' ? 'accept_theirs' : 'accept_ours'), 'we, "both"');
    const { rows } = (await read(id)).body;
    const { keyId, name } = rows[0].by;
    const expected = [
      HEADER,
      `1,merchant_only,"A, ""a""\nb",merchant,SUCCESS,2.50,CNY,,,,-2.50,accept_ours,"we, ""both""",${keyId},${name},${rows[0].at}`,
      `2,merchant_only,B,gateway,,,,SUCCESS,1.00,CNY,1.00,accept_theirs,"we, ""both""",${keyId},${name},${rows[1].at}`,
      '',
    ].join('\r\n');
    const byHeader = await read(id, '', { accept: 'text/csv' });
    expect(byHeader.text).toBe(expected);
    expect(byHeader.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(byHeader.headers.get('postrider-row-count')).toBe('2');
    const byName = await read(id, '?format=csv');
    expect(byName.text).toBe(expected);
    expect(byName.headers.get('content-disposition')).toBe(
      `attachment; filename="adjustments-${merchant.id}-${DAY}-${id}.csv"`,
    );
    const lines = (await read(id, '', { accept: 'application/x-ndjson' })).text.split('\n');
    expect(lines.slice(0, -1).map((line) => JSON.parse(line))).toEqual(rows);
    await merchant.api
      .get(`/v1/reconciliations/${id}/adjustments`, { accept: 'text/html' })
      .expect(406);
    await merchant.api.get(`/v1/reconciliations/${id}/adjustments?format=xls`).expect(422);
  });

  test('may be empty', async () => {
    const id = await reconciled([{ businessKey: 'open' }]);
    expect((await read(id)).body).toMatchObject({ rowCount: 0, rows: [] });
    expect((await read(id, '?format=csv')).text).toBe(`${HEADER}\r\n`);
    expect((await read(id, '?format=ndjson')).text).toBe('');
  });

  test('of more rows than a page has none is left out', async () => {
    const id = await reconciled([]);
    await gateway.db.database.pool.query(
      `INSERT INTO reconciliation_difference (reconciliation_id, number, kind, business_key,
           merchant_status, merchant_amount, merchant_currency, handled_action, handled_reason,
           handled_by, handled_by_name, handled_at)
       SELECT $1, n, 'merchant_only', 'K' || n, 'SUCCESS', 1, 'CNY',
              CASE WHEN n % 2 = 0 THEN 'accept_ours' END, 'r', 'key_x', 'x',
              CASE WHEN n % 2 = 0 THEN postrider_now() END
         FROM generate_series(1, 5000) AS n`,
      [id],
    );
    const { body } = await read(id);
    expect(body.rowCount).toBe(2500);
    expect(body.rows.map((row: { number: number }) => row.number)).toEqual(
      Array.from({ length: 2500 }, (_, n) => 2 * (n + 1)),
    );
  });

  test('is not to be seen by another merchant or a producer; operators see it', async () => {
    const id = await reconciled([{ businessKey: 'A' }]);
    const path = `/v1/reconciliations/${id}/adjustments`;
    await (await gateway.merchant()).api.get(path).expect(404);
    await (await gateway.producer()).api.get(path).expect(403);
    await gateway.operator.get(path).expect(200);
    await merchant.api.get('/v1/reconciliations/rec_none/adjustments').expect(404);
  });
});
