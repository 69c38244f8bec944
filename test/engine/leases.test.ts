import { expect, test } from 'vitest';
import { createProcess } from '../../simulate/process.ts';
import { randomOf } from '../../simulate/random.ts';
import { createTimeline } from '../../simulate/timeline.ts';
import { createLeases, type Leases } from '../../src/engine/leases.ts';
import type { Claimed } from '../../src/engine/store/claim.ts';

const START_MS = Date.UTC(2026, 0, 1);
const SECOND = 1000;

/** Leases of a process on a clock of its own. */
function scene() {
  const timeline = createTimeline(START_MS);
  const machine = {
    timeline,
    random: randomOf(1),
    rounds: new Set<never>(),
    nextWork: () => Infinity,
  };
  const { clock } = createProcess('w1', machine, () => {});
  const asked: string[][] = [];
  const faults: unknown[] = [];
  const held = new Set<string>();
  let isAway = false;
  const leases: Leases = createLeases(
    async (all) => {
      asked.push(all.map(({ leaseToken }) => leaseToken));
      if (isAway) throw new Error('no database');
      return new Set(all.map(({ leaseToken }) => leaseToken).filter((token) => held.has(token)));
    },
    (error) => faults.push(error),
    clock,
  );
  return {
    leases,
    asked,
    faults,
    now: () => clock.now(),
    hold(leaseToken: string, leasedForMs: number) {
      held.add(leaseToken);
      return leases.hold({
        id: `dlv_${leaseToken}`,
        leaseToken,
        leasedAtTick: clock.now(),
        leasedForMs,
      } as Claimed);
    },
    take: (leaseToken: string) => held.delete(leaseToken),
    goAway(away: boolean) {
      isAway = away;
    },
    pass: (ms: number) => timeline.runUntil(timeline.nowMs + ms, () => {}),
  };
}

test('an attempt that ends well within its lease costs no renewal', async () => {
  const { hold, pass, asked } = scene();
  const lease = hold('a', 25 * SECOND);
  await pass(15 * SECOND);
  lease.release();
  await pass(60 * SECOND);
  expect(asked).toEqual([]);
});

test('one that outlasts its lease has it renewed for as long as it takes', async () => {
  const { hold, pass, asked, now } = scene();
  const lease = hold('a', 25 * SECOND);
  await pass(300 * SECOND);
  expect(lease.endsAt()).toBeGreaterThan(now());
  expect(asked.length).toBeGreaterThan(20);
  expect(asked.length).toBeLessThan(50);
});

test('those that end at the same time are renewed by one statement', async () => {
  const { hold, pass, asked } = scene();
  for (const token of ['a', 'b', 'c']) hold(token, 25 * SECOND);
  await pass(20 * SECOND);
  expect(asked).toEqual([['a', 'b', 'c']]);
});

test('one that somebody else has taken over is not held any more', async () => {
  const { hold, take, pass, now } = scene();
  const lease = hold('a', 25 * SECOND);
  take('a');
  await pass(20 * SECOND);
  expect(lease.endsAt()).toBeLessThanOrEqual(now());
});

test('while the database is away it is tried again and again, and held once it is back', async () => {
  const { hold, goAway, pass, faults, now } = scene();
  const lease = hold('a', 25 * SECOND);
  goAway(true);
  await pass(60 * SECOND);
  expect(faults.length).toBeGreaterThan(30);
  expect(lease.endsAt()).toBeLessThan(now());
  goAway(false);
  await pass(2 * SECOND);
  expect(lease.endsAt()).toBeGreaterThan(now());
});
