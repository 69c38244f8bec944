import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { watchHeap } from '../../src/http/overload/heap.ts';
import { createLane } from '../../src/http/overload/lane.ts';
import { createTurns } from '../../src/http/overload/turns.ts';
import { createUploads } from '../../src/http/overload/uploads.ts';
import { until } from '../support/until.ts';

const SECOND = 1000;

describe('how many are worked on at once', () => {
  test('is what was completed in the last second, and the floor after a rest', () => {
    let nowMs = 5000;
    const lane = createLane(10, 0, () => nowMs);
    expect(lane.limit()).toBe(10);
    for (let n = 0; n < 100; n += 1) {
      nowMs += 9;
      lane.complete(2);
    }
    expect(lane.limit()).toBe(200);
    lane.enter(199);
    expect(lane.isFull()).toBe(false);
    lane.enter(16);
    expect(lane.isFull()).toBe(true);
    nowMs += 10 * SECOND;
    expect(lane.limit()).toBe(10);
  });

  test('is more for a second when a crowd comes after a calm, and not while it goes on', () => {
    let nowMs = 60 * SECOND;
    const lane = createLane(10, 100, () => nowMs);
    lane.enter(99);
    expect(lane.isFull()).toBe(false);
    lane.enter(1);
    expect(lane.isFull()).toBe(true);
    lane.leave(50);
    // Somebody was refused just now.
    expect(lane.isFull()).toBe(true);
    lane.leave(50);
    nowMs += 11 * SECOND;
    lane.enter(50);
    expect(lane.isFull()).toBe(false);
    nowMs += SECOND;
    expect(lane.isFull()).toBe(true);
  });

  test('does not grow by calls that were refused', () => {
    const lane = createLane(10, 0, () => 0);
    for (let n = 0; n < 100; n += 1) {
      lane.enter(1);
      lane.leave(1);
    }
    expect(lane.limit()).toBe(10);
  });
});

describe('bodies on their way in', () => {
  /** Uploads of which each gives way by ending. */
  function uploadsOf(limitBytes: number) {
    let nowMs = 0;
    const options = { limitBytes, maxWaitMs: 60 * SECOND, slowMs: 5 * SECOND, nowMs: () => nowMs };
    const uploads = createUploads(options);
    const gaveWay: string[] = [];
    const begin = (name: string, bytes: number) => {
      const upload = uploads.begin(bytes, () => {
        gaveWay.push(name);
        upload.end();
      });
      return upload;
    };
    return {
      begin,
      gaveWay,
      pass: (ms: number) => {
        nowMs += ms;
      },
      used: () => uploads.usedBytes,
    };
  }

  test('a slow one gives way when others want its room, the oldest first and no more than needed', async () => {
    const { begin, gaveWay, pass, used } = uploadsOf(10);
    await begin('first', 5).room();
    pass(SECOND);
    await begin('second', 5).room();
    pass(9 * SECOND);
    expect(gaveWay).toEqual([]);
    expect(await begin('third', 5).room()).toBe(true);
    expect([gaveWay, used()]).toEqual([['first'], 10]);
  });

  test('one that is not slow keeps its room until it is read', async () => {
    const { begin, gaveWay, used } = uploadsOf(10);
    const first = begin('first', 8);
    await first.room();
    const second = begin('second', 8).room();
    expect([gaveWay, used()]).toEqual([[], 8]);
    first.end();
    expect(await second).toBe(true);
    expect(used()).toBe(8);
  });

  test('one that was given up while it waited takes no room', async () => {
    const { begin, used } = uploadsOf(10);
    const first = begin('first', 8);
    await first.room();
    const second = begin('second', 8);
    const answer = second.room();
    second.end();
    first.end();
    expect(await answer).toBe(false);
    expect(used()).toBe(0);
  });
});

test('steps of calls end for this turn of the event loop when their slice of it is over', async () => {
  let nowMs = 0;
  let acts: Array<() => void> = [];
  const turns = createTurns({ nowMs: () => nowMs, soon: (act) => acts.push(act) });
  const done: string[] = [];
  const stepOf = (name: string) => () => {
    done.push(name);
    nowMs += 6;
  };
  const turn = () => {
    const now = acts;
    acts = [];
    for (const act of now) act();
    return done.splice(0);
  };
  for (const name of ['a', 'b', 'c', 'd', 'e']) turns.begin(stepOf(name));
  expect(turn()).toEqual(['a', 'b']);
  turns.answer(stepOf('answer'));
  expect(turn()).toEqual(['answer', 'c']);
  // While new connections come, nearly all of the turn is theirs.
  turns.connected();
  expect(turn()).toEqual(['d']);
  expect(turn()).toEqual(['e']);
  expect(acts).toEqual([]);
});

test('that memory is short is said when a collection leaves it nearly full, and when it suffices again', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const said: string[] = [];
  const say = (_figures: object, message: string) => said.push(message);
  let used = 95;
  const log = { error: say, warn: say } as unknown as Parameters<typeof watchHeap>[0]['log'];
  const heap = watchHeap({ limitBytes: 100, log, usedBytes: () => used });
  try {
    expect(heap.isShort()).toBe(false);
    collect();
    await until(() => heap.isShort());
    used = 50;
    collect();
    await until(() => !heap.isShort());
    expect(said).toEqual([
      'memory is short: calls are answered 503 until it is not',
      'memory suffices again',
    ]);
  } finally {
    heap.close();
  }
});
