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

/** The middle of a figure over the rounds; undefined: never measured. */
export function figureOf(
  phases: readonly Phase[],
  kind: Kind,
  subject: string,
  name: string,
): number | undefined {
  const values = phases
    .filter((phase) => phase.kind === kind && phase.subject === subject)
    .flatMap((phase) => phase.figures[name] ?? [])
    .toSorted((a, b) => a - b);
  if (values.length === 0) return undefined;
  const middle = Math.floor(values.length / 2);
  const upper = values[middle] as number;
  return values.length % 2 === 1 ? upper : ((values[middle - 1] as number) + upper) / 2;
}
