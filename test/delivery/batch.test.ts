import { expect, test } from 'vitest';
import { batched } from '../../src/delivery/batch.ts';

const options = { maxItems: 3, maxRuns: 1, maxWaiting: 5, whenFull: () => new Error('full') };

function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

test('callers of one tick share a run, and each gets its own result', async () => {
  const runs: number[][] = [];
  const double = batched<number, number>(options, async (items) => {
    runs.push(items);
    return items.map((item) => 2 * item);
  });
  expect(await Promise.all([double(1), double(2), double(3), double(4)])).toEqual([2, 4, 6, 8]);
  expect(runs).toEqual([[1, 2, 3], [4]]);
});

test('who comes while a run is under way goes with the next one', async () => {
  const runs: number[][] = [];
  const first = gate();
  const started = gate();
  const run = batched<number, number>(options, async (items) => {
    runs.push(items);
    started.open();
    if (runs.length === 1) await first.opened;
    return items;
  });
  const one = run(1);
  await started.opened;
  const others = [run(2), run(3)];
  first.open();
  expect(await Promise.all([one, ...others])).toEqual([1, 2, 3]);
  expect(runs).toEqual([[1], [2, 3]]);
});

test('a run that fails fails its own callers and no others', async () => {
  const run = batched<string, string>(options, async (items) => {
    if (items.includes('bad')) throw new Error('refused');
    return items;
  });
  const results = await Promise.allSettled([run('a'), run('bad'), run('c'), run('d')]);
  expect(results.map(({ status }) => status)).toEqual([
    'rejected',
    'rejected',
    'rejected',
    'fulfilled',
  ]);
});

test('more than may wait is refused at once', async () => {
  const first = gate();
  const run = batched<number, number>(options, async (items) => {
    await first.opened;
    return items;
  });
  const accepted = [1, 2, 3, 4, 5].map(run);
  await expect(run(6)).rejects.toThrow('full');
  first.open();
  expect(await Promise.all(accepted)).toEqual([1, 2, 3, 4, 5]);
});

test('what belongs together shares a run, even beyond its size, and nothing else does', async () => {
  const runs: string[][] = [];
  const run = batched<string, string>(
    { ...options, maxWaiting: 20, belongTogether: (one, next) => one[0] === next[0] },
    async (items) => {
      runs.push(items);
      return items;
    },
  );
  const items = ['a1', 'b1', 'b2', 'b3', 'b4', 'c1', 'd1', 'e1', 'f1'];
  expect(await Promise.all(items.map(run))).toEqual(items);
  expect(runs).toEqual([['a1', 'b1', 'b2', 'b3', 'b4'], ['c1', 'd1', 'e1'], ['f1']]);
});
