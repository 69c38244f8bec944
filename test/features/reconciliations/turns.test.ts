import { afterAll, beforeAll, expect, test } from 'vitest';
import { claimReconciliation } from '../../../src/features/reconciliations/store-lease.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.drop());

/** Lists of a merchant that wait, the oldest first. */
async function waiting(merchantId: string, count: number): Promise<void> {
  await db.database.pool.query(
    `INSERT INTO reconciliation (id, merchant_id, date, timezone, sha256, record_count, created_by)
     SELECT 'rec_' || $1 || n, $1, '2026-11-01', 'UTC', n, 0, 'key_x' FROM generate_series(1, $2::int) AS n`,
    [merchantId, count],
  );
}

async function finish(id: string): Promise<void> {
  await db.database.pool.query(
    `UPDATE reconciliation SET status = 'completed', finished_at = clock_timestamp(), row_count = 0, result_count = 0,
            lease_token = NULL, lease_until = NULL WHERE id = $1`,
    [id],
  );
}

test('merchants take turns, however many lists one of them has in line', async () => {
  await waiting('a', 4);
  await waiting('b', 2);
  const served: string[] = [];
  for (;;) {
    const lease = await claimReconciliation(db.database.prisma);
    if (lease === null) break;
    served.push(lease.id);
    await finish(lease.id);
  }
  expect(served).toEqual(['rec_a1', 'rec_b1', 'rec_a2', 'rec_b2', 'rec_a3', 'rec_a4']);
});

test('one that is being served counts as served last', async () => {
  await waiting('c', 2);
  await waiting('d', 1);
  const claims = [];
  for (let turn = 0; turn < 3; turn += 1) {
    claims.push((await claimReconciliation(db.database.prisma))?.id);
  }
  expect(claims).toEqual(['rec_c1', 'rec_d1', 'rec_c2']);
});
