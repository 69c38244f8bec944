import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Protocol } from '../../../src/engine/protocol.ts';
import { sqlStore } from '../../../src/engine/store/engine-store.ts';
import { expireDeliveries } from '../../../src/engine/sweep.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.drop());

const silent: Protocol = { compose: async () => new Map() };

/** `count` deliveries of one owner, past their deadline, `agoSeconds` and less ago. */
const expired = (ownerKind: string, count: number, agoSeconds: number) =>
  db.database.prisma.$executeRaw`
    INSERT INTO delivery (id, owner_kind, owner_id, purpose, type, business_key, queue, policy_version,
                          receiver_id, status, due_at, accepted_at, deadline_at)
    SELECT ${ownerKind} || n, ${ownerKind}, 'o', 'play', 'toy', 'k', 'default', 1, 'r', 'pending', t, t,
           t + n * interval '1 millisecond'
      FROM generate_series(1, ${count}::int) AS n,
           (SELECT postrider_now() - ${agoSeconds} * interval '1 second' AS t) AS at`;
const count = async () =>
  Object.fromEntries(
    (
      await db.database.prisma.$queryRaw<{ what: string; n: number }[]>`
        SELECT owner_kind || ' ' || status AS what, count(*)::int AS n FROM delivery GROUP BY 1`
    ).map(({ what, n }) => [what, n]),
  );

test('an owner that cannot take the end of its own keeps nobody else from ending', async () => {
  const told: string[] = [];
  const protocols = new Map<string, Protocol>([
    ['ill', { ...silent, settled: () => Promise.reject(new Error('the owner is ill')) }],
    [
      'well',
      { ...silent, settled: async (_tx, its) => void told.push(...its.map(({ id }) => id)) },
    ],
  ]);
  // More than a whole page of the ill one's stands before the others.
  await expired('ill', 510, 7200);
  await expired('well', 5, 3600);

  await expect(expireDeliveries(sqlStore(db.database, protocols))).rejects.toThrow(
    'the owner is ill',
  );

  expect(await count()).toEqual({ 'ill pending': 510, 'well failed': 5 });
  expect(told.toSorted()).toEqual(['well1', 'well2', 'well3', 'well4', 'well5']);
}, 60_000);
