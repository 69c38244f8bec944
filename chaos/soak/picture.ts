import type { Measure } from './measure.ts';

const COLUMNS = 3;
const [WIDTH, HEIGHT] = [420, 150];
/** Around the curve, for the words. */
const [LEFT, TOP, BOTTOM, RIGHT] = [12, 30, 20, 12];
const BLOCKS = '▁▂▃▄▅▆▇█';
const BLOCKS_A_LINE = 24;

/** All curves in one picture, each in a frame of its own from 0 to its highest value; broken ones in red. */
export function svgOf(title: string, measures: readonly Measure[], broken: ReadonlySet<string>) {
  const rows = Math.ceil(measures.length / COLUMNS);
  const frames = measures.map((measure, n) => {
    const [x, y] = [(n % COLUMNS) * WIDTH, Math.floor(n / COLUMNS) * HEIGHT + TOP];
    return `<g transform="translate(${x} ${y})">${frameOf(measure, broken.has(measure.name))}</g>`;
  });
  const [width, height] = [COLUMNS * WIDTH, rows * HEIGHT + TOP];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
<text x="${LEFT}" y="20" font-size="15">${escaped(title)}</text>
${frames.join('\n')}
</svg>
`;
}

function frameOf({ name, unit, points }: Measure, isBroken: boolean): string {
  const highest = highestOf(points);
  const lastS = points.at(-1)?.atS ?? 0;
  const [width, height] = [WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM];
  const curve = points.map(({ atS, value }) => {
    const x = LEFT + (width * atS) / (lastS || 1);
    const y = TOP + height * (1 - value / highest);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  const colour = isBroken ? '#c92a2a' : '#1864ab';
  return [
    `<rect x="${LEFT}" y="${TOP}" width="${width}" height="${height}" fill="#f8f9fa"/>`,
    `<line x1="${LEFT + width / 2}" x2="${LEFT + width / 2}" y1="${TOP}" y2="${TOP + height}" stroke="#ced4da"/>`,
    `<polyline points="${curve.join(' ')}" fill="none" stroke="${colour}" stroke-width="1.5"/>`,
    `<text x="${LEFT}" y="${TOP - 6}" fill="${colour}">${escaped(`${name}, up to ${highest.toFixed(1)} ${unit}`)}</text>`,
    `<text x="${LEFT + width}" y="${TOP + height + 14}" text-anchor="end">${(lastS / 60).toFixed(0)} min</text>`,
  ].join('');
}

/** The same in a line of a terminal. */
export function sparkline({ points }: Measure): string {
  const highest = highestOf(points);
  const each = points.length / BLOCKS_A_LINE;
  return Array.from({ length: Math.min(BLOCKS_A_LINE, points.length) }, (_, n) => {
    const value = points[Math.floor(n * Math.max(1, each))]?.value ?? 0;
    return BLOCKS[Math.min(BLOCKS.length - 1, Math.floor((value / highest) * BLOCKS.length))];
  }).join('');
}

/** Never 0, for it is divided by. */
function highestOf(points: Measure['points']): number {
  return points.reduce((most, { value }) => Math.max(most, value), 0) || 1;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
