import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startWorker, type Worker } from '../../src/engine/engine.ts';
import { createSender, type Sender } from '../../src/engine/http/send.ts';
import { newSecret } from '../../src/engine/http/sign.ts';
import type { Protocol } from '../../src/engine/protocol.ts';
import { createDeliveries } from '../../src/engine/store/create.ts';
import { sqlStore } from '../../src/engine/store/engine-store.ts';
import { openWakeQueue, type WakeQueue } from '../../src/engine/timers/wake-queue.ts';
import { Prisma } from '../../src/platform/db/client.ts';
import { plainServer } from '../../src/platform/db/server.ts';
import { newId } from '../../src/platform/ids.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

// A protocol of the test's own: what the engine does for it, it does for every protocol.
let db: TestDatabase;
let receiver: Receiver;
let wakes: WakeQueue;
let sender: Sender;
let worker: Worker;

beforeEach(async () => {
  db = await testDatabase();
  receiver = await startReceiver();
  wakes = await openWakeQueue(
    { kind: 'postgres', server: plainServer(db.url) },
    pino({ level: 'silent' }),
  );
  sender = createSender({ allowPrivateTargets: true, userAgent: 'test' });
  await db.database.prisma.$executeRaw`CREATE TABLE toy (id text, what text)`;
});
afterEach(async () => {
  await worker.close(1000);
  await sender.close();
  await wakes.close();
  await receiver.close();
  await db.drop();
});

async function begin(owner: Omit<Protocol, 'compose'>): Promise<string> {
  const compose: Protocol['compose'] = async (deliveries) =>
    new Map(
      deliveries.map(({ id, ownerId }) => [
        id,
        {
          url: receiver.url(),
          headers: {},
          body: '{}',
          secrets: [newSecret()],
          webhookId: ownerId,
        },
      ]),
    );
  const protocols = new Map([['toy', { ...owner, compose }]]);
  worker = await startWorker({
    store: sqlStore(db.database, protocols),
    wakes,
    sender,
    protocols,
    log: pino({ level: 'silent' }),
    sweepEveryMs: 200,
  });
  const id = newId('dlv');
  const delivery = {
    id,
    ownerKind: 'toy',
    ownerId: 'toy_1',
    purpose: 'play',
    merchantId: null,
    type: 'toy',
    businessKey: 'toy',
    queue: 'default',
    policyVersion: 1,
    receiverId: 'url_toy',
    endpointId: null,
    url: receiver.url(),
    delayMs: 0,
    deadlineMs: 60_000,
  };
  await db.database.prisma.$queryRaw`
    WITH ${createDeliveries([delivery], Prisma.sql`SELECT 'toy_1'`)} SELECT id FROM created`;
  return id;
}

const row = async (id: string) => {
  const rows = await db.database.prisma.$queryRaw<
    { status: string; reason: string | null; rung: number; attempt_count: number }[]
  >`SELECT status, reason, rung, attempt_count FROM delivery WHERE id = ${id}`;
  return rows[0];
};
const toys = async () =>
  (await db.database.prisma.$queryRaw<{ what: string }[]>`SELECT what FROM toy ORDER BY what`).map(
    ({ what }) => what,
  );

test('settling and its owner’s reaction are one transaction: both happen, or neither', async () => {
  let calls = 0;
  const seen: string[] = [];
  const id = await begin({
    async settled(tx, deliveries) {
      calls += 1;
      for (const each of deliveries) {
        await tx.$executeRaw`INSERT INTO toy VALUES (${each.id}, ${each.status})`;
      }
      if (calls > 1) return undefined;
      // What another connection sees while this transaction is about to break.
      seen.push((await row(id))?.status ?? '', ...(await toys()));
      throw new Error('the owner breaks');
    },
  });
  await until(async () => (await row(id))?.status === 'delivered');
  expect(seen).toEqual(['sending']);
  expect(calls).toBe(2);
  expect(await toys()).toEqual(['delivered']);
  expect(receiver.requests).toHaveLength(1);
});

test('an owner reads answers its own way: not yet, and then a definite no', async () => {
  receiver.answer([
    { status: 200, body: 'wait' },
    { status: 200, body: 'no' },
  ]);
  const id = await begin({
    read: (_delivery, answer) =>
      answer.kind === 'response' && answer.body === 'wait'
        ? { kind: 'later', delayMs: 50 }
        : { kind: 'no', reason: 'refused' },
    async attempted(tx, attempts) {
      for (const { entry, delivery } of attempts) {
        await tx.$executeRaw`INSERT INTO toy VALUES (${delivery.id}, ${`${entry.statusCode} ${delivery.status}`})`;
      }
      return undefined;
    },
  });
  await until(async () => (await row(id))?.status === 'failed');
  expect(await row(id)).toMatchObject({ reason: 'refused', rung: 0, attempt_count: 2 });
  expect(await toys()).toEqual(['200 failed', '200 pending']);
});
