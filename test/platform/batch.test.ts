import { expect, test } from 'vitest';
import { batched } from '../../src/platform/batch.ts';

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

const tick = () => new Promise((resolve) => setImmediate(resolve));

/** A clock that stands still until it is moved. */
function standing() {
  let nowMs = 0;
  let timers: { at: number; act: () => void }[] = [];
  return {
    now: () => nowMs,
    soon: (act: () => void) => void setImmediate(act),
    after(ms: number, act: () => void) {
      const timer = { at: nowMs + ms, act };
      timers.push(timer);
      return {
        cancel: () => {
          timers = timers.filter((each) => each !== timer);
        },
      };
    },
    pass(ms: number) {
      nowMs += ms;
      const due = timers.filter(({ at }) => at <= nowMs);
      timers = timers.filter(({ at }) => at > nowMs);
      for (const { act } of due) act();
    },
  };
}

test('who waits too long for a run is told so while the run hangs, and takes part in none', async () => {
  const clock = standing();
  const first = gate();
  const started = gate();
  const runs: number[][] = [];
  const patience = { maxWaitMs: 100, whenOver: () => new Error('late') };
  const run = batched<number, number>({ ...options, clock, patience }, async (items) => {
    runs.push(items);
    started.open();
    await first.opened;
    return items;
  });
  const one = run(1);
  await started.opened;
  const late = run(2);
  await tick();
  clock.pass(60);
  const punctual = run(3);
  clock.pass(60);
  await expect(late).rejects.toThrow('late');
  first.open();
  expect(await Promise.all([one, punctual])).toEqual([1, 3]);
  expect(runs).toEqual([[1], [3]]);
});

test('those that belong together are late together', async () => {
  const clock = standing();
  const first = gate();
  const started = gate();
  const patience = { maxWaitMs: 100, whenOver: () => new Error('late') };
  const belongTogether = (one: string, next: string) => one[0] === next[0];
  const run = batched<string, string>(
    { ...options, clock, patience, belongTogether },
    async (items) => {
      started.open();
      await first.opened;
      return items;
    },
  );
  const one = run('x');
  await started.opened;
  const a1 = run('a1');
  clock.pass(1);
  const rest = [run('a2'), run('b1')];
  clock.pass(99);
  first.open();
  const results = await Promise.allSettled([one, a1, ...rest]);
  expect(results.map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'rejected',
    'fulfilled',
  ]);
});

test('what nobody wants any more takes part in no run', async () => {
  const runs: string[][] = [];
  const abandoned = (item: string) => (item === 'left' ? new Error('left') : null);
  const run = batched<string, string>({ ...options, abandoned }, async (items) => {
    runs.push(items);
    return items;
  });
  const results = await Promise.allSettled([run('a'), run('left'), run('b')]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(runs).toEqual([['a', 'b']]);
});
