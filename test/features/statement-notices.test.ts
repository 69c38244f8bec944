import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addDays } from '../../src/api/calendar-day.ts';
import { EVENT_TYPES } from '../../src/features/event-types/catalogue.ts';
import { tellReady } from '../../src/features/statement-notices/run.ts';
import { daysToTell, lastTold, noticeOf } from '../../src/features/statement-notices/times.ts';
import { createStatements } from '../../src/features/statements/statements.ts';
import { tellFacts } from '../../src/protocols/notification/operational/tell.ts';
import { type TestGateway, testGateway } from '../support/gateway.ts';
import { at, enter } from './reconciliations/books.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const SHANGHAI = { at: '08:30', timezone: 'Asia/Shanghai' };

describe('the time', () => {
  test('is one of the next day, by the clocks of the zone', () => {
    expect(noticeOf('2026-11-22', SHANGHAI).toISOString()).toBe('2026-11-23T00:30:00.000Z');
    const utc = { at: '08:30', timezone: 'UTC' };
    expect(noticeOf('2026-11-22', utc).toISOString()).toBe('2026-11-23T08:30:00.000Z');
    const newYork = { at: '02:30', timezone: 'America/New_York' };
    // On 8 March 2026 there is no 02:30: the clocks go from two to three.
    expect(noticeOf('2026-03-07', newYork).toISOString()).toBe('2026-03-08T07:00:00.000Z');
    expect(noticeOf('2026-03-08', newYork).toISOString()).toBe('2026-03-09T06:30:00.000Z');
  });

  test('comes once a day, on the minute', () => {
    const last = (now: string) => lastTold(new Date(now), SHANGHAI);
    expect(last('2026-11-23T00:29:59.999Z')).toBe('2026-11-21');
    expect(last('2026-11-23T00:30:00.000Z')).toBe('2026-11-22');
    expect(last('2026-11-23T23:59:00.000Z')).toBe('2026-11-22');
  });

  test('days that were missed are told, a week of them', () => {
    const now = new Date('2026-11-23T01:00:00Z');
    expect(daysToTell('2026-11-23', now, SHANGHAI)).toEqual([]);
    expect(daysToTell('2026-11-21', now, SHANGHAI)).toEqual(['2026-11-21', '2026-11-22']);
    const late = daysToTell('2026-01-01', now, SHANGHAI);
    expect([late.length, late[0], late.at(-1)]).toEqual([7, '2026-11-16', '2026-11-22']);
  });
});

