import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { analyzeGrownTables } from '../../../src/platform/db/statistics.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { until } from '../../support/until.ts';

/** Pages, not milliseconds: what a statement reads is the same on every machine. */
describe('the work of a claim', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await testDatabase();
    await db.database.pool.query(
      "INSERT INTO receiver (id, trusted) VALUES ('crowded', true), ('calm', true)",
    );
  });
  afterAll(() => db.drop());

  const waiting = (receiver: string, first: number, last: number) =>
    db.database.pool.query(
      `INSERT INTO delivery (id, owner_kind, owner_id, purpose, type, business_key, queue, policy_version,
                             receiver_id, status, due_at, accepted_at, deadline_at)
       SELECT $1 || n, 'test', 'o' || n, 'test', 't', 'k' || n, 'default', 1, $1, 'pending',
              postrider_now(), postrider_now(), postrider_now() + interval '1 day'
         FROM generate_series($2::int, $3::int) AS n`,
      [receiver, first, last],
    );

  test('does not grow with what waits elsewhere, though its plan was made for an empty table', async () => {
    await waiting('crowded', 1, 20);
    await waiting('calm', 1, 40);
    const client = await db.database.pool.connect();
    try {
      const claim = (n: number) =>
        client.query(
          `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)
           SELECT * FROM claim_deliveries(ARRAY['calm' || ${n}], 1, 1, 10000)`,
        );
      const pagesOf = async (n: number) => {
        const [
          {
            'QUERY PLAN': [{ Plan }],
          },
        ] = (await claim(n)).rows;
        expect(Plan['Actual Rows']).toBe(1);
        return Plan['Shared Hit Blocks'] + Plan['Shared Read Blocks'];
      };
      for (let n = 1; n <= 10; n += 1) await pagesOf(n);
      const before = await pagesOf(11);
      await waiting('crowded', 21, 10_000);
      const beside = await pagesOf(12);
      expect(beside).toBeLessThan(before + 100);
    } finally {
      client.release();
    }
  });

  test('counts leases without reading what was leased before', async () => {
    const { pool } = db.database;
    for (let round = 0; round < 3; round += 1) {
      await pool.query(`UPDATE delivery SET status = 'sending', lease_token = gen_random_uuid(),
                          leased_at = postrider_now(), lease_until = postrider_now() WHERE receiver_id = 'crowded'`);
      await pool.query(`UPDATE delivery SET status = 'pending', lease_token = NULL, leased_at = NULL,
                          lease_until = NULL WHERE receiver_id = 'crowded'`);
    }
    const pages = async () => {
      const { rows } = await pool.query(
        "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT leases_at('crowded')",
      );
      const { Plan } = rows[0]['QUERY PLAN'][0];
      return Plan['Shared Hit Blocks'] + Plan['Shared Read Blocks'];
    };
    // The first one meets the dead, and marks them: as soon as nobody's snapshot is older than they are.
    const first = await pages();
    await until(async () => (await pages()) < first / 2);
  });

  test('tables that have grown are looked at anew', async () => {
    const pagesKnown = async () => {
      const { rows } = await db.database.pool.query(
        "SELECT relpages, pg_relation_size(oid) / 8192 AS pages FROM pg_class WHERE relname = 'delivery'",
      );
      return rows[0].relpages / Number(rows[0].pages);
    };
    await analyzeGrownTables(db.database);
    expect(await pagesKnown()).toBeGreaterThan(0.4);
  });
});
