import { expect, test } from 'vitest';
import { type Standing, scheduleOf } from '../../../src/protocols/notification/schedule.ts';

const NOW = Date.parse('2026-11-22T10:00:00.000Z');
const SECOND = 1000;

function standing(more: Partial<Standing>): Standing {
  return {
    status: 'pending',
    shownStatus: 'pending',
    cycle: 1,
    policyVersion: 3,
    rung: 0,
    dueMs: NOW,
    resumeMs: null,
    deadlineMs: NOW + 3600 * SECOND,
    nowMs: NOW,
    ladderSeconds: [0, 15, 60, 600],
    deadlineSeconds: 3600,
    jitter: 0,
    timeoutMs: 15 * SECOND,
    ...more,
  };
}

/** Rung and seconds from now of each attempt to come. */
function plan(more: Partial<Standing>) {
  return scheduleOf(standing(more)).attempts.map(({ rung, at }) => [
    rung,
    (Date.parse(at) - NOW) / SECOND,
  ]);
}

test('a fresh delivery has its whole ladder before it', () => {
  expect(plan({})).toEqual([
    [1, 0],
    [2, 15],
    [3, 75],
    [4, 675],
  ]);
});

test('what waits for a rung begins with the time it waits for', () => {
  expect(plan({ rung: 2, dueMs: NOW + 42 * SECOND })).toEqual([
    [3, 42],
    [4, 642],
  ]);
});

test('an attempt asked for in between comes first, and the ladder goes on where it was', () => {
  expect(plan({ rung: 2, dueMs: NOW, resumeMs: NOW + 42 * SECOND })).toEqual([
    [null, 0],
    [3, 42],
    [4, 642],
  ]);
});

test('while an attempt is under way the next rung counts from now', () => {
  expect(plan({ status: 'sending', rung: 1, dueMs: null })).toEqual([
    [3, 60],
    [4, 660],
  ]);
  expect(plan({ status: 'sending', rung: 3, dueMs: null })).toEqual([]);
});

test('rungs behind the deadline are not shown, nor any once it is settled', () => {
  const deadlineMs = NOW + 500 * SECOND;
  const late = { rung: 2, dueMs: NOW + 42 * SECOND, deadlineMs };
  expect(plan({ ...late, deadlineSeconds: 500 })).toEqual([[3, 42]]);
  expect(plan({ status: 'delivered', dueMs: null })).toEqual([]);
});

test('a rung that no longer fits is shown as the last call that it becomes', () => {
  const late = { rung: 2, dueMs: NOW + 42 * SECOND, deadlineMs: NOW + 500 * SECOND };
  expect(plan(late)).toEqual([
    [3, 42],
    [4, 440],
  ]);
});
