import { expect, test } from 'vitest';
import { createSharedWork } from '../../../src/features/statements/shared-work.ts';

const later = () => {
  let resolve: (value: string) => void = () => {};
  const promise = new Promise<string>((done) => {
    resolve = done;
  });
  return { promise, resolve: (value: string) => resolve(value) };
};

test('callers of one name share the work; when one leaves, it goes on for the other', async () => {
  const { join } = createSharedWork<string>();
  const result = later();
  const signals: AbortSignal[] = [];
  const begin = (allLeft: AbortSignal) => {
    signals.push(allLeft);
    return result.promise;
  };
  const [one, other] = [new AbortController(), new AbortController()];
  const first = join('day', one.signal, begin);
  const second = join('day', other.signal, begin);
  one.abort();
  await expect(first).rejects.toMatchObject({ reason: 'abandoned' });
  expect(signals).toHaveLength(1);
  expect(signals[0]?.aborted).toBe(false);
  result.resolve('made');
  expect(await second).toBe('made');
});

test('when all have left the work is told to end, and whoever comes then begins anew', async () => {
  const { join } = createSharedWork<string>();
  const signals: AbortSignal[] = [];
  const begin = (allLeft: AbortSignal) => {
    signals.push(allLeft);
    return signals.length === 1 ? new Promise<string>(() => {}) : Promise.resolve('made anew');
  };
  const leaving = new AbortController();
  const left = join('day', leaving.signal, begin);
  leaving.abort();
  await expect(left).rejects.toMatchObject({ reason: 'abandoned' });
  expect(signals[0]?.aborted).toBe(true);
  expect(await join('day', new AbortController().signal, begin)).toBe('made anew');
});

test('what failed is begun anew by the next caller', async () => {
  const { join } = createSharedWork<string>();
  const { signal } = new AbortController();
  await expect(join('day', signal, () => Promise.reject(new Error('broken')))).rejects.toThrow(
    'broken',
  );
  expect(await join('day', signal, async () => 'made')).toBe('made');
});
