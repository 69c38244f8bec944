import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { endedThings } from '../../../src/app/retention-plan.ts';
import { removeOld } from '../../../src/features/retention/run.ts';
import { createStatements } from '../../../src/features/statements/statements.ts';
import { openDatabase } from '../../../src/platform/db/client.ts';
import { plainServer } from '../../../src/platform/db/server.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { until } from '../../support/until.ts';
import { enter } from '../reconciliations/books.ts';
import { enterMessages, enterTransactions } from './ended.ts';

const DAY_MS = 86_400_000;
const LONG_AGO = new Date(Date.now() - 100 * DAY_MS);
const LATELY = new Date(Date.now() - 10 * DAY_MS);
/** More than five batches: then PostgreSQL keeps one plan for all that follow. */
const OLD = 800;
const YOUNG = 25_000;

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db?.drop());

/** What happens in here has been counted by PostgreSQL when it returns: `deleted` rows of messages say so. */
async function counted(deleted: number, work: (own: TestDatabase['database']) => Promise<void>) {
  const own = openDatabase(plainServer(db.url), { maxConnections: 2 });
  await work(own);
  await own.close();
  await until(async () => {
    const { rows } = await db.database.pool.query(
      `SELECT n_tup_del::int AS n FROM pg_stat_user_tables WHERE relname = 'message'
          AND NOT EXISTS (SELECT 1 FROM pg_stat_activity
                           WHERE datname = current_database() AND pid <> pg_backend_pid())`,
    );
    return rows[0]?.n === deleted;
  });
}

/** How many rows were read by going through a whole table. */
async function scanned(): Promise<Record<string, number>> {
  const { rows } = await db.database.pool.query<{ relname: string; rows: number }>(
    `SELECT relname, seq_tup_read::int AS rows FROM pg_stat_user_tables
      WHERE relname IN ('notification', 'delivery', 'attempt', 'message', 'message_completion',
                        'tcc_transaction', 'tcc_branch')`,
  );
  return Object.fromEntries(rows.map(({ relname, rows }) => [relname, rows]));
}

test('a round reads what it removes: of the large tables none is gone through from end to end', async () => {
  await counted(0, async (own) => {
    await own.pool.query(`INSERT INTO merchant (id, name, secret) VALUES ('m', 'm', '')`);
    for (const [tag, count, at] of [
      ['Young', YOUNG, LATELY],
      ['Old', OLD, LONG_AGO],
    ] as const) {
      await enterMessages(own, { tag, count, endedAt: at });
      await enterTransactions(own, { tag, count, endedAt: at });
      const entries = Array.from({ length: count }, (_, n) => ({
        businessKey: `${tag}${n}`,
        acceptedAt: new Date(at.getTime() + n),
      }));
      await enter(own, 'm', entries);
    }
    await own.pool.query('ANALYZE');
  });
  const before = await scanned();
  await counted(OLD, (own) =>
    removeOld(
      {
        database: own,
        statements: createStatements(own),
        retentionDays: 90,
        removeExpiredKeys: async () => 0,
        ended: endedThings(own),
        log: pino({ level: 'silent' }),
      },
      new AbortController().signal,
    ),
  );
  expect(await scanned()).toEqual(before);
  const { rows } = await db.database.pool.query(
    `SELECT (SELECT count(*)::int FROM notification) AS notifications,
            (SELECT count(*)::int FROM message) AS messages,
            (SELECT count(*)::int FROM tcc_transaction) AS transactions,
            (SELECT count(*)::int FROM delivery) AS deliveries,
            (SELECT count(*)::int FROM attempt) AS attempts`,
  );
  expect(rows).toEqual([
    {
      notifications: YOUNG,
      messages: YOUNG,
      transactions: YOUNG,
      deliveries: 3 * YOUNG,
      attempts: 2 * YOUNG,
    },
  ]);
}, 60_000);
