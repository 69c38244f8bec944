import { afterAll, beforeAll, expect, test } from 'vitest';
import { cancelForEndpoint } from '../../src/engine/cancel.ts';
import { findUnsettledAt } from '../../src/engine/store/settle.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';

const WAITING = 20_000;
const PAGE = 1_000;

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.drop());

const wait = (receiverId: string, queue: string, count: number) =>
  db.database.prisma.$executeRaw`
    INSERT INTO delivery (id, owner_kind, owner_id, purpose, type, business_key, queue, policy_version,
                          receiver_id, endpoint_id, status, due_at, accepted_at, deadline_at)
    SELECT ${receiverId} || ${queue} || n, 'toy', 'o', 'play', 'toy', 'k', ${queue}, 1, ${receiverId},
           ${receiverId}, 'pending', postrider_now() + n * interval '1 second', postrider_now(),
           postrider_now() + interval '1 day'
      FROM generate_series(1, ${count}::int) AS n`;

test('a big backlog ends page by page, and no page reads what waits for others', async () => {
  const { prisma, pool } = db.database;
  await wait('big', 'default', WAITING / 2);
  await wait('big', 'a-queue-that-is-gone', WAITING / 2);
  await wait('other', 'default', WAITING);
  await prisma.$executeRaw`
    UPDATE delivery SET status = 'sending', due_at = NULL, lease_token = gen_random_uuid(),
           leased_at = postrider_now(), lease_until = postrider_now() + interval '1 minute'
     WHERE id IN ('bigdefault9999', 'otherdefault1')`;
  await pool.query('VACUUM (ANALYZE) delivery');

  const rowsRead = await prisma.$transaction(async (tx) => {
    expect(await findUnsettledAt(tx, 'big', PAGE)).toHaveLength(PAGE);
    const [read] = await tx.$queryRaw<{ rows: number }[]>`
      SELECT (seq_tup_read + idx_tup_fetch)::int AS rows
        FROM pg_stat_xact_user_tables WHERE relname = 'delivery'`;
    return read?.rows;
  });
  expect(rowsRead).toBeLessThan(PAGE * 1.1);

  const pages: string[] = [];
  do pages.push(await cancelForEndpoint(db.database, new Map(), 'big'));
  while (pages.at(-1) === 'more');

  expect(pages).toHaveLength(WAITING / PAGE + 1);
  const states = await prisma.$queryRaw`
    SELECT receiver_id, status, reason, count(*)::int FROM delivery GROUP BY 1, 2, 3 ORDER BY 1, 2`;
  expect(states).toEqual([
    { receiver_id: 'big', status: 'cancelled', reason: 'endpoint_deleted', count: WAITING },
    { receiver_id: 'other', status: 'pending', reason: null, count: WAITING - 1 },
    { receiver_id: 'other', status: 'sending', reason: null, count: 1 },
  ]);
}, 120_000);
