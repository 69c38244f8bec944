import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { plannedRungs, previewLadder, stepTo } from '../../../src/engine/rules/ladder.ts';

const SECOND = 1000;
const DAY = [
  0, 15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21300,
];

const rules = fc.record({
  ladderSeconds: fc.array(fc.integer({ min: 0, max: 100_000 }), { minLength: 1, maxLength: 64 }),
  deadlineSeconds: fc.integer({ min: 1, max: 2_592_000 }),
  jitter: fc.double({ min: 0, max: 1, noNaN: true }),
  timeoutMs: fc.integer({ min: 100, max: 60_000 }),
});
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

const left = fc.nat(3_000_000_000);
const many = <T>(each: fc.Arbitrary<T>) => fc.array(each, { minLength: 65, maxLength: 65 });
const nominalMsOf = (policy: { ladderSeconds: number[] }, rung: number) =>
  (policy.ladderSeconds[rung] ?? Number.POSITIVE_INFINITY) * SECOND;

describe('the step to a rung', () => {
  test('is never shorter than the ladder says, and longer by the jitter at most', () => {
    fc.assert(
      fc.property(rules, fc.nat(63), left, random, (policy, rung, leftMs, dice) => {
        const step = stepTo(policy, rung, leftMs, dice);
        const nominalMs = nominalMsOf(policy, rung);
        if (step === null || nominalMs >= leftMs) return;
        expect(step.rung).toBe(rung);
        expect(step.delayMs).toBeGreaterThanOrEqual(nominalMs);
        expect(step.delayMs).toBeLessThanOrEqual(nominalMs * (1 + policy.jitter));
      }),
    );
  });

  test('is longer by its share of the jitter, as far as there is slack', () => {
    const rules = {
      ladderSeconds: [0, 100, 100],
      jitter: 0.5,
      deadlineSeconds: 1000,
      timeoutMs: 3 * SECOND,
    };
    expect(stepTo(rules, 1, 1000 * SECOND, 0.5)?.delayMs).toBe(125 * SECOND);
    // 200 s of ladder are to come, with an attempt of 3 s between: of the slack of 10 s the last millisecond is not used.
    expect(stepTo(rules, 1, 213 * SECOND, 0.5)?.delayMs).toBe(110 * SECOND - 1);
  });

  test('ends before the deadline', () => {
    fc.assert(
      fc.property(rules, fc.nat(63), left, random, (policy, rung, leftMs, dice) => {
        expect(stepTo(policy, rung, leftMs, dice)?.delayMs ?? 0).toBeLessThan(Math.max(leftMs, 1));
      }),
    );
  });

  test('leads to a last call where a rung no longer fits that the plan had', () => {
    const rules = {
      ladderSeconds: [0, 8, 8, 8, 7],
      jitter: 0.3,
      deadlineSeconds: 34,
      timeoutMs: 2 * SECOND,
    };
    expect(stepTo(rules, 4, 6 * SECOND, 0.9)).toEqual({ rung: 4, delayMs: 4 * SECOND });
    // Half of the ladder was lost to an outage: one call stands for the rest.
    expect(stepTo(rules, 2, 6 * SECOND, 0.9)).toEqual({ rung: 4, delayMs: 4 * SECOND });
    expect(stepTo(rules, 4, 2 * SECOND, 0.9)).toBeNull();
    expect(stepTo({ ...rules, deadlineSeconds: 31 }, 4, 6 * SECOND, 0.9)).toBeNull();
  });

  test('loses no rung that could be made: neither to jitter nor to the time of the attempts', () => {
    fc.assert(
      fc.property(rules, many(random), many(random), (policy, dice, durations) => {
        const made = (throwDice: (rung: number) => number) => {
          let leftMs = policy.deadlineSeconds * SECOND;
          let attempts = 0;
          for (let rung = 0; ; rung += 1) {
            const step = stepTo(policy, rung, leftMs, throwDice(rung));
            if (step === null) return { attempts, leftMs, isLast: rung >= plannedRungs(policy) };
            attempts += 1;
            rung = step.rung;
            leftMs -= step.delayMs + Math.floor((durations[attempts] ?? 0) * policy.timeoutMs);
          }
        };
        const jittered = made((rung) => dice[rung] ?? 0);
        expect(jittered.attempts).toBeGreaterThanOrEqual(made(() => 0).attempts);
        // What was planned and is not made had no two seconds left.
        if (!jittered.isLast) expect(jittered.leftMs).toBeLessThanOrEqual(2 * SECOND);
      }),
    );
  });

  test('makes all sixteen attempts of a day, though each takes all of its time', () => {
    const policy = { ladderSeconds: DAY, deadlineSeconds: 86_400, jitter: 0.1, timeoutMs: 15_000 };
    let leftMs = policy.deadlineSeconds * SECOND;
    let attempts = 0;
    for (let step = stepTo(policy, 0, leftMs, 0.99); step !== null; ) {
      attempts += 1;
      leftMs -= step.delayMs + policy.timeoutMs;
      step = stepTo(policy, step.rung + 1, leftMs, 0.99);
    }
    expect(attempts).toBe(16);
  });
});

describe('the plan of a ladder', () => {
  const FROM = Date.parse('2026-11-22T10:00:00.000Z');

  test('a day of repeats: every rung, cumulative, the last one within the day', () => {
    const plan = previewLadder(
      { ladderSeconds: DAY, deadlineSeconds: 86_400, jitter: 0.1, timeoutMs: 2_000 },
      FROM,
    );
    expect(plan).toHaveLength(DAY.length);
    expect(plan[0]).toEqual({ attempt: 1, delaySeconds: 0, atMs: FROM, latestMs: FROM });
    expect((plan.at(-1)?.atMs as number) - FROM).toBe(86_340 * SECOND);
    expect((plan.at(-1)?.latestMs as number) - FROM).toBeLessThan(86_400 * SECOND);
  });

  test('WeChat Pay’s 24 h 4 min lose their last rung to a deadline of 24 h', () => {
    const wechat = [
      0, 15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600,
    ];
    const plan = previewLadder(
      { ladderSeconds: wechat, deadlineSeconds: 86_400, jitter: 0, timeoutMs: 2_000 },
      FROM,
    );
    expect(plan).toHaveLength(wechat.length - 1);
  });

  test('times only grow, and no attempt is planned at or behind the deadline', () => {
    fc.assert(
      fc.property(rules, (policy) => {
        let beforeMs = FROM;
        for (const { atMs, latestMs } of previewLadder(policy, FROM)) {
          expect(atMs).toBeGreaterThanOrEqual(beforeMs);
          expect(latestMs).toBeGreaterThanOrEqual(atMs);
          expect(latestMs).toBeLessThan(FROM + policy.deadlineSeconds * SECOND);
          beforeMs = atMs;
        }
      }),
    );
  });
});
