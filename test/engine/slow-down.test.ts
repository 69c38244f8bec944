import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { mergeHealth } from '../../src/engine/rules/circuit.ts';
import { createFloors } from '../../src/engine/store/floors.ts';
import { type Health, recordEndings } from '../../src/engine/store/record.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.drop());
beforeEach(() => db.database.prisma.$executeRaw`TRUNCATE receiver CASCADE`);

const receiver = (limits: { maxInFlight?: number; allowance?: number } = {}) =>
  db.database.prisma.receiver.create({ data: { id: 'r', trusted: true, ...limits } });

const fares = async (health: Partial<Health>): Promise<number | null> => {
  await recordEndings(
    db.database.prisma,
    createFloors(),
    [],
    [
      {
        receiverId: 'r',
        succeeded: false,
        score: 0,
        hasCircuit: true,
        slowDown: false,
        holdMs: null,
        gone: false,
        maxInFlight: 20,
        ...health,
      },
    ],
  );
  return (await db.database.prisma.receiver.findUniqueOrThrow({ where: { id: 'r' } })).allowance;
};
const asksForLess = (maxInFlight: number) => fares({ slowDown: true, maxInFlight });
const succeeds = (maxInFlight: number) => fares({ succeeded: true, maxInFlight });

test.each([
  [5, 2],
  [20, 10],
  [100, 50],
])(
  'of the %i that its queue allows, a receiver that asks for less gets %i',
  async (limit, half) => {
    await receiver();
    expect(await asksForLess(limit)).toBe(half);
  },
);

test('each success lifts it by one, up to what its queue allows and not in a leap', async () => {
  await receiver({ allowance: 97 });
  expect(await succeeds(100)).toBe(98);
  expect(await succeeds(100)).toBe(99);
  expect(await succeeds(100)).toBeNull();
});

test('a limit of its own comes before the queue’s', async () => {
  await receiver({ maxInFlight: 8 });
  expect(await asksForLess(100)).toBe(4);
  for (const lifted of [5, 6, 7, null]) expect(await succeeds(100)).toBe(lifted);
});

test('what it gets is halved, also where its queue allows less than it had', async () => {
  await receiver({ allowance: 50 });
  expect(await asksForLess(6)).toBe(3);
});

test('of deliveries under several rules the narrowest counts, as in the claim', () => {
  const of = (maxInFlight: number): Health => ({
    receiverId: 'r',
    succeeded: false,
    score: 1,
    hasCircuit: true,
    slowDown: true,
    holdMs: null,
    gone: false,
    maxInFlight,
  });
  expect(mergeHealth([of(20), of(5), of(100)])).toMatchObject([{ maxInFlight: 5 }]);
});
