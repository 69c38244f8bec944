import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../../../src/platform/ids.ts';
import { decide } from '../../../src/protocols/tcc/decide.ts';
import { insertTransaction } from '../../../src/protocols/tcc/store/insert.ts';
import { cancelTimedOut } from '../../../src/protocols/tcc/timeouts.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { startReceiver } from '../../support/receiver.ts';
import { becomes, branch, calls } from './participants.ts';

const ROUNDS = 1_000;
const AT_ONCE = 4;

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.drop());

const wake = async () => {};

test(`confirm races the timeout of two coordinators, ${ROUNDS} rounds: exactly one wins`, async () => {
  const { prisma } = db.database;
  const wins = { confirm: 0, cancel: 0 };
  let rounds = 0;

  const confirm = (gid: string) =>
    prisma.$transaction((tx) => decide(tx, [gid], { decision: 'confirm' }));
  const isOpen = async (gid: string) => {
    const open = await prisma.tccTransaction.count({ where: { gid, status: 'trying' } });
    return open > 0;
  };
  const timeOut = async (gid: string) => {
    do await cancelTimedOut({ database: db.database, wake });
    while (await isOpen(gid));
  };

  const race = async () => {
    while (rounds < ROUNDS) {
      rounds += 1;
      const gid = newId('tx');
      await insertTransaction(prisma, {
        gid,
        id: gid,
        producerKeyId: 'key_1',
        businessKey: 'B',
        mode: 'initiator',
        timeoutSeconds: 60,
        fingerprint: '',
        branches: ['a', 'b'].map((branchId) => ({
          id: newId('brn'),
          branchId,
          tryUrl: null,
          confirmUrl: 'http://127.0.0.1/confirm',
          cancelUrl: 'http://127.0.0.1/cancel',
          payloadText: '{}',
          fingerprint: '',
        })),
        deliveries: [],
      });
      const leftMs = Math.random() * 12;
      await prisma.$executeRaw`
        UPDATE tcc_transaction
           SET timeout_at = clock_timestamp() + ${leftMs}::float8 * interval '1 millisecond'
         WHERE gid = ${gid}`;
      const [{ ids }] = await Promise.all([confirm(gid), timeOut(gid), timeOut(gid)]);
      const winner = ids.length === 1 ? 'confirm' : 'cancel';
      wins[winner] += 1;
      const made = await prisma.$queryRaw<{ decision: string; purposes: string[] }[]>`
        SELECT t.decision, (SELECT array_agg(d.purpose) FROM tcc_branch AS b
                              JOIN delivery AS d ON d.owner_id = b.id WHERE b.transaction_id = t.id) AS purposes
          FROM tcc_transaction AS t WHERE t.gid = ${gid}`;
      expect(made).toEqual([{ decision: winner, purposes: [winner, winner] }]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, race));
  expect(wins.confirm + wins.cancel).toBeGreaterThanOrEqual(ROUNDS);
  expect(Math.min(wins.confirm, wins.cancel)).toBeGreaterThan(ROUNDS / 100);
}, 240_000);

test('two coordinators at once: one hears 202, the other 409, each branch is called once', async () => {
  const shop = await startReceiver();
  const first: TestGateway = await testGateway({ db });
  const second = await testGateway({ db });
  try {
    const { key } = await first.producer();
    for (let round = 0; round < 20; round += 1) {
      const gid = `two-${round}`;
      const branches = ['stock', 'points'].map((id) => branch(shop, `${id}-${round}`));
      await first
        .as(key)
        .post('/v1/transactions', { gid, businessKey: 'B', mode: 'initiator', branches })
        .expect(201);
      const answers = await Promise.all([
        first.as(key).post(`/v1/transactions/${gid}/confirm`),
        second.as(key).post(`/v1/transactions/${gid}/cancel`),
      ]);
      const statuses = answers.map(({ status }) => status);
      expect([...statuses].sort()).toEqual([202, 409]);
      const won = statuses[0] === 202 ? 'confirm' : 'cancel';
      await becomes(second.as(key), gid, won === 'confirm' ? 'confirmed' : 'cancelled');
      const its = calls(shop).filter((path) => path.includes(`-${round}/`));
      expect(its.sort()).toEqual([`/points-${round}/${won}`, `/stock-${round}/${won}`]);
    }
  } finally {
    await first.close();
    await second.close();
    await shop.close();
  }
}, 60_000);
