import { expect, test } from 'vitest';
import { goalsOf } from '../../bench/report/goals.ts';
import { replaceSection, sectionOf } from '../../bench/report/markdown.ts';
import { picturesOf } from '../../bench/report/pictures.ts';
import { ratiosOf } from '../../bench/report/ratios.ts';
import { barChart } from '../../bench/report/svg.ts';
import {
  BARE_LOOP,
  FLOOR,
  figureOf,
  type Phase,
  postriderName,
  quotientOf,
  type Results,
} from '../../bench/run/figures.ts';
import type { Kind } from '../../bench/run/options.ts';
import { topFunctions } from '../../bench/run/profile.ts';
import { nearestRank, percentile } from '../../bench/support.ts';

const SMALL = postriderName('redis', 10_000);
const LARGE = postriderName('redis', 1_000_000);

const phase = (kind: Kind, subject: string, figures: Record<string, number>, round = 1): Phase => ({
  kind,
  subject,
  round,
  figures,
  use: { cores: { subject: 0.5 }, otherCores: 0.25, load1: 1, rssMb: 100 },
});

const results: Results = {
  date: '2026-11-22T12:00:00.000Z',
  machine: { cpu: 'a CPU', cores: 2, memoryGb: 8, system: 'Linux 6' },
  versions: { postrider: '1.2.3', node: '20.20.2' },
  options: { seconds: 10, rounds: 2, rows: [10_000, 1_000_000], due: 1000 },
  phases: [
    phase('both', FLOOR, { perSecond: 100, cpuMsEach: 4 }),
    phase('both', SMALL, { perSecond: 1100, cpuMsEach: 1 }),
    phase('both', LARGE, { perSecond: 900, cpuMsEach: 1.3 }),
    phase('deliver', BARE_LOOP, { perSecond: 4000 }),
    phase('deliver', SMALL, { perSecond: 2500 }),
    phase('latency', SMALL, { acceptedP50Ms: 4, acceptedP95Ms: 9, acceptedP99Ms: 26 }),
    { ...phase('drain', SMALL, { perSecond: 500, seconds: 1.5 }), timeline: [600, 1000] },
  ],
};

test('percentiles are values that were measured, whatever their order', () => {
  const values = [5, 1, 4, 2, 3];
  expect([0, 0.5, 0.8, 0.99, 1].map((share) => percentile(values, share))).toEqual([1, 3, 5, 5, 5]);
  expect(nearestRank(Float64Array.of(1, 2), 0.5)).toBe(2);
  expect(percentile([], 0.5)).toBeNaN();
  expect(percentile([1, Number.POSITIVE_INFINITY], 0.99)).toBe(Number.POSITIVE_INFINITY);
});

test('a figure is the median of its rounds; a ratio that of the ratios within them', () => {
  const floor = [90, 130, 110].map((perSecond, n) => phase('both', FLOOR, { perSecond }, n + 1));
  expect(figureOf(floor, 'both', FLOOR, 'perSecond')).toBe(110);
  expect(figureOf(floor.slice(1), 'both', FLOOR, 'perSecond')).toBe(120);
  expect(figureOf(results.phases, 'both', FLOOR, 'unheard')).toBeUndefined();
  // A busy second round: both are slower, and the ratio is not.
  const rounds = [
    phase('both', FLOOR, { perSecond: 100 }),
    phase('both', SMALL, { perSecond: 1000 }),
    phase('both', FLOOR, { perSecond: 10 }, 2),
    phase('both', SMALL, { perSecond: 120 }, 2),
    phase('both', SMALL, { perSecond: 999 }, 3),
  ];
  const [one, other] = [SMALL, FLOOR].map((subject) => ({ kind: 'both' as const, subject }));
  expect(quotientOf(rounds, 'perSecond', one!, other!)).toBe(11);
  expect(quotientOf([], 'perSecond', one!, other!)).toBeUndefined();
});

