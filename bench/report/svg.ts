/** A group of bars beside each other, such as "intake alone". */
export interface BarGroup {
  name: string;
  bars: { name: string; value: number }[];
}

/** A line; points are [x, y]. */
export interface Line {
  name: string;
  points: [number, number][];
}

const WIDTH = 720;
const LABEL = 230;
const VALUE = 90;
const BAR = 16;
const GAP = 6;
const GROUP = 30;
const TOP = 44;
/** Readable on white and on GitHub's dark grey alike; the background is the page's. */
const TEXT = '#7d8590';
const FAINT = '#7d859055';
const TONES = ['#8b949e', '#388bfd', '#e0703c', '#3fb950', '#a371f7', '#d29922'];

/** Horizontal bars in groups. A name has the same tone in every group, in the order of appearance. */
export function barChart(title: string, groups: readonly BarGroup[], unit: string): string {
  const largest = Math.max(...groups.flatMap(({ bars }) => bars.map(({ value }) => value)), 0);
  const names = [...new Set(groups.flatMap(({ bars }) => bars.map(({ name }) => name)))];
  const room = WIDTH - LABEL - VALUE;
  const parts: string[] = [];
  let y = TOP;
  for (const { name, bars } of groups) {
    parts.push(text(0, y + 12, name, { weight: 600 }));
    y += 22;
    for (const bar of bars) {
      const width = largest === 0 ? 0 : (bar.value / largest) * room;
      parts.push(
        text(LABEL - 10, y + 12, bar.name, { anchor: 'end' }),
        `<rect x="${LABEL}" y="${y}" width="${round(Math.max(1, width))}" height="${BAR}" rx="2" fill="${toneOf(names, bar.name)}"/>`,
        text(LABEL + width + 8, y + 12, `${readable(bar.value)} ${unit}`),
      );
      y += BAR + GAP;
    }
    y += GROUP - GAP;
  }
  return document(title, y - GROUP + GAP + 8, parts);
}

/** Lines over time, from 0, each named at its end. */
export function lineChart(
  title: string,
  lines: readonly Line[],
  axes: { x: string; y: string },
): string {
  const height = 260;
  const right = WIDTH - 250;
  const left = 60;
  const top = TOP + 14;
  const points = lines.flatMap((line) => line.points);
  const most = {
    x: Math.max(...points.map(([x]) => x), 1),
    y: Math.max(...points.map(([, y]) => y), 1),
  };
  const at = ([x, y]: [number, number]) =>
    `${round(left + (x / most.x) * (right - left))},${round(top + height - (y / most.y) * height)}`;
  const parts = [
    `<path d="M${left} ${top}V${top + height}H${right}" fill="none" stroke="${FAINT}"/>`,
    text(left - 8, top + 10, readable(most.y), { anchor: 'end' }),
    text(left - 8, top + height, '0', { anchor: 'end' }),
    text(right, top + height + 18, `${readable(most.x)} ${axes.x}`, { anchor: 'end' }),
    text(left, top - 10, axes.y),
  ];
  for (const [index, { name, points: own }] of lines.entries()) {
    const tone = TONES[(index + 1) % TONES.length];
    const path = [[0, 0] as [number, number], ...own].map(at).join(' ');
    parts.push(`<polyline points="${path}" fill="none" stroke="${tone}" stroke-width="2"/>`);
    parts.push(
      `<rect x="${right + 16}" y="${top + index * 22}" width="10" height="10" fill="${tone}"/>`,
      text(right + 32, top + index * 22 + 10, name),
    );
  }
  return document(title, top + height + 30, parts);
}

function document(title: string, height: number, parts: string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" font-family="system-ui, sans-serif" font-size="12">`,
    `<title>${escaped(title)}</title>`,
    text(0, 18, title, { weight: 600, size: 14 }),
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function text(
  x: number,
  y: number,
  content: string,
  { anchor = 'start', weight = 400, size = 12 } = {},
): string {
  return `<text x="${round(x)}" y="${round(y)}" fill="${TEXT}" text-anchor="${anchor}" font-weight="${weight}" font-size="${size}">${escaped(content)}</text>`;
}

function toneOf(names: readonly string[], name: string): string {
  return TONES[names.indexOf(name) % TONES.length] ?? TEXT;
}

const round = (value: number) => Math.round(value * 10) / 10;

/** Three digits that matter are enough for a picture. */
export function readable(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(value < 10 ? 1 : 0);
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
