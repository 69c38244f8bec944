/** One line of the table at the end. */
export interface Figures {
  scenario: string;
  backend: string;
  accepted: number;
  delivered: number;
  attempts: number;
  unknown: number;
  /** Timeouts and broken connections: their receivers may have said yes unheard. */
  unanswered: number;
  duplicates: number;
  /** How often something was killed, stopped, flushed or restarted. */
  faults: number;
  /** From the end of a fault until nothing that was due by then still waits, s; the longest. */
  resumeS: number | null;
  /** Calls of the clients that were told yes at once, of all of them. */
  intakePercent: number | null;
  p99Ms: number | null;
  /** What does not hold; empty: everything does. */
  broken: string[];
}

/** So long after a fault nothing may wait any more that was due at its end, s. */
const RESUME_S = 10;

const COLUMNS: [string, (row: Figures) => string][] = [
  ['scenario', (row) => row.scenario],
  ['timers', (row) => row.backend],
  ['accepted', (row) => String(row.accepted)],
  ['delivered', (row) => String(row.delivered)],
  ['attempts', (row) => String(row.attempts)],
  ['unknown', (row) => String(row.unknown)],
  ['timeouts', (row) => String(row.unanswered)],
  ['duplicates', (row) => String(row.duplicates)],
  ['faults', (row) => String(row.faults)],
  ['resume s', (row) => row.resumeS?.toFixed(1) ?? '–'],
  ['intake %', (row) => row.intakePercent?.toFixed(2) ?? '–'],
  ['p99 ms', (row) => row.p99Ms?.toFixed(0) ?? '–'],
  ['verdict', (row) => (row.broken.length === 0 ? 'holds' : 'BROKEN')],
];

/** As Markdown: it is read in a terminal and pasted into the docs. */
export function table(rows: readonly Figures[]): string {
  const cells = rows.map((row) => COLUMNS.map(([, of]) => of(row)));
  const widths = COLUMNS.map(([name], column) =>
    Math.max(name.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const isText = (column: number) => column < 2 || column === COLUMNS.length - 1;
  const line = (row: string[]) =>
    `| ${row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return isText(column) ? cell.padEnd(width) : cell.padStart(width);
      })
      .join(' | ')} |`;
  const rule = `|${widths.map((width, column) => (isText(column) ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(COLUMNS.map(([name]) => name)), rule, ...cells.map(line)].join('\n');
}

/** @param share 0..1; NaN without values */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function withResumeLimit(figures: Figures): Figures {
  const { resumeS, broken } = figures;
  if (resumeS === null || resumeS <= RESUME_S) return figures;
  return { ...figures, broken: [...broken, `delivery resumed after ${resumeS.toFixed(1)} s`] };
}