test('ratios are made only of what one run measured', () => {
  expect(ratiosOf(results).map(({ subject, what, ratio }) => [subject, what, ratio])).toEqual([
    [SMALL, 'intake and delivery at once, to the floor', '11.0 ×'],
    [SMALL, 'CPU for a notification, to the floor', '25 %'],
    [SMALL, 'delivery alone, to the bare loop', '63 %'],
    [LARGE, 'intake and delivery at once, to the floor', '9.00 ×'],
    [LARGE, 'CPU for a notification, to the floor', '33 %'],
  ]);
});

test('goals say whether they were met', () => {
  const met = goalsOf(results).map(({ subject, what, met }) => [subject, what, met]);
  expect(met).toEqual([
    [SMALL, 'intake and delivery at once', true],
    [SMALL, 'delivery', true],
    [SMALL, 'accepted to arrived at half load, p99', false],
    [SMALL, 'many due at once', false],
    [LARGE, 'intake and delivery at once', false],
    [LARGE, `CPU per notification, to ${SMALL}`, false],
  ]);
});

test('the section names machine, versions, date and noise, and shows what was measured', () => {
  const section = sectionOf(results, new Map([['docs/images/a.svg', 'A picture']]));
  for (const said of [
    '2026-11-22',
    'a CPU',
    'node 20.20.2',
    '0.25 cores busy',
    '11.0 ×',
    '26 ms ✗',
  ])
    expect(section).toContain(said);
  expect(section).toContain('![A picture](docs/images/a.svg)');
  expect(section).toContain(`| ${BARE_LOOP} | 4,000 |`);
  expect(section).not.toContain('transactions /s');
});

test('the README is changed between the marks and nowhere else, however often', () => {
  const readme = 'before\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nafter\n';
  const once = replaceSection(readme, 'new $& text\n');
  expect(once).toBe('before\n<!-- bench:begin -->\nnew $& text\n<!-- bench:end -->\nafter\n');
  expect(replaceSection(once, 'new $& text')).toBe(once);
  expect(() => replaceSection('no marks', 'x')).toThrow('bench:begin');
  expect(() => replaceSection('<!-- bench:end --><!-- bench:begin -->', 'x')).toThrow('bench:end');
});

test('bars are as long as their values, and names are escaped', () => {
  const svg = barChart(
    'a < b',
    [
      {
        name: 'group',
        bars: [
          { name: 'one & two', value: 200 },
          { name: 'half', value: 100 },
        ],
      },
    ],
    '/s',
  );
  const widths = [...svg.matchAll(/<rect [^>]*width="([\d.]+)"/g)].map(([, width]) =>
    Number(width),
  );
  expect(widths[0]).toBeGreaterThan(300);
  expect(widths[1]).toBe((widths[0] as number) / 2);
  expect(svg).toContain('<title>a &lt; b</title>');
  expect(svg).toContain('one &amp; two');
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
});

test('there is a picture for each thing measured, and none for what was not', () => {
  const pictures = picturesOf(results);
  expect([...pictures.keys()]).toEqual([
    'bench-throughput.svg',
    'bench-latency.svg',
    'bench-drain.svg',
  ]);
  for (const { svg } of pictures.values()) expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  expect(picturesOf({ ...results, phases: [] }).size).toBe(0);
});

test('a profile names where time was spent, and leaves out where it was waited', () => {
  const node = (id: number, functionName: string, url = '') => ({
    id,
    callFrame: { functionName, url, lineNumber: 9 },
  });
  const lines = topFunctions({
    nodes: [
      node(1, '(idle)'),
      node(2, 'claim', 'file:///somewhere/dist/delivery/claim.js'),
      node(3, '', 'file:///somewhere/node_modules/pg/lib/client.js'),
    ],
    samples: [1, 2, 3, 2],
    timeDeltas: [9_000_000, 2000, 1000, 1000],
  });
  expect(lines.map((line) => line.trim())).toEqual([
    '75.0 %  3 ms  claim  dist/delivery/claim.js:10',
    '25.0 %  1 ms  (anonymous)  pg/lib/client.js:10',
  ]);
});
