import { afterEach, expect, test } from 'vitest';
import { createLane, type Lane, type LaneWork } from '../../src/engine/lane.ts';
import type { RunResult } from '../../src/engine/run.ts';
import type { DueScope } from '../../src/engine/store/find-due.ts';
import { systemClock } from '../../src/platform/time/clock.ts';
import { until } from '../support/until.ts';

type Found = { ids: string[]; next: string };
/** Their receiver does not matter here. */
const wantedOf = (ids: string[]) => ids.map((id) => ({ id, receiverId: null }));

let lane: Lane;
const runs = new Map<string, () => void>();
const looks: { scope: DueScope; limit: number; answer(found: Found): void }[] = [];

/** A lane whose attempts and looks end when the test says so. */
function open(concurrency: number): void {
  const work: LaneWork = {
    run: (wanted) =>
      new Promise<RunResult>((resolve) => {
        runs.set(wanted.id, () => {
          runs.delete(wanted.id);
          resolve({ kind: 'refused', wanted, claim: null });
        });
      }),
    findDue: (scope, limit) =>
      new Promise((resolve) =>
        looks.push({
          scope,
          limit,
          answer: ({ ids, next }) => resolve({ wanted: wantedOf(ids), next }),
        }),
      ),
    fault: () => (error) => {
      throw error;
    },
    clock: systemClock,
  };
  lane = createLane(concurrency, work);
}
const endAll = () => {
  for (const end of [...runs.values()]) end();
};
const nextLook = async () => {
  await until(() => looks.length > 0, { what: 'a look' });
  return looks.shift() as (typeof looks)[number];
};

afterEach(async () => {
  const drained = lane.drain();
  endAll();
  for (const look of looks.splice(0)) look.answer({ ids: [], next: '' });
  await drained;
});

test('what is turned away while a look is under way is looked for by the next one', async () => {
  open(2);
  const looked = lane.look();
  const first = await nextLook();
  expect([lane.offer('a', null), lane.offer('b', null), lane.offer('c', null)]).toEqual([
    true,
    true,
    false,
  ]);
  // From a snapshot in which there was no c.
  first.answer({ ids: [], next: '' });
  await looked;
  endAll();
  (await nextLook()).answer({ ids: ['c'], next: '' });
  await until(() => runs.has('c'));
});

test('a look that comes back full is followed by another one as places get free', async () => {
  open(2);
  void lane.look();
  (await nextLook()).answer({ ids: ['a', 'b'], next: '' });
  await until(() => runs.size === 2);
  endAll();
  (await nextLook()).answer({ ids: [], next: '' });
});

test('a walk that has not come to its end goes on where it stopped', async () => {
  open(2);
  void lane.look();
  (await nextLook()).answer({ ids: [], next: 'r1' });
  const second = await nextLook();
  expect(second.scope).toMatchObject({ after: 'r1' });
  second.answer({ ids: [], next: '' });
});

test('of many receivers that pass a place on, none is forgotten', async () => {
  open(2);
  const receivers = Array.from({ length: 2_300 }, (_, n) => `r${n}`);
  for (const id of receivers) lane.passOn(id);
  const asked = new Set<string>();
  while (asked.size < receivers.length) {
    const { scope, answer } = await nextLook();
    for (const id of 'receiverIds' in scope ? scope.receiverIds : []) asked.add(id);
    answer({ ids: [], next: '' });
  }
});
