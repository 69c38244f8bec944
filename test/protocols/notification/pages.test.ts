import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MERCHANTS_AND_ENDPOINTS, NOTIFICATIONS } from '../../../bench/generated.ts';
import type { Scope } from '../../../src/api/scope.ts';
import { UNSETTLED } from '../../../src/engine/delivery.ts';
import type { Sql } from '../../../src/platform/db/client.ts';
import { listMessages } from '../../../src/protocols/message/store/find.ts';
import type { NotificationFilter } from '../../../src/protocols/notification/store/find.ts';
import {
  findEarlier,
  type NewNotification,
} from '../../../src/protocols/notification/store/insert.ts';
import { listNotifications } from '../../../src/protocols/notification/store/list.ts';
import { listDeliveries } from '../../../src/protocols/notification/store/list-deliveries.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { PLAN_MODES, readingOf } from '../../support/pages.ts';

const ROWS = 20_000;
/** The table has thousands. */
const FEW_PAGES = 300;
const PAGE = 26;
const EVERYBODY: Scope = { merchantId: null, producerKeyId: null, merchants: null };
/** Sent a hundred of the oldest. */
const QUIET: Scope = { merchantId: null, producerKeyId: 'key_quiet', merchants: null };
/** Has a hundredth of all. */
const MERCHANT: Scope = { merchantId: 'bench_7', producerKeyId: null, merchants: null };

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
  const { pool } = db.database;
  await pool.query(MERCHANTS_AND_ENDPOINTS);
  await pool.query(NOTIFICATIONS, [1, ROWS, ROWS]);
  await pool.query(
    "UPDATE notification SET event_id = 'evt-' || business_key WHERE result_version = 0",
  );
  await pool.query(
    "UPDATE notification SET producer_key_id = 'key_quiet' WHERE id IN (SELECT id FROM notification ORDER BY id LIMIT 100)",
  );
  await pool.query(
    "UPDATE endpoint SET url = 'https://example.com/of-one' WHERE id = 'ep_bench_7'",
  );
  await pool.query(
    `INSERT INTO message (id, producer_key_id, merchant_id, type, business_key, input, payload, fingerprint,
                          check_url, check_after_seconds, completion, complete_after_seconds)
     SELECT 'msg_' || n, 'key_' || n % 50, 'bench_1', 't', 'ORDER-' || n, '{}', '{}', '', '', 1, 'http', 1
       FROM generate_series(1, $1::int) AS n`,
    [ROWS],
  );
  await pool.query('VACUUM ANALYZE message, notification, delivery, merchant, endpoint, receiver');
});
afterAll(() => db.drop());

describe.each(PLAN_MODES)('%s', (mode) => {
  test('a repeat is found by its key, by its event or its id', async () => {
    const { rows } = await db.database.pool.query(
      'SELECT id, merchant_id, event_id FROM notification WHERE event_id IS NOT NULL LIMIT 10',
    );
    const wanted = rows.map(({ id, merchant_id, event_id }, n) =>
      n % 2 === 0
        ? { id: 'ntf_new', merchantId: merchant_id, eventId: event_id }
        : { id, merchantId: merchant_id, eventId: null },
    ) as NewNotification[];
    const { pages, answered } = await readingOf(db.database, mode, (sql) =>
      findEarlier(sql, wanted),
    );
    expect(answered).toBe(10);
    expect(pages).toBeLessThan(FEW_PAGES);
  });

  const listed = (ask: (sql: Sql) => Promise<unknown>) => readingOf(db.database, mode, ask);

  test('a producer that sent little, long ago, finds it at once', async () => {
    const notifications = await listed((sql) => listNotifications(sql, QUIET, {}, null, PAGE));
    expect(notifications.answered).toBe(PAGE);
    expect(notifications.pages).toBeLessThan(FEW_PAGES);
    const deliveries = await listed((sql) => listDeliveries(sql, QUIET, {}, null, PAGE));
    expect(deliveries.answered).toBe(PAGE);
    expect(deliveries.pages).toBeLessThan(FEW_PAGES);
    const { rows } = await listDeliveries(db.database.prisma, QUIET, {}, null, PAGE);
    const next = await listed((sql) => listDeliveries(sql, QUIET, {}, rows.at(-1)?.id ?? '', PAGE));
    expect(next.answered).toBe(PAGE);
    expect(next.pages).toBeLessThan(FEW_PAGES);
  });

  test('a merchant reads its own and not what others have', async () => {
    const notifications = await listed((sql) => listNotifications(sql, MERCHANT, {}, null, PAGE));
    expect(notifications.answered).toBe(PAGE);
    expect(notifications.pages).toBeLessThan(FEW_PAGES);
    const filter = { type: ['of.nobody'] };
    const none = await listed((sql) => listNotifications(sql, MERCHANT, filter, null, PAGE));
    expect(none.pages).toBeLessThan(FEW_PAGES);
    const deliveries = await listed((sql) => listDeliveries(sql, MERCHANT, filter, null, PAGE));
    expect(deliveries.pages).toBeLessThan(FEW_PAGES);
  });

  test('what is under way, or waits, is not looked for among what has ended', async () => {
    for (const status of UNSETTLED) {
      for (const scope of [EVERYBODY, MERCHANT]) {
        const filter = { status: [status] };
        const { pages } = await listed((sql) => listNotifications(sql, scope, filter, null, PAGE));
        expect(pages, status).toBeLessThan(FEW_PAGES);
        const of = await listed((sql) => listDeliveries(sql, scope, filter, null, PAGE));
        expect(of.pages, status).toBeLessThan(FEW_PAGES);
      }
    }
  });

  test('what was delivered is read from its newest on', async () => {
    const filter: NotificationFilter = { status: ['delivered'] };
    const { pages, answered } = await listed((sql) =>
      listNotifications(sql, MERCHANT, filter, null, PAGE),
    );
    expect(answered).toBe(PAGE);
    expect(pages).toBeLessThan(FEW_PAGES);
  });

  test('of an endpoint nobody has, nothing is read', async () => {
    const filter = { endpointId: ['ep_nobody'] };
    const { pages } = await listed((sql) => listDeliveries(sql, EVERYBODY, filter, null, PAGE));
    expect(pages).toBeLessThan(FEW_PAGES);
  });

  test('a producer that has sent no message reads none of the others', async () => {
    const filter = { status: ['prepared'] };
    const { pages } = await listed((sql) => listMessages(sql, QUIET, filter, null, PAGE));
    expect(pages).toBeLessThan(FEW_PAGES);
  });

  test('an address is looked up first, and then leads to what was sent there', async () => {
    const ofOne = { search: 'https://example.com/of-one' };
    const found = await listed((sql) => listNotifications(sql, EVERYBODY, ofOne, null, PAGE));
    expect(found.answered).toBe(PAGE);
    expect(found.pagesOfLast).toBeLessThan(FEW_PAGES);
    const ofNobody = { search: 'https://example.com/of-nobody' };
    const none = await listed((sql) => listNotifications(sql, EVERYBODY, ofNobody, null, PAGE));
    expect(none.answered).toBe(0);
    expect(none.pagesOfLast).toBeLessThan(FEW_PAGES);
    const unknown = { search: 'ep_00000000000000000000000000' };
    const nothing = await listed((sql) => listNotifications(sql, EVERYBODY, unknown, null, PAGE));
    expect(nothing.pages).toBeLessThan(FEW_PAGES);
  });
});
