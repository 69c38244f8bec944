import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { delayBeforeRung, previewLadder } from '../../src/delivery/ladder.ts';

const SECOND = 1000;
const DAY = [
  0, 15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21300,
];

const rules = fc.record({
  ladderSeconds: fc.array(fc.integer({ min: 0, max: 100_000 }), { minLength: 1, maxLength: 64 }),
  deadlineSeconds: fc.integer({ min: 1, max: 2_592_000 }),
  jitter: fc.double({ min: 0, max: 1, noNaN: true }),
});
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('the delay before a rung', () => {
  test('is never shorter than the ladder says, and longer by the jitter at most', () => {
    fc.assert(
      fc.property(
        rules,
        fc.nat(63),
        fc.nat(3_000_000_000),
        random,
        (policy, rung, leftMs, dice) => {
          const delayMs = delayBeforeRung(policy, rung, leftMs, dice);
          if (delayMs === null) return;
          const nominalMs = (policy.ladderSeconds[rung] as number) * SECOND;
          expect(delayMs).toBeGreaterThanOrEqual(nominalMs);
          expect(delayMs).toBeLessThanOrEqual(nominalMs * (1 + policy.jitter));
        },
      ),
    );
  });

  test('is longer by its share of the jitter, as far as there is slack', () => {
    const rules = { ladderSeconds: [0, 100, 100], jitter: 0.5 };
    expect(delayBeforeRung(rules, 1, 1000 * SECOND, 0.5)).toBe(125 * SECOND);
    // 200 s of ladder are to come: of the slack of 10 s the last millisecond is not used.
    expect(delayBeforeRung(rules, 1, 210 * SECOND, 0.5)).toBe(110 * SECOND - 1);
  });

  test('always ends before the deadline, and is null only where it could not', () => {
    fc.assert(
      fc.property(
        rules,
        fc.nat(63),
        fc.nat(3_000_000_000),
        random,
        (policy, rung, leftMs, dice) => {
          const delayMs = delayBeforeRung(policy, rung, leftMs, dice);
          const nominalMs = (policy.ladderSeconds[rung] ?? Number.POSITIVE_INFINITY) * SECOND;
          expect(delayMs === null).toBe(nominalMs >= leftMs);
          if (delayMs !== null) expect(delayMs).toBeLessThan(leftMs);
        },
      ),
    );
  });

  test('jitter never costs a rung that would have been reached without it', () => {
    fc.assert(
      fc.property(rules, fc.array(random, { minLength: 64, maxLength: 64 }), (policy, dice) => {
        const reached = (throwDice: (rung: number) => number) => {
          let leftMs = policy.deadlineSeconds * SECOND;
          let rung = 0;
          for (; ; rung += 1) {
            const delayMs = delayBeforeRung(policy, rung, leftMs, throwDice(rung));
            if (delayMs === null) return rung;
            leftMs -= delayMs;
          }
        };
        expect(reached((rung) => dice[rung] ?? 0)).toBe(reached(() => 0));
      }),
    );
  });
});

describe('the plan of a ladder', () => {
  const FROM = Date.parse('2026-11-22T10:00:00.000Z');

  test('a day of repeats: every rung, cumulative, the last one within the day', () => {
    const plan = previewLadder({ ladderSeconds: DAY, deadlineSeconds: 86_400, jitter: 0.1 }, FROM);
    expect(plan).toHaveLength(DAY.length);
    expect(plan[0]).toEqual({ attempt: 1, delaySeconds: 0, atMs: FROM, latestMs: FROM });
    expect((plan.at(-1)?.atMs as number) - FROM).toBe(86_340 * SECOND);
    expect((plan.at(-1)?.latestMs as number) - FROM).toBeLessThan(86_400 * SECOND);
  });

  test('WeChat Pay’s 24 h 4 min lose their last rung to a deadline of 24 h', () => {
    const wechat = [
      0, 15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600,
    ];
    const plan = previewLadder({ ladderSeconds: wechat, deadlineSeconds: 86_400, jitter: 0 }, FROM);
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
