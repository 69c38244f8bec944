import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { digestOf, refuseDuplicates } from '../../../src/features/reconciliations/records.ts';

const MANY = 20_000;
const records = Array.from({ length: MANY }, (_, n) => ({
  businessKey: `ORDER-${(n * 7919) % MANY}`,
  status: 'SUCCESS',
  amount: `${n}.50`,
  currency: 'CNY',
}));

/** How often others had their turn while something was done. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let next = setImmediate(function turn() {
    turns += 1;
    next = setImmediate(turn);
  });
  try {
    await work();
  } finally {
    clearImmediate(next);
  }
  return turns;
}

test('a long list is looked through and digested with turns for others in between', async () => {
  expect(await turnsDuring(() => digestOf(records))).toBeGreaterThanOrEqual(6);
  expect(await turnsDuring(() => refuseDuplicates(records, String))).toBeGreaterThanOrEqual(3);
});

test('the digest is that of the sorted lines, whatever the order and the zeros behind', async () => {
  const lines = records.map(({ businessKey, status, amount, currency }) =>
    JSON.stringify([businessKey, status, amount.replace(/0$/, ''), currency]),
  );
  const expected = createHash('sha256')
    .update(
      lines
        .sort()
        .map((line) => `${line}\n`)
        .join(''),
    )
    .digest('hex');
  expect(await digestOf(records)).toBe(expected);
  expect(await digestOf(records.toReversed())).toBe(expected);
});

test('a key that stands far from its first one is found, by both names', async () => {
  const twice = [...records, { ...records[0], businessKey: 'ORDER-0' } as (typeof records)[0]];
  await expect(refuseDuplicates(twice, (index) => `row ${index + 2}`)).rejects.toMatchObject({
    code: 'duplicate_business_key',
    errors: [{ path: `row ${MANY + 2}`, message: 'ORDER-0 stands in row 2 already.' }],
  });
});
