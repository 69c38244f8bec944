import { parseArgs } from 'node:util';

/** What can be measured; the order is that of a run. */
export const KINDS = [
  'intake',
  'batch',
  'deliver',
  'both',
  'latency',
  'rungs',
  'drain',
  'tcc',
  'messages',
] as const;
export type Kind = (typeof KINDS)[number];

export const BACKENDS = ['postgres', 'redis'] as const;
export type Backend = (typeof BACKENDS)[number];

export interface BenchOptions {
  /** The length of each phase. */
  seconds: number;
  rounds: number;
  only: readonly Kind[];
  backends: readonly Backend[];
  /** How many notifications each gateway's database holds before it begins. */
  rows: readonly number[];
  /** How many are due at once in `drain`. */
  due: number;
  /** A PostgreSQL to measure on; null: the embedded one, on a folder of its own. */
  databaseUrl: string | null;
  /** Where the results go. */
  out: string;
  /** A folder for CPU profiles of the gateways and the dearest statements; null: none. It costs speed. */
  profile: string | null;
}

export const LATEST = 'bench/results/latest.json';

/** @throws Error that says what is wrong */
export function readOptions(args: string[]): BenchOptions {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: 'string', default: '10' },
      rounds: { type: 'string', default: '2' },
      only: { type: 'string', default: KINDS.join() },
      backend: { type: 'string', default: BACKENDS.join() },
      rows: { type: 'string', default: '10000' },
      due: { type: 'string', default: '100000' },
      database: { type: 'string' },
      out: { type: 'string', default: LATEST },
      profile: { type: 'string' },
    },
  });
  const only = oneOf('only', KINDS, values.only);
  return {
    seconds: positive('seconds', values.seconds),
    rounds: positive('rounds', values.rounds),
    // Half load is half of what was measured with both at once.
    only: KINDS.filter((kind) =>
      kind === 'both'
        ? only.some((each) => each === 'both' || each === 'latency')
        : only.includes(kind),
    ),
    backends: oneOf('backend', BACKENDS, values.backend),
    rows: values.rows.split(',').map((each) => positive('rows', each)),
    due: positive('due', values.due),
    databaseUrl: values.database ?? null,
    out: values.out,
    profile: values.profile ?? null,
  };
}

function positive(name: string, text: string): number {
  const number = Number(text.replaceAll('_', ''));
  if (number > 0 && Number.isInteger(number)) return number;
  throw new Error(`--${name} takes a whole number above 0, not ${text}`);
}

function oneOf<T extends string>(name: string, known: readonly T[], text: string): T[] {
  const wanted = text.split(',').map((each) => each.trim());
  for (const each of wanted) {
    if (!known.includes(each as T)) {
      throw new Error(`--${name} takes some of ${known.join(', ')}; there is no ${each}`);
    }
  }
  return known.filter((each) => wanted.includes(each));
}