describe('a daily notice', () => {
  let gateway: TestGateway;
  let merchant: Awaited<ReturnType<TestGateway['merchant']>>;
  beforeEach(async () => {
    gateway = await testGateway({ roles: ['api'] });
    merchant = await gateway.merchant();
  });
  afterEach(() => gateway.close());

  const notice = () => `/v1/merchants/${merchant.id}/statement-notice`;
  const subscribe = (api = merchant.api, path = `/v1/merchants/${merchant.id}/endpoints`) =>
    api.post(path, { url: 'http://127.0.0.1:9/', events: ['statement.ready'] }).expect(201);
  /** A look of every worker, and what it tells. */
  async function look(statements = createStatements(gateway.db.database)) {
    const errors: unknown[] = [];
    const log = { error: (fields: object) => void errors.push(fields) };
    const { database } = gateway.db;
    await tellReady({ database, statements, log }, new AbortController().signal);
    await tellFacts(database.prisma);
    return errors;
  }
  const told = async (merchantId = merchant.id) => {
    const rows = await gateway.db.database.prisma.$queryRaw<{ data: string }[]>`
      SELECT (body -> 'data')::text AS data FROM notification
       WHERE merchant_id = ${merchantId} AND type = 'statement.ready' ORDER BY id`;
    return rows.map(({ data }) =>
      EVENT_TYPES['statement.ready'].data.strict().parse(JSON.parse(data)),
    );
  };
  const dates = async () => (await told()).map(({ date }) => date);
  const nextDate = async () => (await merchant.api.get(notice()).expect(200)).body.nextDate;
  /** To five past the time of the next notice. */
  async function pass(days = 1) {
    const { body } = await merchant.api.get(notice()).expect(200);
    const [row] = await gateway.db.database.prisma.$queryRaw<{ now: Date }[]>`
      SELECT postrider_now() AS now`;
    await gateway.db.travel(
      Date.parse(body.nextAt) - (row?.now.getTime() ?? 0) + 5 * 60_000 + (days - 1) * DAY,
    );
  }

  test('says what the statement says, and where to fetch the file of this digest', async () => {
    await subscribe();
    await subscribe(gateway.operator, '/v1/alert-endpoints');
    const { body } = await merchant.api.put(notice(), SHANGHAI).expect(200);
    await enter(gateway.db.database, merchant.id, [
      { businessKey: 'A', acceptedAt: at(body.nextDate, '04:00'), amount: '1.50' },
      { businessKey: 'B', acceptedAt: at(body.nextDate, '05:00'), amount: '2.00' },
    ]);
    await look();
    expect(await told()).toEqual([]);
    await pass();
    await look();
    const [event] = await told();
    expect(event).toMatchObject({
      merchantId: merchant.id,
      date: body.nextDate,
      timezone: 'Asia/Shanghai',
      revision: 1,
      rowCount: 2,
      totals: [{ status: 'SUCCESS', currency: 'CNY', count: 2, amount: '3.50' }],
    });
    for (const api of [merchant.api, gateway.operator]) {
      const { text } = await api.get(event?.path ?? '').expect(200);
      expect(createHash('sha256').update(text).digest('hex')).toBe(event?.sha256);
    }
    expect(await told('~operators')).toEqual([event]);
  });

  test('comes once, however many workers look and however often', async () => {
    await subscribe();
    await merchant.api.put(notice(), SHANGHAI).expect(200);
    const date = await nextDate();
    await pass();
    await Promise.all(Array.from({ length: 5 }, () => look()));
    await look();
    expect(await dates()).toEqual([date]);
  });

  test('is made good for a week where nobody was there to tell', async () => {
    await subscribe();
    await merchant.api.put(notice(), { at: '23:00' }).expect(200);
    await pass(10);
    await look();
    const all = await dates();
    expect(all).toHaveLength(7);
    expect(new Set(all).size).toBe(7);
    expect(addDays(all.at(-1) ?? '', 1)).toBe(await nextDate());
  });

  test('waits where the statement cannot be made, and is told then', async () => {
    await subscribe();
    await merchant.api.put(notice(), SHANGHAI).expect(200);
    await pass();
    const errors = await look({
      ...createStatements(gateway.db.database),
      open: () => Promise.reject(new Error('too much waits')),
    });
    expect(errors).toEqual([expect.objectContaining({ merchantId: merchant.id })]);
    expect(await dates()).toEqual([]);
    await look();
    expect(await dates()).toHaveLength(1);
  });

  test('just after midnight waits until the day is closed', async () => {
    await subscribe();
    const { body } = await merchant.api.put(notice(), { at: '00:00' }).expect(200);
    const [row] = await gateway.db.database.prisma.$queryRaw<{ now: Date }[]>`
      SELECT postrider_now() AS now`;
    await gateway.db.travel(Date.parse(body.nextAt) - (row?.now.getTime() ?? 0) + 1_000);
    const statements = createStatements(gateway.db.database);
    const opened: string[] = [];
    await look({
      ...statements,
      open(wanted, signal) {
        opened.push(wanted.date);
        return statements.open(wanted, signal);
      },
    });
    // Nor is it added up in vain.
    expect(opened).toEqual([]);
    expect(await dates()).toEqual([]);
    await gateway.db.travel(5 * 60_000);
    await look();
    expect(await dates()).toEqual([body.nextDate]);
  });

  test('goes on where its time is changed, and begins anew in another zone', async () => {
    await subscribe();
    await merchant.api.put(notice(), SHANGHAI).expect(200);
    await pass();
    await look();
    const [first] = await dates();
    await merchant.api.put(notice(), { ...SHANGHAI, at: '23:30' }).expect(200);
    await look();
    expect(await dates()).toEqual([first]);
    await merchant.api.put(notice(), { at: '00:10', timezone: 'Asia/Tokyo' }).expect(200);
    await look();
    expect(await dates()).toEqual([first]);
    await merchant.api.delete(notice()).expect(204);
    const none = { at: null, timezone: null, nextDate: null, nextAt: null };
    expect((await merchant.api.get(notice()).expect(200)).body).toEqual({
      merchantId: merchant.id,
      ...none,
    });
  });

  test('of which nobody wants to hear makes no statement, and is not told later', async () => {
    await merchant.api.put(notice(), SHANGHAI).expect(200);
    const date = await nextDate();
    await pass();
    await look();
    expect((await nextDate()) > date).toBe(true);
    await subscribe();
    await look();
    expect(await dates()).toEqual([]);
    const kept = await gateway.db.database.prisma.$queryRaw<unknown[]>`SELECT 1 FROM statement`;
    expect(kept).toEqual([]);
  });

  test('is a merchant’s own', async () => {
    const other = await gateway.merchant();
    await other.api.put(notice(), SHANGHAI).expect(404);
    await other.api.get(notice()).expect(404);
    await gateway.operator.put('/v1/merchants/nobody/statement-notice', SHANGHAI).expect(404);
    for (const wrong of [
      { at: '24:00' },
      { at: '8:30' },
      { at: '08:30', timezone: '+08:00' },
      {},
    ]) {
      await merchant.api.put(notice(), wrong).expect(422);
    }
  });
});
