import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeCursor, type Found, MOST_LOOKED_THROUGH } from '../../../src/api/pagination.ts';
import type { Scope } from '../../../src/api/scope.ts';
import { DELIVERY_STATUSES } from '../../../src/engine/delivery.ts';
import type { Sql } from '../../../src/platform/db/client.ts';
import { listMessages } from '../../../src/protocols/message/store/find.ts';
import { endsPage, feedPage } from '../../../src/protocols/notification/feed.ts';
import type { DeliveryFilter } from '../../../src/protocols/notification/store/deliveries.ts';
import type { NotificationFilter } from '../../../src/protocols/notification/store/find.ts';
import { listNotifications } from '../../../src/protocols/notification/store/list.ts';
import { listDeliveries } from '../../../src/protocols/notification/store/list-deliveries.ts';
import { listTransactions } from '../../../src/protocols/tcc/store/find.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { PLAN_MODES, readingOf } from '../../support/pages.ts';

/** MANY_ROWS=1000000 for the size that one merchant may well have; it takes some minutes. */
const ROWS = Number(process.env.MANY_ROWS ?? 100_000);
const LIMIT = 101;
/** Of a table whose rows are looked at, and of an index that leads to another row for each of them. */
const MOST_PAGES = 12 * MOST_LOOKED_THROUGH;

const MERCHANT: Scope = { merchantId: 'mm', producerKeyId: null, merchants: null };
const PRODUCER: Scope = { merchantId: null, producerKeyId: 'key_mm', merchants: null };
const EVERYBODY: Scope = { merchantId: null, producerKeyId: null, merchants: null };

/** The transaction that ended it: of a number that the database has passed long ago. */
const endOf = (i: string) => `1 + ${i} / (${ROWS} / 500)`;

/** `common` is what all but a thousandth have, `rare` the oldest ten of them. */
const FILL = `
  WITH made AS MATERIALIZED (
    SELECT i, 'ntf_' || lpad(i::text, 26, '0') AS id, 'dlv_' || lpad(i::text, 26, '0') AS delivery_id,
           CASE WHEN i <= 10 THEN 'rare' ELSE 'common' END AS kind,
           timestamptz '2026-01-01Z' + i * interval '1 second' AS at,
           CASE WHEN i <= 10 THEN 'cancelled' WHEN i <= 20 THEN 'acknowledged' WHEN i <= 30 THEN 'failed'
                WHEN i <= 40 THEN 'skipped' WHEN i % 2 = 0 THEN 'pending' ELSE 'delivered' END AS status
      FROM generate_series(1, $1::int) AS i
  ), notified AS (
    INSERT INTO notification (id, merchant_id, type, business_key, queue, occurred_at, accepted_at, result_version,
                              body, fingerprint, producer_key_id)
    SELECT id, 'mm', kind, kind, kind, at, at, 0, '{}', '', 'key_mm' FROM made
  )
  INSERT INTO delivery (id, owner_kind, owner_id, purpose, merchant_id, type, business_key, queue, policy_version,
                        receiver_id, endpoint_id, status, reason, due_at, accepted_at, deadline_at, settled_at,
                        producer_key_id, settled_xid)
  SELECT delivery_id, 'notification', id, 'notify', 'mm', kind, kind, kind, 1,
         'ep_' || kind, 'ep_' || kind, status, CASE WHEN status NOT IN ('pending', 'delivered') THEN 'r' END,
         CASE WHEN status = 'pending' THEN at END, at, at + interval '1 year',
         CASE WHEN status <> 'pending' THEN at END, 'key_mm', CASE WHEN status <> 'pending' THEN ${endOf('i')} END
    FROM made`;

