import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide, type LadderPosition, type Verdict } from '../../../src/engine/rules/decide.ts';

const SECOND = 1000;
const NOW = Date.parse('2026-11-22T10:00:00.000Z');
const failure: Verdict = { kind: 'unknown', retryAfterMs: null };
const policy = { ladderSeconds: [0, 5, 10], deadlineSeconds: 60, jitter: 0, timeoutMs: 5_000 };
const standing: LadderPosition = {
  rung: 0,
  trigger: 'ladder',
  deadlineMs: NOW + 60 * SECOND,
  resumeMs: null,
};

const anyPolicy = fc.record({
  ladderSeconds: fc.array(fc.integer({ min: 0, max: 5000 }), { minLength: 1, maxLength: 64 }),
  deadlineSeconds: fc.integer({ min: 1, max: 100_000 }),
  jitter: fc.double({ min: 0, max: 1, noNaN: true }),
  timeoutMs: fc.integer({ min: 100, max: 60_000 }),
});
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const retryAfter = fc.option(fc.nat(200_000_000), { nil: null });

describe('after an attempt', () => {
  test('success delivers, whatever is left of the ladder', () => {
    expect(decide({ ...standing, rung: 2 }, policy, { kind: 'yes' }, NOW, 0)).toEqual({
      kind: 'settle',
      status: 'delivered',
      reason: null,
    });
  });

  test('a definite no ends it', () => {
    const no: Verdict = { kind: 'no', reason: 'gone' };
    expect(decide(standing, policy, no, NOW, 0)).toMatchObject({
      status: 'failed',
      reason: 'gone',
    });
  });

  test('“not yet” is asked again without a step down the ladder, but never past the deadline', () => {
    const later = (delayMs: number) => decide(standing, policy, { kind: 'later', delayMs }, NOW, 0);
    expect(later(7000)).toEqual({ kind: 'retry', rung: 0, delayMs: 7000 });
    expect(later(60_000)).toMatchObject({ kind: 'settle', reason: 'deadline_passed' });
  });

  test('what was heard gets its time before the ladder goes on', () => {
    const heard = (patienceMs: number, rung = 0) =>
      decide({ ...standing, rung }, policy, { kind: 'heard', patienceMs }, NOW, 0);
    expect(heard(1000)).toEqual({ kind: 'retry', rung: 1, delayMs: 5000 });
    expect(heard(7000)).toEqual({ kind: 'retry', rung: 1, delayMs: 7000 });
    // The end waits like any attempt, at a rung behind the last one, and never past the deadline.
    expect(heard(7000, 2)).toEqual({ kind: 'retry', rung: 3, delayMs: 7000 });
    expect(heard(70_000, 2)).toEqual({ kind: 'retry', rung: 3, delayMs: 60_000 });
    const resumed = { ...standing, resumeMs: NOW + 9000 };
    expect(decide(resumed, policy, { kind: 'heard', patienceMs: 1000 }, NOW, 0)).toEqual({
      kind: 'retry',
      rung: 0,
      delayMs: 9000,
    });
  });

  test('a failure waits for the next rung', () => {
    expect(decide(standing, policy, failure, NOW, 0)).toEqual({
      kind: 'retry',
      rung: 1,
      delayMs: 5000,
    });
  });

  test('the last rung spent: ladder_spent; rungs left, but none before the deadline: deadline_passed', () => {
    expect(decide({ ...standing, rung: 2 }, policy, failure, NOW, 0)).toMatchObject({
      reason: 'ladder_spent',
    });
    const late = { ...standing, deadlineMs: NOW + 2 * SECOND };
    expect(decide(late, policy, failure, NOW, 0)).toMatchObject({ reason: 'deadline_passed' });
  });

  test('an attempt by hand in between leaves the ladder where it was', () => {
    const byHand: LadderPosition = {
      ...standing,
      rung: 2,
      trigger: 'resend',
      resumeMs: NOW + 7 * SECOND,
    };
    expect(decide(byHand, policy, failure, NOW, 0)).toEqual({
      kind: 'retry',
      rung: 2,
      delayMs: 7000,
    });
    const overdue = { ...byHand, resumeMs: NOW - SECOND };
    expect(decide(overdue, policy, failure, NOW, 0)).toEqual({
      kind: 'retry',
      rung: 2,
      delayMs: 0,
    });
  });

  test('Retry-After lengthens, never shortens, and stops short of the deadline', () => {
    const asks = (retryAfterMs: number) =>
      decide(standing, policy, { ...failure, retryAfterMs }, NOW, 0);
    expect(asks(20_000)).toMatchObject({ delayMs: 20_000 });
    expect(asks(1_000)).toMatchObject({ delayMs: 5_000 });
    expect(asks(3_600_000)).toMatchObject({ delayMs: 40_000 });
  });

  test('a test is never repeated', () => {
    expect(decide({ ...standing, trigger: 'test' }, policy, failure, NOW, 0)).toMatchObject({
      kind: 'settle',
      status: 'failed',
    });
  });
});

describe('a whole cycle', () => {
  test('never attempts early, late or more often than the ladder is long', () => {
    fc.assert(
      fc.property(
        anyPolicy,
        fc.array(fc.tuple(random, retryAfter, fc.nat(20_000)), { minLength: 70, maxLength: 70 }),
        (rules, steps) => {
          const deadlineMs = NOW + rules.deadlineSeconds * SECOND;
          let nowMs = NOW + (rules.ladderSeconds[0] as number) * SECOND;
          let rung = 0;
          let attempts = 0;
          for (const [dice, retryAfterMs, tookMs] of steps) {
            if (nowMs >= deadlineMs) return;
            attempts += 1;
            nowMs += tookMs;
            const at: LadderPosition = { rung, trigger: 'ladder', deadlineMs, resumeMs: null };
            const decision = decide(at, rules, { ...failure, retryAfterMs }, nowMs, dice);
            if (decision.kind === 'settle') {
              expect(decision.status).toBe('failed');
              break;
            }
            const delayMs = (rules.ladderSeconds[rung + 1] as number) * SECOND;
            // What no longer fits is a last call, instead of all that were to come.
            const fits = nowMs + delayMs < deadlineMs;
            expect(decision.rung).toBeGreaterThanOrEqual(rung + 1);
            if (fits) expect(decision.rung).toBe(rung + 1);
            if (fits) expect(decision.delayMs).toBeGreaterThanOrEqual(delayMs);
            expect(nowMs + decision.delayMs).toBeLessThan(deadlineMs);
            rung = decision.rung;
            nowMs += decision.delayMs;
          }
          expect(attempts).toBeLessThanOrEqual(rules.ladderSeconds.length);
        },
      ),
    );
  });
});
