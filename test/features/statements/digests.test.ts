import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Overload } from '../../../src/api/problem.ts';
import { reprDigest } from '../../../src/features/exports/digest.ts';
import type { Export } from '../../../src/features/exports/render.ts';
import { render } from '../../../src/features/exports/render.ts';
import { openSpool } from '../../../src/features/exports/spool.ts';
import { CSV_HEADER, csvLine, type StatementRow } from '../../../src/features/statements/row.ts';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { at, enter, utcDate } from '../reconciliations/books.ts';

const FORMATS = ['application/json', 'text/csv', 'application/x-ndjson'] as const;
// Just after midnight yesterday is still open.
const CLOSED = utcDate(-1.01);
const OPEN = utcDate(40);

let gateway: TestGateway;
let merchant: Awaited<ReturnType<TestGateway['merchant']>>;
beforeAll(async () => {
  gateway = await testGateway({ roles: ['api'] });
});
afterAll(() => gateway?.close());
beforeEach(async () => {
  merchant = await gateway.merchant();
});

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes);

/** The bytes as they came. */
async function fetched(path: string, accept: string, method = 'GET') {
  const response = await fetch(gateway.url + path, {
    method,
    headers: { authorization: `Bearer ${merchant.key}`, accept, connection: 'close' },
  });
  expect(response.status).toBe(200);
  return { headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
}

/** Each form by what its reader holds: the bytes and the headers, nothing else. */
async function verify(path: string, rowCount: number): Promise<void> {
  const csv = await fetched(path, 'text/csv');
  const ofCsv = sha256(csv.bytes).digest('hex');
  for (const format of FORMATS) {
    const { headers, bytes } = await fetched(path, format);
    expect(headers.get('content-type')).toContain(format);
    expect(headers.get('repr-digest')).toBe(`sha-256=:${sha256(bytes).digest('base64')}:`);
    expect(headers.get('postrider-sha256')).toBe(ofCsv);
    expect(headers.get('postrider-sha256-of')).toBe('text/csv');
    expect(headers.get('postrider-row-count')).toBe(String(rowCount));
  }
  const { body } = await merchant.api.get(path).expect(200);
  expect(body).toMatchObject({ sha256: ofCsv, sha256Of: 'text/csv', rowCount });
}

describe('each form is verified by its own digest, the rows by that of the CSV form', () => {
  // More than one chunk, and what CSV and JSON each write in a way of their own.
  const entriesOf = (date: string) =>
    Array.from({ length: 2500 }, (_, n) => ({
      businessKey: `支付,"${n}"\r\n\u2028😀`,
      acceptedAt: at(date, '10:00'),
      amount: n % 2 ? null : `${n}.50`,
      currency: n % 2 ? null : 'CNY',
    }));

  test('of a closed day, and of a revision before the latest', async () => {
    await enter(gateway.db.database, merchant.id, entriesOf(CLOSED));
    await verify(`/v1/statements/${CLOSED}`, 2500);
    const more = [{ businessKey: 'late', acceptedAt: at(CLOSED, '11:00') }];
    await enter(gateway.db.database, merchant.id, more);
    await verify(`/v1/statements/${CLOSED}`, 2501);
    await verify(`/v1/statements/${CLOSED}?revision=1`, 2500);
  });

  test('of an open day', async () => {
    await enter(gateway.db.database, merchant.id, entriesOf(OPEN));
    await verify(`/v1/statements/${OPEN}`, 2500);
  });

  test('of empty days: open, closed, and before the merchant came', async () => {
    for (const date of [OPEN, CLOSED, '2020-02-29']) await verify(`/v1/statements/${date}`, 0);
  });

  test('as the answer to HEAD, too', async () => {
    const path = `/v1/statements/${CLOSED}`;
    await enter(gateway.db.database, merchant.id, entriesOf(CLOSED).slice(0, 3));
    const [get, head] = [await fetched(path, FORMATS[0]), await fetched(path, FORMATS[0], 'HEAD')];
    expect(head.bytes).toHaveLength(0);
    expect(head.headers.get('repr-digest')).toBe(get.headers.get('repr-digest'));
  });
});

describe('the pass for the digest', () => {
  const CHUNKS = 5;

  async function spooled() {
    const spool = await openSpool();
    for (let number = 0; number < CHUNKS; number += 1) {
      await spool.write(await promisify(gzip)(`{"n":${number}}\n`));
    }
    let chunksRead = 0;
    const statement: Export = {
      ...{ head: {}, csvHeader: 'n\r\n', csvLine: String, csvSha256: null, rowCount: CHUNKS },
      async *chunks() {
        for await (const lines of spool.chunks()) {
          chunksRead += 1;
          yield lines;
        }
      },
      close: spool.close,
    };
    return { statement, chunksRead: () => chunksRead };
  }

  test.each(FORMATS)('leaves %s to be rendered once more, the same', async (format) => {
    const { statement } = await spooled();
    const texts: string[] = [];
    for (let times = 0; times < 2; times += 1) {
      let text = '';
      for await (const piece of render(statement, 'application/x-ndjson')) text += piece;
      await reprDigest(statement, format, () => false);
      texts.push(text);
    }
    await statement.close();
    expect(texts[1]).toBe(texts[0]);
    expect(texts[0]).toContain(`{"n":${CHUNKS - 1}}`);
  });

  test('ends when the caller has gone', async () => {
    const { statement, chunksRead } = await spooled();
    const isGone = () => chunksRead() >= 2;
    await expect(reprDigest(statement, 'application/x-ndjson', isGone)).rejects.toThrow(Overload);
    expect(chunksRead()).toBe(2);
    await statement.close();
  });
});

describe('what a spreadsheet would run', () => {
  const businessKey = '=HYPERLINK("http://evil.test")';
  const entry = { businessKey, amount: '-5.00', currency: 'CNY', status: '+OK' };
  const path = `/v1/statements/${CLOSED}`;
  const csvOf = async () => (await fetched(path, 'text/csv')).bytes.toString();

  test('has a quote before it in the CSV form, and nowhere else', async () => {
    await enter(gateway.db.database, merchant.id, [{ ...entry, acceptedAt: at(CLOSED, '12:00') }]);
    const csv = await csvOf();
    expect(csv).toContain('"\'=HYPERLINK(""http://evil.test"")"');
    expect(csv).toContain(",'+OK,");
    expect(csv).toContain(',-5.00,');
    const { body } = await merchant.api.get(path).expect(200);
    expect(body.rows[0]).toMatchObject({ businessKey, status: '+OK', amount: '-5.00' });
    await verify(path, 1);
  });

  test('stays as it was in a statement that was closed before: its digest is of that', async () => {
    const [id] = await enter(gateway.db.database, merchant.id, [
      { ...entry, acceptedAt: at(CLOSED, '12:00') },
    ]);
    const row: StatementRow = {
      ...{ id: id as string, businessKey, type: 'payment.settled', status: '+OK', version: 0 },
      ...{ amount: '-5.00', currency: 'CNY', deliveryStatus: 'delivered' },
      ...{ occurredAt: at(CLOSED, '12:00').toISOString() },
      ...{ acceptedAt: at(CLOSED, '12:00').toISOString() },
    };
    const digest = sha256(Buffer.from(CSV_HEADER + csvLine(row, false))).digest('hex');
    await gateway.db.database.pool.query(
      `WITH kept AS (
         INSERT INTO statement (merchant_id, date, timezone, revision, row_count, sha256, totals)
         VALUES ($1, $2, 'UTC', 1, 1, $3, '[]') RETURNING id)
       INSERT INTO statement_chunk (statement_id, number, rows) SELECT id, 0, $4 FROM kept`,
      [merchant.id, CLOSED, digest, await promisify(gzip)(`${JSON.stringify(row)}\n`)],
    );
    expect(await csvOf()).toContain(',+OK,');
    await verify(path, 1);
  });
});
