import { expect, test } from 'vitest';
import { createTurns } from '../../../src/features/statements/turns.ts';

const NOBODY_LEAVES = new AbortController().signal;

/** Work that ends when the test says so, and what has begun so far. */
function works() {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  return {
    begun,
    work: (name: string) => () => {
      begun.push(name);
      return new Promise<string>((resolve) => ends.set(name, () => resolve(name)));
    },
    async end(name: string) {
      ends.get(name)?.();
      // Whoever is next begins once the end has been heard.
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

test('merchants take turns, and one never has two places', async () => {
  const { take } = createTurns({ atOnce: 2, mostWaiting: 20, longestWaitMs: 60_000 });
  const { begun, work, end } = works();
  for (const name of ['a1', 'a2', 'a3', 'b1', 'c1', 'b2']) {
    void take(name.slice(0, 1), NOBODY_LEAVES, work(name));
  }
  expect(begun).toEqual(['a1', 'b1']);
  await end('a1');
  expect(begun).toEqual(['a1', 'b1', 'a2']);
  await end('b1');
  expect(begun).toEqual(['a1', 'b1', 'a2', 'c1']);
  await end('a2');
  await end('c1');
  expect(begun.slice(4).sort()).toEqual(['a3', 'b2']);
});

test('who leaves loses its place, and the others move on', async () => {
  const { take } = createTurns({ atOnce: 1, mostWaiting: 20, longestWaitMs: 60_000 });
  const { begun, work, end } = works();
  const leaving = new AbortController();
  void take('a', NOBODY_LEAVES, work('a1'));
  const left = take('b', leaving.signal, work('b1'));
  void take('c', NOBODY_LEAVES, work('c1'));
  leaving.abort();
  await expect(left).rejects.toMatchObject({ status: 503, reason: 'abandoned' });
  await end('a1');
  expect(begun).toEqual(['a1', 'c1']);
});

test('after too long a wait it is said how many stand before it', async () => {
  const { take } = createTurns({ atOnce: 1, mostWaiting: 20, longestWaitMs: 10 });
  const { work } = works();
  void take('a', NOBODY_LEAVES, work('a1'));
  const [first, second] = ['b', 'b'].map((merchant, index) =>
    take(merchant, NOBODY_LEAVES, work(`b${index}`)).catch((error) => error),
  );
  const refused = await first;
  expect(refused).toMatchObject({ status: 503, code: 'unavailable' });
  expect(refused.message).toMatch(/and \d would come before this one/);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  await second;
});

test('a line that is full is said so at once, and a failed one gives its place back', async () => {
  const { take } = createTurns({ atOnce: 1, mostWaiting: 1, longestWaitMs: 60_000 });
  const { begun, work, end } = works();
  const failing = take('a', NOBODY_LEAVES, () => Promise.reject(new Error('broken')));
  const next = take('b', NOBODY_LEAVES, work('b1'));
  await expect(take('c', NOBODY_LEAVES, work('c1'))).rejects.toMatchObject({ status: 503 });
  await expect(failing).rejects.toThrow('broken');
  expect(begun).toEqual(['b1']);
  await end('b1');
  await next;
});
