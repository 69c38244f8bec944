import { expect, test } from 'vitest';
import { runWorld } from '../../simulate/world.ts';

test('some simulated days: nothing is lost, early, late, doubled or forgotten', async () => {
  const totals = { accepted: 0, ended: 0, sends: 0, crashes: 0 };
  for (let seed = 1; seed <= 12; seed += 1) {
    const { violation, last, counts } = await runWorld(seed, 4);
    expect(violation, `seed ${seed}\n${last.join('\n')}`).toBeNull();
    totals.accepted += counts.accepted;
    totals.ended += counts.ended;
    totals.sends += counts.sends;
    for (const count of Object.values(counts.crashes)) totals.crashes += count;
  }
  // All but what came, or was tried again, in the last moments: that has a time, as the world itself checks.
  expect(totals.accepted - totals.ended).toBeLessThanOrEqual(2);
  // It was not a quiet time.
  expect(totals.sends).toBeGreaterThan(1000);
  expect(totals.crashes).toBeGreaterThan(100);
});

test('the same seed gives the same days, event for event; another one gives others', async () => {
  const [first, again, other] = [await runWorld(3, 2), await runWorld(3, 2), await runWorld(4, 2)];
  expect(again.hash).toBe(first.hash);
  expect(again.steps).toBe(first.steps);
  expect(other.hash).not.toBe(first.hash);
});
