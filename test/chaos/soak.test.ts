import { describe, expect, test } from 'vitest';
import { judge, type Limit, type Measure } from '../../chaos/soak/measure.ts';
import { svgOf } from '../../chaos/soak/picture.ts';
import { quantileBetween } from '../../chaos/soak/process-measures.ts';

const EVERY_S = 10;
const LIMIT: Limit = { share: 0.1, by: 10, most: 500 };

/** Ten minutes of a value. */
function measured(valueAt: (atS: number) => number): Measure {
  const points = Array.from({ length: 61 }, (_, n) => ({
    atS: n * EVERY_S,
    value: valueAt(n * EVERY_S),
  }));
  return { name: 'memory', unit: 'MiB', points, limit: LIMIT };
}

/** Between -1 and 1, without any order. */
const noise = (atS: number) => Math.sin(atS * atS);

describe('the verdict of a soak', () => {
  test('what fills up in the first half and then stays holds', () => {
    const { broken, middle } = judge(measured((atS) => Math.min(200, 100 + atS) + 20 * noise(atS)));
    expect(broken).toBeNull();
    expect(middle).toBeGreaterThan(180);
    expect(middle).toBeLessThan(220);
  });

  test('what goes on growing is broken, however much it swings', () => {
    const { broken, perHour } = judge(measured((atS) => 200 + atS / 5 + 20 * noise(atS)));
    expect(broken).toMatch(/^memory rises by [56]\d\.\d MiB in the second half, over 2\d\.\d$/);
    expect(perHour).toBeGreaterThan(600);
    expect(perHour).toBeLessThan(840);
  });

  test('a few wild points are no slope', () => {
    const wild = measured((atS) => (atS > 560 ? 400 : 200));
    expect(judge(wild).broken).toBeNull();
  });

  test('of what swings, only what it falls back to counts', () => {
    const floor = (valueAt: (atS: number) => number) => {
      const measure = measured(valueAt);
      return judge({ ...measure, limit: { share: 0.1, by: 10, floor: true } });
    };
    const swing = (atS: number) => ((atS % 90) * atS) / 300;
    expect(judge(measured((atS) => 200 + swing(atS))).broken).toContain('memory rises by');
    expect(floor((atS) => 200 + swing(atS)).broken).toBeNull();
    expect(floor((atS) => 200 + atS / 5 + swing(atS)).broken).toContain('memory rises by');
  });

  test('one point above the most that is allowed is broken', () => {
    expect(judge(measured((atS) => (atS === 450 ? 501 : 200))).broken).toBe(
      'memory goes up to 501.0 MiB, over 500',
    );
  });

  test('too few points are no verdict in favour', () => {
    const few = { ...measured(() => 1), points: [{ atS: 0, value: 1 }] };
    expect(judge(few).broken).toContain('too few to judge');
  });

  test('what has no limit is only shown', () => {
    expect(judge({ ...measured((atS) => atS), limit: null })).toMatchObject({
      broken: null,
      perHour: 3600,
    });
  });
});

test('a quantile is of what came between two looks, in all processes together', () => {
  const look = (...counts: number[]) =>
    new Map([0.1, 1, Number.POSITIVE_INFINITY].map((bound, n) => [bound, counts[n] ?? 0]));
  const [before, after] = [
    [look(500, 500, 500), look(0, 0, 0)],
    [look(550, 550, 550), look(0, 50, 50)],
  ];
  expect(quantileBetween(before, after, 0.5)).toBeCloseTo(0.1);
  expect(quantileBetween(before, after, 0.75)).toBeCloseTo(0.55);
  expect(quantileBetween(after, after, 0.99)).toBeNaN();
});

test('the picture has a frame for each measure, and words of any kind in it', () => {
  const svg = svgOf('a < b', [measured((atS) => atS)], new Set(['memory']));
  expect(svg).toContain('a &lt; b');
  expect(svg.match(/<polyline/g)).toHaveLength(1);
  expect(svg).not.toContain('NaN');
});
