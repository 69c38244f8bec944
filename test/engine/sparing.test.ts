import { expect, test } from 'vitest';
import { createSparing } from '../../src/engine/sparing.ts';

function workTaking(...times: number[]) {
  let nowMs = 0;
  let runs = 0;
  const sparing = createSparing({ now: () => nowMs });
  return {
    async after(ms: number): Promise<number> {
      nowMs += ms;
      await sparing(async () => {
        nowMs += times[Math.min(runs, times.length - 1)] ?? 0;
        runs += 1;
      });
      return runs;
    },
  };
}

test('cheap work is done each time', async () => {
  const work = workTaking(200);
  expect([await work.after(0), await work.after(0), await work.after(1)]).toEqual([1, 2, 3]);
});

test('dear work takes a twentieth of the time', async () => {
  const work = workTaking(500);
  await work.after(0);
  await work.after(0);
  expect(await work.after(9_499)).toBe(2);
  expect(await work.after(1)).toBe(3);
});

test('one slow run among quick ones changes nothing', async () => {
  const work = workTaking(10, 5_000, 10);
  await work.after(0);
  await work.after(0);
  expect(await work.after(0)).toBe(3);
});

test('the dearest work is still done every fifteen seconds', async () => {
  const work = workTaking(60_000);
  await work.after(0);
  await work.after(0);
  expect(await work.after(14_999)).toBe(2);
  expect(await work.after(1)).toBe(3);
});

test('work that failed is tried again at once', async () => {
  let nowMs = 0;
  const sparing = createSparing({ now: () => nowMs });
  const failing = async () => {
    nowMs += 10_000;
    throw new Error('no connection');
  };
  await expect(sparing(failing)).rejects.toThrow('no connection');
  await expect(sparing(failing)).rejects.toThrow('no connection');
  expect(await sparing(async () => 'done')).toBe('done');
});
