import { expect, test } from 'vitest';
import { createBursts } from '../../../src/protocols/notification/overlapping-calls.ts';

/** A call that ends when it is told to. */
function held() {
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { end, ended };
}

test('calls that overlap are one burst, however many, also after the first has ended', async () => {
  const inBurst = createBursts();
  const [one, two] = [held(), held()];
  const startedAt = performance.now();
  const since: number[] = [];
  const call = (receivedAt: number, until: Promise<void>) =>
    inBurst('key', receivedAt, async (began) => {
      since.push(began);
      await until;
    });
  const first = call(startedAt, one.ended);
  const second = call(performance.now(), two.ended);
  one.end();
  await first;
  const third = call(performance.now(), two.ended);
  two.end();
  await Promise.all([second, third]);
  expect(since).toEqual([startedAt, startedAt, startedAt]);
});

test('a call that was waiting when the others ended belongs to them', async () => {
  const inBurst = createBursts();
  const startedAt = performance.now();
  const receivedAt = performance.now();
  await inBurst('key', startedAt, async () => {});
  expect(await inBurst('key', receivedAt, async (since) => since)).toBe(startedAt);
});

test('who waits for the answer begins another, and so does another key', async () => {
  const inBurst = createBursts();
  const began = async (since: number) => since;
  await inBurst('key', performance.now(), began);
  const next = performance.now();
  expect(await inBurst('key', next, began)).toBe(next);
  const one = held();
  const running = inBurst('key', performance.now(), () => one.ended);
  const other = performance.now();
  expect(await inBurst('other', other, began)).toBe(other);
  one.end();
  await running;
});

test('callers who never pause are not one for ever', async () => {
  const inBurst = createBursts();
  const one = held();
  const startedAt = performance.now() - 11_000;
  const running = inBurst('key', startedAt, () => one.ended);
  const now = performance.now();
  expect(await inBurst('key', now, async (since) => since)).toBe(now);
  one.end();
  await running;
});
