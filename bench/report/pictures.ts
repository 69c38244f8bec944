import { figureOf, type Results } from '../run/figures.ts';
import type { Kind } from '../run/options.ts';
import { pictured } from './markdown.ts';
import { type BarGroup, barChart, lineChart } from './svg.ts';

/** A picture and what it shows. */
interface Picture {
  title: string;
  svg: string;
}

/** Pictures of what was measured, by file name; what was not is left out. */
export function picturesOf(results: Results): Map<string, Picture> {
  const pictures = new Map<string, Picture>();
  const throughput = groupsOf(results, [
    ['intake and delivery at once', 'both', 'perSecond'],
    ['intake alone', 'intake', 'perSecond'],
    ['intake in batches of 100', 'batch', 'perSecond'],
    ['delivery alone', 'deliver', 'perSecond'],
  ]);
  if (throughput.length > 0) {
    const title = 'Notifications per second';
    pictures.set('bench-throughput.svg', { title, svg: barChart(title, throughput, '/s') });
  }
  const latency = groupsOf(results, [
    ['p50', 'latency', 'acceptedP50Ms'],
    ['p95', 'latency', 'acceptedP95Ms'],
    ['p99', 'latency', 'acceptedP99Ms'],
  ]);
  if (latency.length > 0) {
    const title = 'From acceptance to arrival, each at half of its own load';
    pictures.set('bench-latency.svg', { title, svg: barChart(title, latency, 'ms') });
  }
  const drains = results.phases.flatMap(({ subject, timeline, figures }) =>
    timeline === undefined
      ? []
      : [
          {
            name: subject,
            // The last look came some time after the last arrival.
            points: timeline.map((count, index): [number, number] => [
              Math.min(index + 1, figures.seconds ?? index + 1),
              count,
            ]),
          },
        ],
  );
  if (drains.length > 0) {
    const title = `${results.options.due.toLocaleString('en-US')} due at once`;
    pictures.set('bench-drain.svg', {
      title,
      svg: lineChart(title, drains, { x: 's', y: 'delivered' }),
    });
  }
  return pictures;
}

function groupsOf(
  results: Results,
  wanted: readonly [name: string, kind: Kind, figure: string][],
): BarGroup[] {
  return wanted.flatMap(([name, kind, figure]) => {
    const bars = pictured(results).flatMap((subject) => {
      const value = figureOf(results.phases, kind, subject, figure);
      return value === undefined ? [] : [{ name: subject, value }];
    });
    return bars.length > 0 ? [{ name, bars }] : [];
  });
}
