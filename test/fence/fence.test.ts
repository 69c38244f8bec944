import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  FENCE_CLEANUP,
  FENCE_TABLE,
  type FenceOp,
  fence,
  pgFence,
  prismaFence,
} from '../../src/fence/index.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { friendly } from '../support/hostile-settings.ts';

const CALLS = process.env.CI === 'true' ? 100_000 : 10_000;
const CLIENTS = 20;
const ITEMS = 8;
/** Branches that are being called at the same time; most calls of one are its repeats. */
const WINDOW = 30;

let db: TestDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  db = await testDatabase();
  pool = new pg.Pool({ connectionString: friendly(db.url), max: CLIENTS });
  // The drop may end a connection whose good-bye is still on its way.
  pool.on('connect', (client) => client.on('error', () => {}));
  pool.on('error', () => {});
  await pool.query(FENCE_TABLE);
  await pool.query(
    'CREATE TABLE stock (item int PRIMARY KEY, sellable int, frozen int, sold int, CHECK (frozen >= 0))',
  );
});
afterAll(async () => {
  await pool.end();
  await db.drop();
});
beforeEach(async () => {
  await pool.query('TRUNCATE tx_fence, stock');
  await pool.query('INSERT INTO stock SELECT n, 100000, 0, 0 FROM generate_series(0, $1) AS n', [
    ITEMS - 1,
  ]);
});

const EFFECTS: Record<FenceOp, string> = {
  try: 'sellable = sellable - 1, frozen = frozen + 1',
  confirm: 'frozen = frozen - 1, sold = sold + 1',
  cancel: 'frozen = frozen - 1, sellable = sellable + 1',
};

