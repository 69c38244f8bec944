import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  answerCheck,
  MESSAGE_CLEANUP,
  MESSAGE_TABLE,
  MessageRolledBack,
  markCommitted,
  pgFence,
  prismaFence,
} from '../../src/fence/message-index.ts';
import type { Transaction } from '../../src/platform/db/client.ts';
import { inTransaction } from '../../src/platform/db/transaction.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { friendly } from '../support/hostile-settings.ts';

const RACES = 1_000;
const AT_ONCE = 10;

let db: TestDatabase;
let pool: pg.Pool;
beforeAll(async () => {
  db = await testDatabase();
  pool = new pg.Pool({ connectionString: friendly(db.url), max: 2 * AT_ONCE + 2 });
  pool.on('connect', (client) => client.on('error', () => {}));
  pool.on('error', () => {});
  await pool.query(`${MESSAGE_TABLE}; CREATE TABLE orders (id text PRIMARY KEY)`);
});
afterAll(async () => {
  await pool.end();
  await db.drop();
});

const transaction = <T>(work: (client: pg.PoolClient) => Promise<T>) => inTransaction(pool, work);
const local = { transaction, sql: pgFence };
const orders = async (id: string) =>
  (await pool.query('SELECT 1 FROM orders WHERE id = $1', [id])).rowCount;

/** The producer's part: its mark and its business, with time for others before each and before the commit. */
const produce = (id: string, meanwhile: (client: pg.PoolClient) => Promise<unknown>) =>
  transaction(async (client) => {
    await meanwhile(client);
    if (!(await markCommitted(pgFence(client), id))) return false;
    await meanwhile(client);
    await client.query('INSERT INTO orders VALUES ($1)', [id]);
    await meanwhile(client);
    return true;
  });

/** So many races, some at a time. */
async function race(name: string, round: (id: string, n: number) => Promise<void>): Promise<void> {
  let begun = 0;
  const runner = async () => {
    while (begun < RACES) {
      begun += 1;
      await round(`${name}-${begun}`, begun);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, runner));
}

describe('a check-back while the local transaction is under way', () => {
  test(`${RACES} races: what the check was told is how it ended`, async () => {
    const told = { committed: 0, rolled_back: 0 };
    await race('plain', async (id) => {
      const [produced, checked] = await Promise.all([
        produce(id, () => pause(Math.random() * 4)).then(
          () => 'committed',
          (error) => (error instanceof MessageRolledBack ? 'rolled_back' : error),
        ),
        pause(Math.random() * 8).then(() => answerCheck(local, id)),
      ]);
      expect([id, checked]).toEqual([id, produced]);
      expect(await orders(id)).toBe(checked === 'committed' ? 1 : 0);
      told[checked as keyof typeof told] += 1;
    });
    // Else it would have been no race.
    expect(Math.min(told.committed, told.rolled_back)).toBeGreaterThan(RACES / 20);
  }, 120_000);

  test(`${RACES} races with the producer’s connection torn at any moment: as it ended, for good`, async () => {
    const told = { committed: 0, rolled_back: 0 };
    await race('torn', async (id) => {
      const tearAfterMs = Math.random() * 12;
      const tear = (client: pg.PoolClient) => {
        const { stream } = (client as unknown as { connection: { stream: { destroy(): void } } })
          .connection;
        stream.destroy();
      };
      let timer: NodeJS.Timeout | undefined;
      const producing = produce(id, async (client) => {
        timer ??= setTimeout(tear, tearAfterMs, client);
        await pause(Math.random() * 3);
      })
        .catch((error) => error)
        // Back in the pool the connection is somebody else's.
        .finally(() => clearTimeout(timer));
      const first = await pause(Math.random() * 12).then(() => answerCheck(local, id));
      await producing;
      expect([id, await orders(id)]).toEqual([id, first === 'committed' ? 1 : 0]);
      expect(await answerCheck(local, id)).toBe(first);
      // Whoever repeats the whole gets the same word.
      const again = await produce(id, async () => {}).catch((error) => error);
      if (first === 'committed') expect(again).toBe(false);
      else expect(again).toBeInstanceOf(MessageRolledBack);
      told[first as keyof typeof told] += 1;
    });
    expect(Math.min(told.committed, told.rolled_back)).toBeGreaterThan(RACES / 20);
  }, 120_000);

  test('waits for an open transaction, and says so when that takes too long', async () => {
    let commit = () => {};
    const wanted = new Promise<void>((resolve) => {
      commit = resolve;
    });
    let open = () => {};
    const isOpen = new Promise<void>((resolve) => {
      open = resolve;
    });
    const producing = transaction(async (client) => {
      await markCommitted(pgFence(client), 'slow');
      open();
      await wanted;
    });
    await isOpen;
    expect(await answerCheck(local, 'slow', 50)).toBe('working');
    const prisma = {
      transaction: <T>(work: (tx: Transaction) => Promise<T>) =>
        db.database.prisma.$transaction(work),
      sql: prismaFence,
    };
    expect(await answerCheck(prisma, 'slow', 50)).toBe('working');
    const waiting = answerCheck(local, 'slow');
    commit();
    await producing;
    expect(await waiting).toBe('committed');
  });
});

test('over Prisma: the same words', async () => {
  const { prisma } = db.database;
  const database = {
    transaction: <T>(work: (tx: Transaction) => Promise<T>) => prisma.$transaction(work),
    sql: prismaFence,
  };
  const mark = (id: string) => prisma.$transaction((tx) => markCommitted(prismaFence(tx), id));
  expect(await mark('p-1')).toBe(true);
  expect(await mark('p-1')).toBe(false);
  expect(await answerCheck(database, 'p-1')).toBe('committed');
  expect(await answerCheck(database, 'p-2')).toBe('rolled_back');
  await expect(mark('p-2')).rejects.toThrow(MessageRolledBack);
  expect(await answerCheck(local, 'p-2')).toBe('rolled_back');
});

test('business that throws leaves no mark, until somebody asks', async () => {
  const failing = transaction(async (client) => {
    await markCommitted(pgFence(client), 'fails');
    throw new Error('out of stock');
  });
  await expect(failing).rejects.toThrow('out of stock');
  expect(await produce('fails', async () => {})).toBe(true);
  expect(await answerCheck(local, 'fails')).toBe('committed');
});

test('old marks are forgotten, younger ones stay', async () => {
  await produce('old', async () => {});
  await produce('young', async () => {});
  await pool.query(
    "UPDATE tx_message SET created_at = now() - interval '91 days' WHERE message_id = 'old'",
  );
  await pool.query(MESSAGE_CLEANUP);
  const { rows } = await pool.query(
    "SELECT message_id FROM tx_message WHERE message_id IN ('old', 'young')",
  );
  expect(rows).toEqual([{ message_id: 'young' }]);
});