const OTHERS = `
  INSERT INTO message (id, producer_key_id, merchant_id, type, business_key, input, payload, fingerprint, check_url,
                       check_after_seconds, completion, complete_after_seconds, status, prepared_at, suspended_at, decided_at,
                       decided_by)
  SELECT 'msg_' || i, 'key_mm', 'mm', 't', CASE WHEN i <= 10 THEN 'rare' ELSE 'common' END, '{}', '{}', '', '', 1,
         'http', 1, CASE WHEN i <= 10 THEN 'suspended' ELSE 'cancelled' END,
         timestamptz '2026-01-01Z' + i * interval '1 second', CASE WHEN i <= 10 THEN postrider_now() END,
         CASE WHEN i > 10 THEN postrider_now() END, CASE WHEN i > 10 THEN 'producer' END
    FROM generate_series(1, $1::int) AS i`;

const TRANSACTIONS = `
  INSERT INTO tcc_transaction (gid, id, producer_key_id, business_key, mode, status, decision, cause, timeout_seconds,
                               fingerprint, created_at, timeout_at, decided_at, finished_at, suspended_at)
  SELECT 'g' || i, 'tx_' || lpad(i::text, 12, '0'), 'key_mm', CASE WHEN i <= 10 THEN 'rare' ELSE 'common' END,
         'managed', CASE WHEN i <= 5 THEN 'suspended' WHEN i <= 10 THEN 'cancelled' ELSE 'confirmed' END,
         CASE WHEN i <= 10 THEN 'cancel' ELSE 'confirm' END, CASE WHEN i <= 10 THEN 'requested' END, 60, '', at, at, at,
         CASE WHEN i > 5 THEN at END, CASE WHEN i <= 5 THEN at END
    FROM (SELECT i, timestamptz '2026-01-01Z' + i * interval '1 second' AS at
            FROM generate_series(1, $1::int) AS i) AS made`;

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
  const { pool } = db.database;
  await pool.query(
    "INSERT INTO merchant (id, name, secret) VALUES ('mm', '', ''), ('other', '', '')",
  );
  for (const kind of ['rare', 'common']) {
    await pool.query('INSERT INTO receiver (id) VALUES ($1)', [`ep_${kind}`]);
    await pool.query(
      `INSERT INTO endpoint (id, merchant_id, url, types, headers, body, secret)
       VALUES ($1, 'mm', $2, '{}', '{}', 'envelope', '')`,
      [`ep_${kind}`, `https://example.com/${kind}`],
    );
  }
  await pool.query(
    `INSERT INTO api_key (id, role, name, hash) VALUES ('key_mm', 'producer', 'p', 'h')`,
  );
  const client = await pool.connect();
  await client.query('SET statement_timeout = 0');
  for (const statement of [FILL, OTHERS, TRANSACTIONS]) await client.query(statement, [ROWS]);
  client.release(true);
  await pool.query(
    'VACUUM ANALYZE notification, delivery, message, tcc_transaction, endpoint, merchant',
  );
}, 600_000);
afterAll(() => db?.drop());

const OLD = { to: '2026-01-01T00:01:00Z' };
const ALONE: NotificationFilter[] = [
  {},
  ...DELIVERY_STATUSES.map((status) => ({ status: [status] })),
  { status: ['failed', 'cancelled'] },
  ...['rare', 'common', 'of.nobody'].flatMap((value) => [
    { type: [value] },
    { queue: [value] },
    { businessKey: [value] },
  ]),
  OLD,
  { from: '2026-01-01T00:00:01Z' },
  { from: '2030-01-01T00:00:00Z' },
];
const PAIRS: NotificationFilter[] = [
  ...DELIVERY_STATUSES.map((status) => ({ ...OLD, status: [status] })),
  { ...OLD, type: ['common'] },
  { type: ['rare'], status: ['delivered'] },
  { type: ['common'], status: ['cancelled'] },
  { businessKey: ['common'], status: ['cancelled'] },
  { businessKey: ['rare', 'common'], type: ['rare'] },
  { merchantId: ['mm'], status: ['cancelled'] },
];
const FILTERS = [...ALONE, ...PAIRS];
const SEARCHES: NotificationFilter[] = [
  'rare',
  'common',
  'mm',
  'nothing',
  'https://example.com/rare',
].map((search) => ({ search }));
const LATE = Math.floor(ROWS / 2);

const lists: Record<
  string,
  (filter: NotificationFilter, isLate: boolean) => (sql: Sql) => Promise<unknown>
