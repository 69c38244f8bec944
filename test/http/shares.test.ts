import { afterEach, describe, expect, test, vi } from 'vitest';
import { callerLeft } from '../../src/api/problem.ts';
import type { Principal } from '../../src/api/route.ts';
import { createShares, type Release } from '../../src/http/shares.ts';

const merchant = (merchantId: string, keyId = merchantId): Principal => ({
  keyId,
  role: 'merchant',
  name: 'a key',
  merchantId,
});
const here = () => new AbortController().signal;

describe('a tenant’s share of what looks things up', () => {
  afterEach(() => vi.useRealTimers());
  const shares = () => createShares({ atOnce: 2, mostWaiting: 2, maxWaitMs: 1000 });

  /** Takes a place, or waits for one; which it is shows at once. */
  function taking(from: ReturnType<typeof shares>, principal: Principal, signal = here()) {
    const asked = { release: null as Release | null, done: Promise.resolve() };
    asked.done = from.take(principal, signal).then((release) => {
      asked.release = release;
    });
    return asked;
  }
  const settle = () => new Promise((resolve) => setImmediate(resolve));

  test('is one for all keys of a merchant, and nobody else waits for it', async () => {
    const all = shares();
    const own = ['one', 'two', 'three'].map((key) => taking(all, merchant('m', key)));
    const other = taking(all, merchant('n'));
    await settle();
    expect(own.map(({ release }) => release !== null)).toEqual([true, true, false]);
    expect(other.release).not.toBeNull();
    own[1]?.release?.();
    await own[2]?.done;
  });

  test('is given on in the order of asking', async () => {
    const all = shares();
    const asked = [1, 2, 3, 4].map(() => taking(all, merchant('m')));
    await settle();
    asked[0]?.release?.();
    await settle();
    expect(asked.map(({ release }) => release !== null)).toEqual([true, true, true, false]);
    asked[1]?.release?.();
    await asked[3]?.done;
  });

  test('has a line of its own length: 429 beyond it', async () => {
    const all = shares();
    for (let n = 0; n < 4; n += 1) taking(all, merchant('m'));
    await expect(all.take(merchant('m'), here())).rejects.toMatchObject({
      status: 429,
      code: 'too_many_calls',
    });
  });

  test('is waited for so long and no longer: 503, and the place is not lost', async () => {
    vi.useFakeTimers();
    const all = shares();
    const first = await all.take(merchant('m'), here());
    await all.take(merchant('m'), here());
    const third = all.take(merchant('m'), here());
    const refused = expect(third).rejects.toMatchObject({ status: 503, reason: 'share' });
    await vi.advanceTimersByTimeAsync(1000);
    await refused;
    first();
    await all.take(merchant('m'), here());
  });

  test('is not spent on callers who have left, and they leave the line at once', async () => {
    const all = shares();
    const [first] = [taking(all, merchant('m')), taking(all, merchant('m'))];
    await settle();
    const caller = new AbortController();
    const gone = all.take(merchant('m'), caller.signal);
    const next = taking(all, merchant('m'));
    caller.abort(callerLeft());
    await expect(gone).rejects.toMatchObject({ reason: 'abandoned' });
    const another = taking(all, merchant('m'));
    await settle();
    first?.release?.();
    await next.done;
    next.release?.();
    await another.done;
  });
});
