import { afterAll, beforeAll, expect, test } from 'vitest';
import { readBacklog } from '../../../src/features/overview/store-backlog.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';

const MINUTE = 60_000;

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db?.drop());

/** What one reads of a queue, in which 200 have waited for ten minutes, all for this receiver. */
async function backlogOf(name: string, receiver: string, leaseEndsInMs: number | null = null) {
  const { pool, prisma } = db.database;
  await pool.query(`INSERT INTO receiver (id, ${receiver}`);
  await pool.query(
    `INSERT INTO delivery (id, owner_kind, owner_id, purpose, type, business_key, queue, policy_version,
                           receiver_id, status, due_at, accepted_at, deadline_at, lease_token, leased_at,
                           lease_until)
     SELECT $1 || n, 'test', 'o', 'test', 't', 'k', $1, 1, $1, CASE WHEN busy THEN 'sending' ELSE 'pending' END,
            postrider_now() - interval '10 minutes', postrider_now(), postrider_now() + interval '1 day',
            CASE WHEN busy THEN gen_random_uuid() END, CASE WHEN busy THEN postrider_now() END,
            CASE WHEN busy THEN postrider_now() + $2 * interval '1 ms' END
       FROM generate_series(0, 200) AS n, LATERAL (SELECT n = 0 AND $2::float8 IS NOT NULL AS busy) AS b
      WHERE n > 0 OR busy`,
    [name, leaseEndsInMs],
  );
  const queues = await readBacklog(prisma, null);
  const found = queues.find(({ queue }) => queue === name);
  const age = found?.oldestDueAt ? found.at.getTime() - found.oldestDueAt.getTime() : null;
  return { due: found?.due, held: found?.held, isOverdue: age !== null && age >= 10 * MINUTE };
}

const HELD = { due: 0, held: 200, isOverdue: false };
const OVERDUE = { due: 200, held: 0, isOverdue: true };

test('what nobody sends is overdue', async () => {
  expect(await backlogOf('idle', "trusted) VALUES ('idle', true)")).toEqual(OVERDUE);
});

test('a receiver at its limit of attempts at once holds back what else is due', async () => {
  const row = "max_in_flight) VALUES ('full', 1)";
  expect(await backlogOf('full', row, MINUTE)).toEqual(HELD);
});

test('a probe of a half-open circuit holds back what is behind it', async () => {
  const row = "open_until) VALUES ('half-open', postrider_now() - interval '1 s')";
  expect(await backlogOf('half-open', row, MINUTE)).toEqual(HELD);
});

test('a rate holds back until the next start', async () => {
  const row = (interval: string, id: string) =>
    `rate_per_second, next_start_at) VALUES ('${id}', 1, postrider_now() + interval '${interval}')`;
  expect(await backlogOf('paced', row('1 minute', 'paced'))).toEqual(HELD);
  expect(await backlogOf('free-again', row('-1 s', 'free-again'))).toEqual(OVERDUE);
});

test('a lease that has run out holds nothing back: its worker is gone', async () => {
  expect(await backlogOf('lost', "trusted) VALUES ('lost', true)", -1)).toEqual(OVERDUE);
});
