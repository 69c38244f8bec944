import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { claimDeliveries } from '../../../src/engine/store/claim.ts';
import { type DueSearch, findDue } from '../../../src/engine/store/find-due.ts';
import { createFloors } from '../../../src/engine/store/floors.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.drop());
beforeEach(() => db.database.prisma.$executeRaw`TRUNCATE delivery, receiver CASCADE`);

const receiver = (id: string, more: { maxInFlight?: number; trusted?: boolean } = {}) =>
  db.database.prisma.receiver.create({ data: { id, trusted: true, ...more } });

/** `dueInMs` may lie in the past. */
const waits = (
  id: string,
  receiverId: string,
  more: { dueInMs?: number; priority?: number; endsInMs?: number } = {},
) =>
  db.database.prisma.$executeRaw`
    INSERT INTO delivery (id, owner_kind, owner_id, purpose, type, business_key, queue, policy_version,
                          receiver_id, status, priority, due_at, accepted_at, deadline_at)
    VALUES (${id}, 'toy', ${id}, 'play', 'toy', 'k', 'default', 1, ${receiverId}, 'pending',
            ${more.priority ?? 0}, postrider_now() + ${more.dueInMs ?? 0} * interval '1 millisecond',
            postrider_now(), postrider_now() + ${more.endsInMs ?? 3_600_000} * interval '1 millisecond')`;

const find = async (more: Partial<DueSearch> = {}) => {
  const { wanted, next } = await findDue(db.database.prisma, createFloors(), {
    queue: 'default',
    scope: { after: '', receivers: 100 },
    limit: 100,
    maxInFlight: 20,
    ratePerSecond: null,
    suspects: 'with',
    ...more,
  });
  return { ids: wanted.map(({ id }) => id), next };
};
const claim = async (ids: string[], places = 100, suspectPlaces = 100) => {
  const claims = await claimDeliveries(
    db.database.prisma,
    createFloors(),
    'default',
    ids.map((id) => ({ id, receiverId: null })),
    places,
    suspectPlaces,
  );
  return Object.fromEntries([...claims].map(([id, { verdict }]) => [id, verdict]));
};

test('each receiver’s first comes before anybody’s second, the oldest first', async () => {
  await receiver('a');
  await receiver('b');
  for (const n of [1, 2, 3]) await waits(`a${n}`, 'a', { dueInMs: -1000 + n });
  await waits('b1', 'b', { dueInMs: -10 });
  expect((await find()).ids).toEqual(['a1', 'b1', 'a2', 'a3']);
  expect((await find({ limit: 2 })).ids).toEqual(['a1', 'b1']);
});

test('new ones come before retries, and what is not due does not come', async () => {
  await receiver('a');
  await waits('retry', 'a', { dueInMs: -9000, priority: 1 });
  await waits('new', 'a', { dueInMs: -1 });
  await waits('future', 'a', { dueInMs: 60_000 });
  expect((await find()).ids).toEqual(['new', 'retry']);
});

test('what has passed its deadline takes no place from what has not', async () => {
  await receiver('a');
  await waits('overdue', 'a', { dueInMs: -9000, endsInMs: -1 });
  await waits('new', 'a', { dueInMs: -1 });
  expect((await find({ limit: 1 })).ids).toEqual(['new']);
});

test('receivers that are paused, open, full or to be left out give nothing', async () => {
  const soon = new Date(Date.now() + 60_000);
  await db.database.prisma.receiver.createMany({
    data: [
      { id: 'paused', trusted: true, pausedAt: new Date() },
      { id: 'disabled', trusted: true, disabledReason: 'gone' },
      { id: 'open', openUntil: soon },
      { id: 'later', trusted: true, ratePerSecond: 0.001, nextStartAt: soon },
      { id: 'full', trusted: true, maxInFlight: 1 },
      { id: 'unproved' },
    ],
  });
  await waits('full0', 'full');
  expect(await claim(['full0'])).toEqual({ full0: 'claimed' });
  for (const id of ['paused', 'disabled', 'open', 'later', 'full', 'unproved'])
    await waits(`d-${id}`, id);
  expect((await find()).ids).toEqual(['d-unproved']);
  expect((await find({ suspects: 'without' })).ids).toEqual([]);
});

test('a long walk goes on where it stopped, and begins anew at its end', async () => {
  for (const id of ['a', 'b', 'c', 'd', 'e']) {
    await receiver(id);
    await waits(`${id}1`, id);
  }
  const seen: string[] = [];
  let after = '';
  do {
    const { ids, next } = await find({ scope: { after, receivers: 2 } });
    seen.push(...ids);
    after = next;
  } while (after !== '');
  expect(seen).toEqual(['a1', 'b1', 'c1', 'd1', 'e1']);
});

test('a claim says why it takes nothing', async () => {
  await db.database.prisma.receiver.createMany({
    data: [
      { id: 'good', trusted: true, maxInFlight: 1 },
      { id: 'paused', pausedAt: new Date() },
      { id: 'open', openUntil: new Date(Date.now() + 60_000) },
      { id: 'unproved' },
    ],
  });
  await waits('first', 'good', { dueInMs: -2 });
  await waits('second', 'good', { dueInMs: -1 });
  await waits('early', 'good', { dueInMs: 60_000 });
  await waits('held', 'paused');
  await waits('later', 'open');
  await waits('crowded', 'unproved');
  const ids = ['first', 'second', 'early', 'held', 'later', 'crowded', 'absent'];
  expect(await claim(ids, 100, 0)).toEqual({
    first: 'claimed',
    second: 'busy',
    early: 'early',
    held: 'held',
    later: 'later',
    crowded: 'crowded',
  });
  // What is in somebody's hands is nobody else's.
  expect(await claim(['first'])).toEqual({});
});

test('a retry does not take the last place before a new one that nobody has asked for', async () => {
  await receiver('a', { maxInFlight: 1 });
  await waits('retry', 'a', { dueInMs: -1000, priority: 1 });
  await waits('new', 'a');
  expect(await claim(['retry'])).toEqual({ retry: 'behind' });
  expect(await claim(['retry', 'new'])).toEqual({ retry: 'busy', new: 'claimed' });
});

test('of many claims at once, on many connections, each delivery goes to one', async () => {
  await receiver('a', { maxInFlight: 7 });
  const ids = Array.from({ length: 30 }, (_, n) => `d${String(n).padStart(2, '0')}`);
  for (const id of ids) await waits(id, 'a');
  const claims = await Promise.all(Array.from({ length: 10 }, () => claim(ids)));
  const claimed = claims.flatMap((each) => ids.filter((id) => each[id] === 'claimed'));
  expect(claimed).toHaveLength(7);
  expect(new Set(claimed).size).toBe(7);
});
