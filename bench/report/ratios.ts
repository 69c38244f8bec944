import {
  BARE_LOOP,
  BARE_SQL,
  BY_HAND,
  FLOOR,
  HTTP_ALONE,
  quotientOf,
  type Results,
} from '../run/figures.ts';
import type { Kind } from '../run/options.ts';

/** One thing against another, from the same run. */
export interface Ratio {
  what: string;
  subject: string;
  /** `11.2 ×` or `63 %` */
  ratio: string;
  value: number;
}

/** All gateways of a run, in its order. */
export function postridersOf({ phases }: Results): string[] {
  return [...new Set(phases.map((phase) => phase.subject))].filter((name) =>
    name.startsWith('postrider'),
  );
}

/** What each gateway is to the floor and to the limits; what was not measured is left out. */
export function ratiosOf(results: Results): Ratio[] {
  const { phases } = results;
  const to = (kind: Kind, subject: string, base: string, baseKind: Kind = kind) =>
    quotientOf(phases, 'perSecond', { kind, subject }, { kind: baseKind, subject: base });
  return postridersOf(results).flatMap((subject) => {
    const ratios: Ratio[] = [];
    const add = (what: string, value: number | undefined, write: (value: number) => string) => {
      if (value !== undefined) ratios.push({ what, subject, value, ratio: write(value) });
    };
    add('intake and delivery at once, to the floor', to('both', subject, FLOOR), times);
    // What a busy machine takes from both it takes from throughput, hardly from this.
    const cpu = quotientOf(
      phases,
      'cpuMsEach',
      { kind: 'both', subject },
      { kind: 'both', subject: FLOOR },
    );
    add('CPU for a notification, to the floor', cpu, percent);
    add('intake alone, to the floor', to('intake', subject, FLOOR), times);
    add('intake in batches, to the floor', to('batch', subject, FLOOR, 'intake'), times);
    add('delivery alone, to the floor', to('deliver', subject, FLOOR), times);
    add('delivery alone, to the bare loop', to('deliver', subject, BARE_LOOP), percent);
    add('intake alone, to HTTP alone', to('intake', subject, HTTP_ALONE), percent);
    add('intake in batches, to HTTP alone', to('batch', subject, HTTP_ALONE), percent);
    add('intake alone, to bare inserts', to('intake', subject, BARE_SQL), percent);
    add('intake in batches, to bare inserts', to('batch', subject, BARE_SQL, 'intake'), percent);
    add('transactions, to the same calls by hand', to('tcc', subject, BY_HAND), percent);
    return ratios;
  });
}

const times = (value: number) => `${value.toFixed(value < 10 ? 2 : 1)} ×`;
const percent = (value: number) => `${(value * 100).toFixed(value < 0.1 ? 1 : 0)} %`;