> = {
  notifications: (filter, isLate) => (sql) =>
    listNotifications(sql, MERCHANT, filter, isLate ? idOf('ntf') : null, LIMIT),
  'notifications of a producer': (filter, isLate) => (sql) =>
    listNotifications(sql, PRODUCER, filter, isLate ? idOf('ntf') : null, LIMIT),
  deliveries: (filter, isLate) => (sql) =>
    listDeliveries(sql, MERCHANT, filter, isLate ? idOf('dlv') : null, LIMIT),
  'deliveries of a producer': (filter, isLate) => (sql) =>
    listDeliveries(sql, PRODUCER, filter, isLate ? idOf('dlv') : null, LIMIT),
  'the feed': (filter) => (sql) => feedPage(sql, MERCHANT, filter, { limit: LIMIT }),
  'the feed of a producer': (filter) => (sql) => feedPage(sql, PRODUCER, filter, { limit: LIMIT }),
  'the ends of a producer': (filter, isLate) => (sql) =>
    endsPage(sql, PRODUCER, filter, { limit: LIMIT, cursor: endAt(isLate) }),
  'all ends': (filter, isLate) => (sql) =>
    endsPage(sql, EVERYBODY, filter, { limit: LIMIT, cursor: endAt(isLate) }),
  'the ends of one who has none': (filter) => (sql) =>
    endsPage(sql, { ...PRODUCER, producerKeyId: 'key_none' }, filter, { limit: LIMIT }),
};
const endAt = (isLate: boolean) => (isLate ? encodeCursor(`ends:250:${idOf('ntf')}`) : undefined);
const idOf = (prefix: string) => `${prefix}_${String(LATE).padStart(26, '0')}`;

describe.each(PLAN_MODES)('%s: one merchant has many', (mode) => {
  async function expectFew(ask: (sql: Sql) => Promise<unknown>, what: string) {
    const { pages } = await readingOf(db.database, mode, ask);
    expect(pages, what).toBeLessThan(MOST_PAGES);
  }

  test.each(Object.keys(lists))(
    '%s: no page reads more than its share',
    async (name) => {
      for (const isLate of [false, true]) {
        for (const filter of [...FILTERS, ...(name.startsWith('notif') ? SEARCHES : [])]) {
          const ask = lists[name]?.(filter, isLate);
          if (ask)
            await expectFew(ask, `${name} ${isLate ? 'late' : 'first'} ${JSON.stringify(filter)}`);
        }
      }
    },
    600_000,
  );

  test('deliveries to an endpoint: no page reads more than its share', async () => {
    for (const scope of [MERCHANT, EVERYBODY, PRODUCER]) {
      for (const endpointId of ['ep_rare', 'ep_common', 'ep_nobody']) {
        const filter = { endpointId: [endpointId] };
        await expectFew((sql) => listDeliveries(sql, scope, filter, null, LIMIT), endpointId);
        const failed: DeliveryFilter = { ...filter, status: ['failed'] };
        await expectFew((sql) => listDeliveries(sql, scope, failed, null, LIMIT), endpointId);
      }
    }
  });

  test('messages and transactions: no page reads more than its share', async () => {
    const filters = [
      {},
      ...['prepared', 'suspended', 'cancelled', 'dead'].map((status) => ({ status: [status] })),
      { businessKey: ['rare'] },
      { businessKey: ['common'] },
      { businessKey: ['common'], status: ['suspended'] },
      OLD,
      { from: '2030-01-01T00:00:00Z' },
    ];
    for (const filter of filters) {
      for (const before of [null, String(LATE)]) {
        for (const scope of [MERCHANT, PRODUCER]) {
          await expectFew(
            (sql) => listMessages(sql, scope, filter, before, LIMIT),
            `messages ${JSON.stringify(filter)}`,
          );
        }
      }
    }
    for (const status of ['trying', 'confirmed', 'cancelled', 'suspended']) {
      for (const filter of [
        { status: [status] },
        { status: [status], businessKey: ['common'] },
        OLD,
      ]) {
        await expectFew(
          (sql) => listTransactions(sql, 'key_mm', filter, null, LIMIT),
          `transactions ${JSON.stringify(filter)}`,
        );
      }
    }
  });
});