async function call(branch: string, op: FenceOp, item = 0, fails = false) {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const answer = await fence(pgFence(client), { gid: 'tx', branchId: branch, op }, async () => {
      await client.query(`UPDATE stock SET ${EFFECTS[op]} WHERE item = $1`, [item]);
      if (fails) throw new Error('the business failed');
    });
    await client.query('COMMIT');
    return answer;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

const stock = async () => {
  const { rows } = await pool.query(
    `SELECT 100000 * count(*)::int - sum(sellable)::int AS taken, sum(frozen)::int AS frozen,
            sum(sold)::int AS sold FROM stock`,
  );
  return rows[0];
};

describe('the table of what follows what', () => {
  const ran = { status: 200, ran: true };
  const done = { status: 200, ran: false };
  const refused = (code: string) => ({ status: 409, code });
  const cases: [string, [FenceOp, object][], object][] = [
    [
      'try, confirm',
      [
        ['try', ran],
        ['confirm', ran],
      ],
      { taken: 1, frozen: 0, sold: 1 },
    ],
    [
      'try, cancel',
      [
        ['try', ran],
        ['cancel', ran],
      ],
      { taken: 0, frozen: 0, sold: 0 },
    ],
    [
      'duplicate try, confirm',
      [
        ['try', ran],
        ['try', done],
        ['confirm', ran],
        ['confirm', done],
        ['try', done],
      ],
      { taken: 1, frozen: 0, sold: 1 },
    ],
    [
      'duplicate cancel',
      [
        ['try', ran],
        ['cancel', ran],
        ['cancel', done],
      ],
      { taken: 0, frozen: 0, sold: 0 },
    ],
    [
      'empty rollback, twice',
      [
        ['cancel', done],
        ['cancel', done],
      ],
      { taken: 0, frozen: 0, sold: 0 },
    ],
    [
      'hanging try: it comes after its cancel',
      [
        ['cancel', done],
        ['try', refused('hanging_try')],
      ],
      { taken: 0, frozen: 0, sold: 0 },
    ],
    [
      'a repeat of a try that was cancelled',
      [
        ['try', ran],
        ['cancel', ran],
        ['try', refused('already_cancelled')],
      ],
      { taken: 0, frozen: 0, sold: 0 },
    ],
    [
      'confirm without try',
      [
        ['confirm', refused('confirm_without_try')],
        ['try', ran],
        ['confirm', ran],
      ],
      { taken: 1, frozen: 0, sold: 1 },
    ],
    [
      'confirm after cancel',
      [
        ['try', ran],
        ['cancel', ran],
        ['confirm', refused('confirm_after_cancel')],
      ],
      { taken: 0, frozen: 0, sold: 0 },
    ],
    [
      'confirm after an empty rollback',
      [
        ['cancel', done],
        ['confirm', refused('confirm_without_try')],
      ],
      { taken: 0, frozen: 0, sold: 0 },
    ],
    [
      'cancel after confirm',
      [
        ['try', ran],
        ['confirm', ran],
        ['cancel', refused('cancel_after_confirm')],
        ['confirm', done],
      ],
      { taken: 1, frozen: 0, sold: 1 },
    ],
  ];
  test.each(cases)('%s', async (_name, calls, effect) => {
    for (const [op, answer] of calls) expect(await call('b', op)).toEqual(answer);
    expect(await stock()).toEqual(effect);
  });
});

test('a business that fails leaves no trace, and may be called again', async () => {
  await expect(call('b', 'try', 0, true)).rejects.toThrow('the business failed');
  expect(await stock()).toEqual({ taken: 0, frozen: 0, sold: 0 });
  expect(await call('b', 'try')).toEqual({ status: 200, ran: true });
  await expect(call('b', 'confirm', 0, true)).rejects.toThrow('the business failed');
  expect(await call('b', 'confirm')).toEqual({ status: 200, ran: true });
});

test('runs in a Prisma transaction', async () => {
  const { prisma } = db.database;
  const tryOnce = () =>
    prisma.$transaction((tx) =>
      fence(
        prismaFence(tx),
        { gid: 'prisma', branchId: 'b', op: 'try' },
        () => tx.$executeRaw`UPDATE stock SET frozen = frozen + 1 WHERE item = 0`,
      ),
    );
  expect(await tryOnce()).toEqual({ status: 200, ran: true });
  expect(await tryOnce()).toEqual({ status: 200, ran: false });
});

test('forgets what ended a week ago, and never a try whose end is to come', async () => {
  await call('ended', 'try');
  await call('ended', 'confirm');
  await call('open', 'try');
  await call('recent', 'try');
  await pool.query("UPDATE tx_fence SET created_at = now() - interval '8 days'");
  await call('recent', 'cancel');
  await pool.query(FENCE_CLEANUP);
  const { rows } = await pool.query('SELECT DISTINCT branch_id FROM tx_fence ORDER BY 1');
  expect(rows.map((row) => row.branch_id)).toEqual(['open', 'recent']);
});

test(`${CLIENTS} clients, ${CALLS} random calls: no deadlock, effects equal to decisions`, async () => {
  const branches = Math.ceil(CALLS / 8);
  const itemOf = (branch: number) => branch % ITEMS;
  const ops: FenceOp[] = ['try', 'try', 'confirm', 'cancel'];
  let made = 0;
  const client = async () => {
    while (made < CALLS) {
      made += 1;
      const oldest = Math.floor((made / CALLS) * branches);
      const branch = Math.min(branches - 1, oldest + Math.floor(Math.random() * WINDOW));
      const op = ops[Math.floor(Math.random() * ops.length)] ?? 'try';
      // Now and then a participant dies in the middle of its work.
      const fails = Math.random() < 0.02;
      await call(`b${branch}`, op, itemOf(branch), fails).catch((error: Error) => {
        if (error.message !== 'the business failed') throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));

  // What is still frozen is decided now, as a coordinator would.
  const { rows: open } = await pool.query<{ branch_id: string }>(
    `SELECT branch_id FROM tx_fence AS f WHERE slot = 'try' AND NOT EXISTS (
       SELECT 1 FROM tx_fence AS s WHERE s.gid = f.gid AND s.branch_id = f.branch_id AND slot = 'second')`,
  );
  for (const [index, { branch_id: branch }] of open.entries()) {
    const op = index % 2 === 0 ? 'confirm' : 'cancel';
    expect(await call(branch, op, itemOf(Number(branch.slice(1))))).toMatchObject({ ran: true });
  }
  const { rows: decided } = await pool.query(
    "SELECT count(*)::int AS n FROM tx_fence WHERE slot = 'second' AND reason = 'confirm'",
  );
  const confirmed = decided[0].n;
  expect(confirmed).toBeGreaterThan(branches / 10);
  expect(await stock()).toEqual({ taken: confirmed, frozen: 0, sold: confirmed });
}, 300_000);
