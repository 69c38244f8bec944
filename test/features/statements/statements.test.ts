import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addDays, dayIn } from '../../../src/api/calendar-day.ts';
import { OPERATOR_KEY, type TestGateway, testGateway } from '../../support/gateway.ts';
import { spawnGateway } from '../../support/process.ts';
import { until } from '../../support/until.ts';
import { at, enter, utcDate } from '../reconciliations/books.ts';

const CSV = { accept: 'text/csv' };
const NDJSON = { accept: 'application/x-ndjson' };
const HOUR = 3_600_000;

let gateway: TestGateway;
let merchant: Awaited<ReturnType<TestGateway['merchant']>>;
beforeAll(async () => {
  gateway = await testGateway({ roles: ['api'] });
});
afterAll(() => gateway?.close());
beforeEach(async () => {
  merchant = await gateway.merchant();
});

// The last day that is closed for sure: just after midnight yesterday is still open.
const YESTERDAY = utcDate(-1.01);
const read = async (date: string, query = '') =>
  (await merchant.api.get(`/v1/statements/${date}${query}`).expect(200)).body;

/** Written from the description alone: what anybody must be able to do to check a statement. */
function sha256OfRows(rows: Record<string, unknown>[]): string {
  const columns =
    'id,businessKey,type,status,version,amount,currency,occurredAt,acceptedAt,deliveryStatus';
  const field = (value: unknown) => {
    const plain = value === null ? '' : String(value);
    // So that no spreadsheet runs it.
    const isFormula =
      '=+-@\t\r'.includes(plain.charAt(0)) && plain !== '' && Number.isNaN(Number(plain));
    const text = isFormula ? `'${plain}` : plain;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [
    columns,
    ...rows.map((row) =>
      columns
        .split(',')
        .map((column) => field(row[column]))
        .join(','),
    ),
  ];
  return sha256(`${lines.join('\r\n')}\r\n`);
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('the open day', () => {
  test('shows what was accepted so far, and goes on changing', async () => {
    const { api } = await gateway.producer();
    const notify = async (businessKey: string) =>
      (
        await api
          .post('/v1/notifications', {
            merchantId: merchant.id,
            type: 'payment.succeeded',
            businessKey,
            occurredAt: '2026-01-02T03:04:05.678+08:00',
            result: { status: 'SUCCESS', version: 2, amount: '100.00', currency: 'CNY' },
            payload: {},
          })
          .expect(202)
      ).body;
    const first = await notify('ORDER-1');
    const today = first.acceptedAt.slice(0, 10);
    const statement = await read(today);
    expect(statement).toMatchObject({
      date: today,
      timezone: 'UTC',
      merchantId: merchant.id,
      revision: 0,
      closed: false,
      rowCount: 1,
      totals: [{ status: 'SUCCESS', currency: 'CNY', count: 1, amount: '100.00' }],
    });
    expect(statement.rows).toEqual([
      {
        id: first.id,
        businessKey: 'ORDER-1',
        type: 'payment.succeeded',
        status: 'SUCCESS',
        version: 2,
        amount: '100.00',
        currency: 'CNY',
        occurredAt: '2026-01-01T19:04:05.678Z',
        acceptedAt: first.acceptedAt,
        deliveryStatus: 'skipped',
      },
    ]);
    await notify('ORDER-2');
    expect(await read(today)).toMatchObject({ rowCount: 2, revision: 0 });
  });

  test('a day to come is open and empty; it has no revisions', async () => {
    expect(await read(utcDate(40))).toMatchObject({ closed: false, revision: 0, rows: [] });
    await merchant.api.get(`/v1/statements/${utcDate(40)}?revision=1`).expect(404);
  });

  test('stays open for a little while after its end', async () => {
    const today = utcDate(0);
    const toMidnight = Date.parse(utcDate(1)) - Date.now();
    await gateway.db.travel(toMidnight + 4 * 60_000);
    expect(await read(today)).toMatchObject({ closed: false });
    await gateway.db.travel(2 * 60_000);
    expect(await read(today)).toMatchObject({ closed: true, revision: 1 });
    await gateway.db.travel(-toMidnight - 6 * 60_000);
  });
});

describe('the three forms', () => {
  const awkward = [
    'ORDER,1',
    'say "hi"',
    'two\r\nlines',
    ' blanks ',
    '支付-单号😀',
    '=1+1',
    "o'neill\t",
    '\u2028',
  ];

  /** As fetch has it: the other calls take everything with json in its name for one JSON text. */
  const asText = async (path: string, headers: Record<string, string>) => {
    const response = await fetch(gateway.url + path, {
      headers: { authorization: `Bearer ${merchant.key}`, connection: 'close', ...headers },
    });
    return { headers: response.headers, text: await response.text() };
  };

  test('hold the same rows under the same digest, which anybody can recompute', async () => {
    await enter(
      gateway.db.database,
      merchant.id,
      awkward.map((businessKey, n) => ({
        businessKey,
        acceptedAt: at(YESTERDAY, `0${n}:00`),
        amount: n % 2 ? null : `${n}.50`,
        currency: n % 2 ? null : 'CNY',
        status: n % 3 ? 'SUCCESS' : null,
      })),
    );
    const path = `/v1/statements/${YESTERDAY}`;
    const json = await merchant.api.get(path).expect(200);
    const csv = await merchant.api.get(path, CSV).expect(200);
    const ndjson = await asText(path, NDJSON);

    expect(json.body.rows.map((row: { businessKey: string }) => row.businessKey)).toEqual(awkward);
    const lines = ndjson.text.split('\n').slice(0, -1);
    expect(lines.map((line) => JSON.parse(line))).toEqual(json.body.rows);
    expect(sha256(csv.text)).toBe(json.body.sha256);
    expect(sha256OfRows(json.body.rows)).toBe(json.body.sha256);
    for (const { headers } of [json, csv, ndjson]) {
      expect(headers.get('postrider-sha256')).toBe(json.body.sha256);
      expect(headers.get('postrider-row-count')).toBe(String(awkward.length));
      expect(headers.get('postrider-revision')).toBe('1');
      expect(headers.get('vary')).toBe('Accept');
    }
    expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(ndjson.headers.get('content-type')).toBe('application/x-ndjson');

    // For links, which cannot say what they accept.
    const file = await asText(`${path}?format=ndjson`, CSV);
    expect(file.text).toBe(ndjson.text);
    expect(file.headers.get('content-disposition')).toBe(
      `attachment; filename="statement-${merchant.id}-${YESTERDAY}.ndjson"`,
    );
    await merchant.api.get(`${path}?format=xml`).expect(422);
  });

  test.each([
    [undefined, 'application/json'],
    ['*/*', 'application/json'],
    ['text/*', 'text/csv'],
    ['TEXT/CSV', 'text/csv'],
    ['text/html, application/json;q=0.5, text/csv; q=0.9', 'text/csv'],
    ['application/json;q=0, */*', 'text/csv'],
    ['application/x-ndjson, */*;q=0.1', 'application/x-ndjson'],
    ['text/csv;q=0.5, application/json;q=0.5', 'application/json'],
  ])('Accept: %s is answered with %s', async (accept, type) => {
    const headers = accept === undefined ? {} : { accept };
    const answer = await merchant.api.get(`/v1/statements/${YESTERDAY}`, headers).expect(200);
    expect(answer.headers.get('content-type')).toContain(type);
  });

  test.each(['text/html', 'application/json;q=0', 'image/*'])(
    'Accept: %s is 406',
    async (accept) => {
      const answer = await merchant.api.get(`/v1/statements/${YESTERDAY}`, { accept }).expect(406);
      expect(answer.body.code).toBe('not_acceptable');
    },
  );

  test('HEAD has the headers alone', async () => {
    const answer = await fetch(`${gateway.url}/v1/statements/${utcDate(0)}`, {
      method: 'HEAD',
      headers: { authorization: `Bearer ${merchant.key}`, connection: 'close' },
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('postrider-row-count')).toBe('0');
    await until(() => spools().length === 0);
  });
});

describe('a closed day', () => {
  const path = `/v1/statements/${YESTERDAY}`;

  test('never changes: neither with its deliveries nor by anybody in the database', async () => {
    const { pool } = gateway.db.database;
    const entries = [{ businessKey: 'A', acceptedAt: at(YESTERDAY, '10:00') }];
    await enter(gateway.db.database, merchant.id, entries);
    const before = await merchant.api.get(path, CSV).expect(200);
    await pool.query(
      `UPDATE delivery SET status = 'failed', reason = 'ladder_spent' WHERE merchant_id = $1`,
      [merchant.id],
    );
    expect((await merchant.api.get(path, CSV).expect(200)).text).toBe(before.text);
    for (const sql of [
      'UPDATE statement SET row_count = 0',
      'DELETE FROM statement',
      'DELETE FROM statement_chunk',
    ]) {
      await expect(pool.query(sql)).rejects.toThrow('statements never change');
    }
  });

  test('a row that turns up later makes the next revision; the former stays as it was', async () => {
    const row = (businessKey: string) => [{ businessKey, acceptedAt: at(YESTERDAY, '10:00') }];
    await enter(gateway.db.database, merchant.id, row('A'));
    const first = await merchant.api.get(path, CSV).expect(200);
    expect(first.headers.get('postrider-revision')).toBe('1');
    await enter(gateway.db.database, merchant.id, row('B'));
    const second = await read(YESTERDAY);
    expect(second).toMatchObject({ revision: 2, closed: true, rowCount: 2 });
    expect(await read(YESTERDAY)).toEqual(second);
    expect((await merchant.api.get(`${path}?revision=1`, CSV).expect(200)).text).toBe(first.text);
    expect(await read(YESTERDAY, '?revision=2')).toEqual(second);
    for (const revision of [0, 3]) {
      await merchant.api.get(`${path}?revision=${revision}`).expect(404);
    }
  });

  test('is closed once, however many ask for it first', async () => {
    const entries = [{ businessKey: 'A', acceptedAt: at(YESTERDAY, '10:00') }];
    await enter(gateway.db.database, merchant.id, entries);
    const other = await testGateway({ roles: ['api'], db: gateway.db });
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        (n % 2 ? other : gateway).as(merchant.key).get(path, CSV).expect(200),
      ),
    );
    await other.close();
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    const { rows } = await gateway.db.database.pool.query(
      'SELECT revision FROM statement WHERE merchant_id = $1',
      [merchant.id],
    );
    expect(rows).toEqual([{ revision: 1 }]);
  });

  test('empty days are statements too, but those before the merchant came are not kept', async () => {
    const empty = { closed: true, revision: 1, rowCount: 0, totals: [], rows: [] };
    expect(await read('2020-02-29')).toMatchObject({ ...empty, sha256: sha256OfRows([]) });
    expect(await read('2020-02-29', '?revision=1')).toMatchObject(empty);
    const { rows } = await gateway.db.database.pool.query(
      'SELECT 1 FROM statement WHERE merchant_id = $1',
      [merchant.id],
    );
    expect(rows).toEqual([]);
  });
});

describe('days of a time zone', () => {
  test.each([
    ['2026-11-22', 'UTC', '2026-11-22T00:00:00.000Z', 24],
    ['2026-11-22', 'Asia/Shanghai', '2026-11-21T16:00:00.000Z', 24],
    ['2026-03-08', 'America/New_York', '2026-03-08T05:00:00.000Z', 23],
    ['2026-11-01', 'America/New_York', '2026-11-01T04:00:00.000Z', 25],
    // Midnight does not exist: clocks go from 23:59 to 01:00.
    ['2026-04-24', 'Africa/Cairo', '2026-04-23T22:00:00.000Z', 23],
    // Midnight comes, and the hour before it once more.
    ['2024-10-26', 'America/Nuuk', '2024-10-26T01:00:00.000Z', 25],
    ['2026-04-05', 'Australia/Lord_Howe', '2026-04-04T13:00:00.000Z', 24.5],
    ['2026-11-22', 'Asia/Kathmandu', '2026-11-21T18:15:00.000Z', 24],
    // Skipped altogether, when the country went to the other side of the date line.
    ['2011-12-30', 'Pacific/Apia', '2011-12-30T10:00:00.000Z', 0],
  ])('%s in %s begins at %s and has %d hours', (date, timezone, startsAt, hours) => {
    const day = dayIn(date, timezone);
    expect(day.startsAt.toISOString()).toBe(startsAt);
    expect((day.endsAt.getTime() - day.startsAt.getTime()) / HOUR).toBe(hours);
  });

  test('leave no gap, do not overlap, and hold only times that the calendar gives that date', () => {
    const zones = fc.constantFrom(...Intl.supportedValuesOf('timeZone'));
    const dates = fc.date({
      min: new Date('2012-01-01'),
      max: new Date('2040-01-01'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(
        zones,
        dates,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (timezone, time, share) => {
          const date = time.toISOString().slice(0, 10);
          const { startsAt, endsAt } = dayIn(date, timezone);
          expect(dayIn(addDays(date, 1), timezone).startsAt).toEqual(endsAt);
          const lengthMs = endsAt.getTime() - startsAt.getTime();
          const within = new Date(startsAt.getTime() + Math.floor(share * lengthMs));
          const shown = within.toLocaleDateString('sv-SE', { timeZone: timezone });
          expect(shown).toBe(date);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('decide which rows a statement has', async () => {
    await enter(gateway.db.database, merchant.id, [
      { businessKey: 'the day before', acceptedAt: at('2026-05-09', '15:59:59.999') },
      { businessKey: 'first', acceptedAt: at('2026-05-09', '16:00:00.000') },
      { businessKey: 'last', acceptedAt: at('2026-05-10', '15:59:59.999') },
      { businessKey: 'the day after', acceptedAt: at('2026-05-10', '16:00:00.000') },
    ]);
    const { rows, timezone } = await read('2026-05-10', '?timezone=asia/shanghai');
    expect(timezone).toBe('Asia/Shanghai');
    expect(rows.map((row: { businessKey: string }) => row.businessKey)).toEqual(['first', 'last']);
  });

  test.each(['Mars/Phobos', '+08:00', 'GMT+8', '', "UTC'; --", 'x'.repeat(65)])(
    '%j is no time zone',
    async (timezone) => {
      const query = `?timezone=${encodeURIComponent(timezone)}`;
      const answer = await merchant.api.get(`/v1/statements/${YESTERDAY}${query}`).expect(422);
      expect(answer.body.errors[0].path).toBe('query.timezone');
    },
  );

  test.each([
    '2026-02-30',
    '2026-2-3',
    'yesterday',
    '0000-01-01',
    '10000-01-01',
    '2026-11-22T00:00',
  ])('%s is no date', async (date) => {
    await merchant.api.get(`/v1/statements/${date}`).expect(422);
  });
});

describe('who may see it', () => {
  const path = `/v1/statements/${YESTERDAY}`;

  test('a merchant its own; an operator everybody’s, by name; a producer none', async () => {
    const other = await gateway.merchant();
    const entries = [{ businessKey: 'A', acceptedAt: at(YESTERDAY, '10:00') }];
    await enter(gateway.db.database, merchant.id, entries);
    const own = await merchant.api.get(path).expect(200);
    expect((await merchant.api.get(`${path}?merchantId=${merchant.id}`).expect(200)).text).toBe(
      own.text,
    );
    expect((await gateway.operator.get(`${path}?merchantId=${merchant.id}`).expect(200)).text).toBe(
      own.text,
    );
    expect((await other.api.get(path).expect(200)).body.rows).toEqual([]);
    await gateway.operator.get(path).expect(422);
    await (await gateway.producer()).api.get(path).expect(403);
    const { requestId: _one, ...foreign } = (
      await other.api.get(`${path}?merchantId=${merchant.id}`).expect(404)
    ).body;
    const { requestId: _two, ...absent } = (
      await gateway.operator.get(`${path}?merchantId=nobody`).expect(404)
    ).body;
    expect(foreign).toEqual(absent);
  });
});

describe('money', () => {
  /** Up to 18 digits, of those up to 8 decimals. */
  const amount = fc
    .tuple(
      fc.integer({ min: 0, max: 8 }),
      fc.bigInt({ min: 0n, max: 10n ** 18n - 1n }),
      fc.boolean(),
    )
    .map(([decimals, units, negative]) => {
      const digits = String(units).padStart(decimals + 1, '0');
      const whole = digits.slice(0, digits.length - decimals);
      const text = decimals === 0 ? whole : `${whole}.${digits.slice(-decimals)}`;
      return negative && units > 0n ? `-${text}` : text;
    });

  test('every amount comes out as it went in, and the totals are exact', async () => {
    const { api } = await gateway.producer();
    const list = fc.array(fc.record({ amount, currency: fc.constantFrom('CNY', 'USD') }), {
      minLength: 1,
      maxLength: 100,
    });
    await fc.assert(
      fc.asyncProperty(list, async (results) => {
        const { id, api: own } = await gateway.merchant();
        const notifications = results.map((result, n) => ({
          merchantId: id,
          type: 'payment',
          businessKey: String(n),
          result: { status: 'SUCCESS', ...result },
          payload: {},
        }));
        const { body } = await api.post('/v1/notifications/batch', { notifications }).expect(202);
        const today = body.data[0].notification.acceptedAt.slice(0, 10);
        const statement = (await own.get(`/v1/statements/${today}`).expect(200)).body;
        const shown = new Map(
          statement.rows.map((row: { businessKey: string; amount: string }) => [
            row.businessKey,
            row.amount,
          ]),
        );
        expect(results.map((_, n) => shown.get(String(n)))).toEqual(
          results.map((result) => result.amount),
        );
        const { rows } = await gateway.db.database.pool.query(
          `SELECT result_currency AS currency, count(*)::int AS count, sum(result_amount)::text AS amount
             FROM notification WHERE merchant_id = $1 GROUP BY 1 ORDER BY 1`,
          [id],
        );
        expect(statement.totals).toEqual(rows.map((row) => ({ status: 'SUCCESS', ...row })));
      }),
      { numRuns: 25 },
    );
  });

  test('totals are by status and currency; rows without an amount are counted', async () => {
    const acceptedAt = at(YESTERDAY, '10:00');
    await enter(gateway.db.database, merchant.id, [
      { businessKey: '1', acceptedAt, amount: '0.1' },
      { businessKey: '2', acceptedAt, amount: '0.2' },
      { businessKey: '3', acceptedAt, amount: '-0.30' },
      { businessKey: '4', acceptedAt, amount: '999999999999999999' },
      { businessKey: '5', acceptedAt, amount: '1', currency: 'USD' },
      { businessKey: '6', acceptedAt, amount: '5', status: 'CLOSED' },
      { businessKey: '7', acceptedAt, amount: null, currency: null, status: null },
      { businessKey: '8', acceptedAt, amount: null },
    ]);
    expect((await read(YESTERDAY)).totals).toEqual([
      { status: 'CLOSED', currency: 'CNY', count: 1, amount: '5' },
      { status: 'SUCCESS', currency: 'CNY', count: 5, amount: '999999999999999999.00' },
      { status: 'SUCCESS', currency: 'USD', count: 1, amount: '1' },
      { status: null, currency: null, count: 1, amount: null },
    ]);
  });
});

describe('a large day', () => {
  const ROWS = 200_000;
  const LARGE = utcDate(-3);
  let large: typeof merchant;

  beforeAll(async () => {
    large = await gateway.merchant();
    await gateway.db.database.pool.query(
      `INSERT INTO notification (id, merchant_id, type, business_key, queue, occurred_at, accepted_at,
           result_status, result_version, result_amount, result_currency, body, fingerprint, producer_key_id)
       SELECT 'ntf_' || md5(n::text), $1, 'payment.succeeded', 'ORDER-' || md5((-n)::text), 'default', t, t,
              'SUCCESS', 1, 0.01, 'CNY', '{}', '', 'key_test'
         FROM generate_series(1, ${ROWS}) AS n
         CROSS JOIN LATERAL (SELECT $2::timestamptz + n * interval '0.4 seconds' AS t) AS at`,
      [large.id, at(LARGE, '00:00')],
    );
  });

  async function open(url: string, accept: string): Promise<IncomingMessage> {
    const request = get(`${url}/v1/statements/${LARGE}`, {
      headers: { authorization: `Bearer ${large.key}`, accept, connection: 'close' },
    });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return response;
  }

  /** Reads it as it comes and keeps nothing. */
  async function consume(url: string, accept: string) {
    const response = await open(url, accept);
    const hash = createHash('sha256');
    for await (const piece of response) hash.update(piece);
    const digest = hash.digest();
    expect(response.headers['repr-digest']).toBe(`sha-256=:${digest.toString('base64')}:`);
    return { headers: response.headers, sha256: digest.toString('hex') };
  }

  test('is closed and read in each form by a process that could never hold it', async () => {
    // As objects its rows take some 200 MB, as text 50 MB.
    const small = await spawnGateway({
      env: {
        DATABASE_URL: gateway.db.url,
        ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
        OPERATOR_KEY,
        ROLES: 'api',
        NODE_OPTIONS: '--max-old-space-size=128',
      },
    });
    const before = peakMemoryMb(small.pid);
    const csv = await consume(small.url, 'text/csv');
    expect(csv.headers['postrider-row-count']).toBe(String(ROWS));
    expect(csv.sha256).toBe(csv.headers['postrider-sha256']);
    for (const accept of ['application/json', 'application/x-ndjson']) {
      const { headers } = await consume(small.url, accept);
      expect(headers['postrider-sha256']).toBe(csv.sha256);
    }
    expect(peakMemoryMb(small.pid) - before).toBeLessThan(120);
    await small.kill();
  }, 60_000);

  test('a caller who leaves in the middle of an open day leaves nothing behind', async () => {
    const toThatDay = at(LARGE, '12:00').getTime() - Date.now();
    await gateway.db.travel(toThatDay);
    const response = await open(gateway.url, 'application/x-ndjson');
    expect(response.headers['postrider-revision']).toBe('0');
    await once(response, 'readable');
    expect(spools()).not.toEqual([]);
    response.destroy();
    await until(() => spools().length === 0, { what: 'the temporary file to be closed' });
    await gateway.db.travel(-toThatDay);
    await large.api.get('/v1/notifications?limit=1').expect(200);
  }, 60_000);
});

/** The most that a process ever had in memory at once. */
function peakMemoryMb(pid: number): number {
  const [, kib] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1024;
}

/** Temporary files of this process that are open. */
function spools(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.includes('/postrider-') && path.endsWith(' (deleted)') ? [path] : [];
    } catch {
      return [];
    }
  });
}
