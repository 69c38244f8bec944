import { afterAll, beforeAll, expect, test } from 'vitest';
import { emptyTables } from '../../simulate/model/rows.ts';
import { randomOf } from '../../simulate/random.ts';
import { drawPolicy } from '../../simulate/settings.ts';
import type { Claimed } from '../../src/engine/store/claim.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { type Ledger, modelLedger, sqlLedger } from './ledger.ts';
import { drawStep, type Scene, type Step } from './steps.ts';

// `DIFFERENCE_STEPS=20000 npx vitest run test/simulate/difference.test.ts` looks longer.
const STEPS = Number(process.env.DIFFERENCE_STEPS ?? 900);
const STEPS_A_TRACE = 150;
const BEGINNING = Date.UTC(2026, 0, 1);

let db: TestDatabase;
let sql: Ledger;
const seen = new Set<string>();

beforeAll(async () => {
  db = await testDatabase();
  sql = await sqlLedger(db);
});
afterAll(() => db.drop());

test('the model does what PostgreSQL does, command for command', async () => {
  let done = 0;
  for (let seed = 1; done < STEPS; seed += 1) {
    await clear();
    await follow(seed, Math.min(STEPS_A_TRACE, STEPS - done));
    done += STEPS_A_TRACE;
  }
  // The traces go where the rules are.
  expect([...seen]).toEqual(
    expect.arrayContaining(['claimed', 'early', 'later', 'busy', 'held', 'crowded', 'expired']),
  );
}, 3_600_000);

/** One trace, on both sides at once; the rows are compared after each command. */
async function follow(seed: number, steps: number): Promise<void> {
  const random = randomOf(seed);
  const model = modelLedger(emptyTables(BEGINNING));
  const sides = [
    { ledger: sql, held: new Map<string, Claimed>() },
    { ledger: model, held: new Map<string, Claimed>() },
  ] as const;
  const scene: Scene = {
    nowMs: BEGINNING,
    ids: [],
    receiverIds: [0, 1, 2, 3, 4].map((n) => `ep_${n}`),
    queues: [`a${seed}`, `b${seed}`],
    policies: new Map(),
    versions: new Map(),
    made: 0,
    placeOf: new Map(),
    held: sides[1].held,
  };
  const both = (step: Step) => Promise.all(sides.map(({ ledger, held }) => step(ledger, held)));
  await both((ledger) => ledger.setNow(scene.nowMs));
  for (const id of scene.receiverIds) {
    const [most, rate] = [random.pick([null, 1, 3]), random.pick([null, null, 0.7, 3])];
    await both((ledger) => ledger.receiver(id, most, rate));
  }
  for (const queue of scene.queues) {
    const rules = drawPolicy(random, queue);
    scene.versions.set(queue, 1);
    scene.policies.set(`${queue}@1`, { ...rules, version: 1 });
    await both((ledger) => ledger.putPolicy(rules));
  }

  const names: string[] = [];
  for (let count = 0; count < steps; count += 1) {
    const { name, step } = drawStep(scene, random);
    names.push(name);
    scene.nowMs += random.pick([1, 37, 1_000, 16_000]);
    await both((ledger) => ledger.setNow(scene.nowMs));
    const [bySql, byModel] = await both(step);
    for (const verdict of name === 'claim' ? verdictsIn(bySql) : []) seen.add(verdict);
    const trace = `seed ${seed}, command ${count}: … ${names.slice(-5).join(', ')}`;
    expect(byModel, trace).toEqual(bySql);
    const [inSql, inModel] = await Promise.all([sql.state(), model.state()]);
    expect(inModel, trace).toEqual(inSql);
  }
}

function verdictsIn(answer: unknown): string[] {
  return (answer as [string, { verdict?: string }][]).map(
    ([, { verdict }]) => verdict ?? 'claimed',
  );
}

async function clear(): Promise<void> {
  await db.database.prisma.$executeRaw`TRUNCATE delivery, attempt, receiver CASCADE`;
}
