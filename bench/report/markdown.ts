import { FLOOR, figureOf, type Phase, type Results } from '../run/figures.ts';
import type { Kind } from '../run/options.ts';
import { COST_OF_GROWING, type Goal, goalsOf } from './goals.ts';
import { postridersOf, ratiosOf } from './ratios.ts';
import { readable } from './svg.ts';

const BEGIN = '<!-- bench:begin -->';
const END = '<!-- bench:end -->';

/** @throws Error when the text has not exactly one place for it */
export function replaceSection(text: string, section: string): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin || text.indexOf(BEGIN, begin + 1) >= 0) {
    throw new Error(`The text needs one ${BEGIN} and, behind it, one ${END}.`);
  }
  return `${text.slice(0, begin + BEGIN.length)}\n${section.trim()}\n${text.slice(end)}`;
}

/**
 * The section: what it was measured on, ratios, pictures, figures, goals.
 *
 * @param pictures path → title
 * @param grown another run, on tables of several sizes: its figures, and what growing costs
 */
export function sectionOf(
  results: Results,
  pictures: ReadonlyMap<string, string>,
  grown: Results | null = null,
): string {
  const ratios = ratiosOf(results).map((each) => ({ ...each, cell: each.ratio }));
  return [
    provenance(results),
    crossTable('ratio', ratios),
    ...[...pictures].map(([path, title]) => `![${title}](${path})`),
    ...figureTables(results),
    crossTable('goal', goalCells(goalsOf(results))),
    ...(grown === null ? [] : grownParts(grown)),
  ]
    .filter((each) => each !== '')
    .join('\n\n');
}

function grownParts(grown: Results): string[] {
  const goals = goalsOf(grown).filter(({ what }) => what.startsWith(COST_OF_GROWING));
  return [
    `With more rows, in a run of its own. ${provenance(grown)}`,
    ...figureTables(grown),
    crossTable('goal', goalCells(goals)),
  ];
}

function goalCells(goals: readonly Goal[]) {
  return goals.map((each) => ({
    ...each,
    what: `${each.what} ${each.goal}`,
    cell: `${each.value} ${each.met ? '✓' : '✗'}`,
  }));
}

/** Subject and kind → what to show; columns that nobody has are left out. */
const COLUMNS: readonly [head: string, kind: Kind, figure: string][] = [
  ['intake /s', 'intake', 'perSecond'],
  ['in batches /s', 'batch', 'perSecond'],
  ['delivery /s', 'deliver', 'perSecond'],
  ['both at once, in /s', 'both', 'acceptedPerSecond'],
  ['out /s', 'both', 'donePerSecond'],
  ['CPU ms each', 'both', 'cpuMsEach'],
];

const MORE_COLUMNS: readonly [head: string, kind: Kind, figure: string][] = [
  ['half load /s', 'latency', 'pacePerSecond'],
  ['accepted → arrived p50 ms', 'latency', 'acceptedP50Ms'],
  ['p95', 'latency', 'acceptedP95Ms'],
  ['p99', 'latency', 'acceptedP99Ms'],
  ['late rung p50 ms', 'rungs', 'lateP50Ms'],
  ['p99', 'rungs', 'lateP99Ms'],
  ['drain /s', 'drain', 'perSecond'],
  ['memory MB', 'drain', 'rssMb'],
  ['transactions /s', 'tcc', 'perSecond'],
  ['messages /s', 'messages', 'perSecond'],
];

function figureTables({ phases }: Results): string[] {
  const subjects = [...new Set(phases.map(({ subject }) => subject))];
  return [COLUMNS, MORE_COLUMNS].map((columns) => {
    const shown = columns.filter(([, kind]) => phases.some((phase) => phase.kind === kind));
    const rows = subjects
      .map((subject) => [
        subject,
        ...shown.map(([, kind, figure]) => {
          const value = figureOf(phases, kind, subject, figure);
          return value === undefined ? '' : readable(value);
        }),
      ])
      .filter(([, ...cells]) => cells.some((cell) => cell !== ''));
    return table(['', ...shown.map(([head]) => head)], rows);
  });
}

/** Without this no figure means anything. */
function provenance({ date, machine, versions, options, phases }: Results): string {
  const { cpu, cores, memoryGb, system } = machine;
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return (
    `Measured on ${date.slice(0, 10)} on ${cores} cores (${cpu}, ${memoryGb} GB, ${system}) that load, ` +
    `receivers, PostgreSQL and Redis share with what is measured; ${names.join(', ')}. ` +
    `Phases of ${options.seconds} s, ${options.rounds} rounds in turns, medians. ${noise(phases)} ` +
    'Between runs and machines only the ratios can be compared.'
  );
}

function noise(phases: readonly Phase[]): string {
  const others = phases.flatMap(({ use }) => use.otherCores ?? []);
  if (others.length === 0) return '';
  const mean = others.reduce((sum, each) => sum + each, 0) / others.length;
  return `Meanwhile other programs kept ${mean.toFixed(2)} cores busy (at most ${Math.max(...others).toFixed(2)}).`;
}

/** A row for each `what`, a column for each subject. */
function crossTable(
  corner: string,
  cells: readonly { what: string; subject: string; cell: string }[],
): string {
  const subjects = [...new Set(cells.map(({ subject }) => subject))];
  const rows = [...new Set(cells.map(({ what }) => what))].map((what) => [
    what,
    ...subjects.map(
      (subject) => cells.find((one) => one.what === what && one.subject === subject)?.cell ?? '',
    ),
  ]);
  return table([corner, ...subjects], rows);
}

function table(head: string[], rows: string[][]): string {
  if (rows.length === 0) return '';
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Gateways beside the floor, as the pictures show them. */
export function pictured(results: Results): string[] {
  return [FLOOR, ...postridersOf(results)];
}
