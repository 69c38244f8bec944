import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MERCHANTS_AND_ENDPOINTS, NOTIFICATIONS } from '../../bench/generated.ts';
import { findEarlier, type NewNotification } from '../../src/notification/store/insert.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { PLAN_MODES, readingOf } from '../support/pages.ts';

const ROWS = 20_000;
/** The table has thousands. */
const FEW_PAGES = 200;

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
  const { pool } = db.database;
  await pool.query(MERCHANTS_AND_ENDPOINTS);
  await pool.query(NOTIFICATIONS, [1, ROWS, ROWS]);
  await pool.query(
    "UPDATE notification SET event_id = 'evt-' || business_key WHERE result_version = 0",
  );
  await pool.query('VACUUM ANALYZE notification, delivery, merchant, endpoint, receiver');
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
});
