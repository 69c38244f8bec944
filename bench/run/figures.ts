import type { Use } from './machine.ts';
import type { Kind } from './options.ts';

/** One phase of one subject, as it is written down. */
export interface Phase {
  kind: Kind;
  subject: string;
  round: number;
  /** Names end in their unit. */
  figures: Record<string, number>;
  use: Use;
  /** Deliveries so far, once a second from the release on; only of a drain. */
  timeline?: number[];
}

/** A whole run. */
export interface Results {
  date: string;
  machine: { cpu: string; cores: number; memoryGb: number; system: string };
  versions: Record<string, string>;
  options: { seconds: number; rounds: number; rows: readonly number[]; due: number };
  phases: Phase[];
}

export const FLOOR = 'floor';
export const HTTP_ALONE = 'limit: HTTP alone';
export const BARE_SQL = 'limit: bare SQL inserts';
export const BARE_LOOP = 'limit: bare undici loop';
export const BY_HAND = 'limit: by hand';

/** `postrider, redis, 10,000 rows` */
export function postriderName(backend: string, rows: number): string {
  return `postrider, ${backend}, ${rows.toLocaleString('en-US')} rows`;
}

/** The median of a figure over the rounds; undefined: never measured. */
export function figureOf(
  phases: readonly Phase[],
  kind: Kind,
  subject: string,
  name: string,
): number | undefined {
  return medianOf([...roundsOf(phases, kind, subject, name).values()]);
}

/** A kind of phase of a subject. */
export interface Measured {
  kind: Kind;
  subject: string;
}

/**
 * How often the second goes into the first: the median of the rounds' own quotients, because what
 * was measured within a minute met the same machine. Undefined where no round has both.
 */
export function quotientOf(
  phases: readonly Phase[],
  name: string,
  one: Measured,
  other: Measured,
): number | undefined {
  const divisors = roundsOf(phases, other.kind, other.subject, name);
  return medianOf(
    [...roundsOf(phases, one.kind, one.subject, name)].flatMap(([round, value]) => {
      const divisor = divisors.get(round) ?? 0;
      return divisor === 0 ? [] : [value / divisor];
    }),
  );
}

function roundsOf(
  phases: readonly Phase[],
  kind: Kind,
  subject: string,
  name: string,
): Map<number, number> {
  const values = new Map<number, number>();
  for (const phase of phases) {
    const value = phase.figures[name];
    if (phase.kind === kind && phase.subject === subject && value !== undefined) {
      values.set(phase.round, value);
    }
  }
  return values;
}

function medianOf(values: number[]): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}