test('what is suspended is on the first page, however much came since', async () => {
  for (const producer of [null, 'key_mm']) {
    const { rows } = await listTransactions(
      db.database.prisma,
      producer,
      { status: ['suspended'] },
      null,
      LIMIT,
    );
    expect(rows).toHaveLength(5);
  }
});

test('a page of ends reads as little as it shows, whoever else has ended how many', async () => {
  const little = { ...PRODUCER, producerKeyId: 'key_none' };
  for (const mode of PLAN_MODES) {
    const none = await readingOf(db.database, mode, (sql) =>
      endsPage(sql, little, {}, { limit: LIMIT }),
    );
    expect(none.pages, mode).toBeLessThan(50);
    const cursor = encodeCursor(`ends:499:${idOf('ntf')}`);
    const tail = await readingOf(db.database, mode, (sql) =>
      endsPage(sql, PRODUCER, {}, { limit: LIMIT, cursor }),
    );
    expect(tail.answered).toBeGreaterThan(50);
    expect(tail.pages, mode).toBeLessThan(3_000);
  }
});

test('page by page all ends are found, once', async () => {
  const { pool, prisma } = db.database;
  const { rows } = await pool.query(
    `SELECT owner_id FROM delivery WHERE status = 'cancelled' OR status = 'failed'
      ORDER BY settled_xid, owner_id`,
  );
  const ids: string[] = [];
  let cursor: string | undefined;
  for (let hasMore = true; hasMore; ) {
    const filter: NotificationFilter = { status: ['failed', 'cancelled'] };
    const page = await endsPage(prisma, PRODUCER, filter, { limit: LIMIT - 1, cursor });
    ids.push(...page.data.map(({ id }) => id));
    cursor = page.nextCursor ?? cursor;
    hasMore = page.hasMore;
  }
  expect(ids).toEqual(rows.map(({ owner_id }) => owner_id));
}, 300_000);

/** All ids that a list has, page by page. */
async function readAll(
  list: (before: string | null) => Promise<Found<{ id: string }>>,
): Promise<string[]> {
  const ids: string[] = [];
  let before: string | null = null;
  for (;;) {
    const { rows, lookedTo }: Found<{ id: string }> = await list(before);
    ids.push(...rows.slice(0, LIMIT - 1).map(({ id }) => id));
    if (rows.length === LIMIT) before = rows[LIMIT - 2]?.id ?? null;
    else if (lookedTo === null) return ids;
    else before = lookedTo;
  }
}

test.each<NotificationFilter>([
  { status: ['cancelled'] },
  { type: ['rare'] },
  { businessKey: ['rare'] },
  { ...OLD, status: ['failed', 'skipped'] },
  { status: ['delivered'], ...OLD },
])(
  'page by page everything is found, once: %j',
  async (filter: NotificationFilter) => {
    const { pool, prisma } = db.database;
    const { status = [...DELIVERY_STATUSES], type, businessKey, to = '2999-01-01' } = filter;
    const { rows } = await pool.query(
      `SELECT id, owner_id FROM delivery WHERE status = ANY ($1) AND ($2::text[] IS NULL OR type = ANY ($2))
        AND ($3::text[] IS NULL OR business_key = ANY ($3)) AND accepted_at < $4 ORDER BY id DESC`,
      [status, type ?? null, businessKey ?? null, to],
    );
    expect(rows.length).toBeGreaterThan(0);
    for (const scope of [MERCHANT, PRODUCER]) {
      const found = await readAll((before) =>
        listNotifications(prisma, scope, filter, before, LIMIT),
      );
      expect(found).toEqual(rows.map(({ owner_id }) => owner_id));
      const deliveries = await readAll((before) =>
        listDeliveries(prisma, scope, filter, before, LIMIT),
      );
      expect(deliveries).toEqual(rows.map(({ id }) => id));
    }
  },
  300_000,
);
