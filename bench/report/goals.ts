import { BARE_LOOP, FLOOR, figureOf, quotientOf, type Results } from '../run/figures.ts';
import { postridersOf } from './ratios.ts';

export const COST_OF_GROWING = 'CPU per notification';

/** What was promised, and what came of it. */
export interface Goal {
  what: string;
  subject: string;
  goal: string;
  value: string;
  met: boolean;
}

/** The goals that this run can tell of, for each of its gateways. */
export function goalsOf(results: Results): Goal[] {
  const { phases } = results;
  const goals: Goal[] = [];
  const names = postridersOf(results);
  const judge = (
    what: string,
    subject: string,
    goal: string,
    value: number | undefined,
    met: (value: number) => boolean,
    write: (value: number) => string,
  ) => {
    if (value !== undefined)
      goals.push({ what, subject, goal, value: write(value), met: met(value) });
  };
  for (const name of names) {
    judge(
      'intake and delivery at once',
      name,
      '≥ 10 × the floor',
      quotientOf(
        phases,
        'perSecond',
        { kind: 'both', subject: name },
        { kind: 'both', subject: FLOOR },
      ),
      (value) => value >= 10,
      (value) => `${value.toFixed(1)} ×`,
    );
    judge(
      'delivery',
      name,
      '≥ 60 % of the bare loop',
      quotientOf(
        phases,
        'perSecond',
        { kind: 'deliver', subject: name },
        { kind: 'deliver', subject: BARE_LOOP },
      ),
      (value) => value >= 0.6,
      (value) => `${Math.round(value * 100)} %`,
    );
    judge(
      'accepted to arrived at half load, p99',
      name,
      '≤ 25 ms',
      figureOf(phases, 'latency', name, 'acceptedP99Ms'),
      (value) => value <= 25,
      (value) => `${Math.round(value)} ms`,
    );
    judge(
      'many due at once',
      name,
      '≥ 2,500/s',
      figureOf(phases, 'drain', name, 'perSecond'),
      (value) => value >= 2500,
      (value) => `${Math.round(value).toLocaleString('en-US')}/s`,
    );
    judge(
      'memory in that',
      name,
      '< 512 MB',
      figureOf(phases, 'drain', name, 'rssMb'),
      (value) => value < 512,
      (value) => `${Math.round(value)} MB`,
    );
  }
  for (const [small, large] of grown(names)) {
    judge(
      `${COST_OF_GROWING}, to ${small}`,
      large,
      '≤ 1.2 ×',
      quotientOf(
        phases,
        'cpuMsEach',
        { kind: 'both', subject: large },
        { kind: 'both', subject: small },
      ),
      (value) => value <= 1.2,
      (value) => `${value.toFixed(2)} ×`,
    );
  }
  return goals;
}

/** Each gateway with more rows beside the one of the same backend with the fewest. */
function grown(names: readonly string[]): [string, string][] {
  const rowsOf = (name: string) => Number(/([\d,]+) rows/.exec(name)?.[1]?.replaceAll(',', ''));
  const backendOf = (name: string) => name.split(', ')[1];
  return names.flatMap((name): [string, string][] => {
    const [smallest] = names
      .filter((other) => backendOf(other) === backendOf(name))
      .toSorted((one, other) => rowsOf(one) - rowsOf(other));
    return smallest === undefined || smallest === name ? [] : [[smallest, name]];
  });
}
