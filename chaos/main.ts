import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { type Figures, table } from './figures.ts';
import { type BackendKind, openHouse, type Part, type Run, runOf, type Scenario } from './house.ts';
import { SCENARIOS } from './scenarios.ts';
import { soak } from './soak/soak.ts';

const USAGE = `npm run chaos -- [--short] [--seed N] [--only 1,3] [--backend redis|postgres]
npm run chaos -- --soak [--minutes 360] [--seed N] [--backend redis|postgres]
${SCENARIOS.map(({ number, title }) => `  ${number}  ${title}`).join('\n')}`;

interface Options {
  size: Run['size'];
  seed: number;
  scenarios: readonly Scenario[];
  backends: readonly BackendKind[];
}

const options = readOptions();
if (options === null) {
  console.error(USAGE);
  process.exit(2);
}
// The exit hooks end what was started.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.exitCode = await runAll(options);

/** null: not understood. */
function readOptions(): Options | null {
  try {
    const { values } = parseArgs({
      options: {
        short: { type: 'boolean', default: false },
        seed: { type: 'string', default: String(randomInt(1_000_000)) },
        only: { type: 'string', default: SCENARIOS.map(({ number }) => number).join(',') },
        backend: { type: 'string' },
        soak: { type: 'boolean', default: false },
        minutes: { type: 'string', default: '360' },
      },
    });
    const numbers = values.only.split(',').map(Number);
    const minutes = Number(values.minutes);
    const chosen = SCENARIOS.filter(
      ({ number, onlyLong }) => numbers.includes(number) && !(values.short && onlyLong),
    );
    const scenarios = values.soak ? [soakFor(minutes, values.backend)] : chosen;
    const backends = (['postgres', 'redis'] as const).filter(
      (kind) => values.backend === undefined || values.backend === kind,
    );
    const seed = Number(values.seed);
    const isUnderstood =
      numbers.every((each) => SCENARIOS.some(({ number }) => number === each)) &&
      backends.length > 0 &&
      minutes > 0 &&
      Number.isInteger(seed);
    return isUnderstood
      ? { size: values.short ? 'short' : 'long', seed, scenarios, backends }
      : null;
  } catch {
    return null;
  }
}

/** Not one of the others: it takes hours, and nothing is broken in it. On both kinds it would take twice as long. */
function soakFor(minutes: number, backend: string | undefined): Scenario {
  return {
    number: 0,
    title: 'soak',
    backends: backend === 'redis' ? ['redis'] : ['postgres'],
    parts: (run) => [{ name: 'soak', play: () => soak(run, minutes) }],
  };
}

/** @returns the exit code */
async function runAll({ size, seed, scenarios, backends }: Options): Promise<number> {
  console.log(`chaos: seed ${seed}, ${size} form`);
  const startedAt = performance.now();
  const house = await openHouse();
  const rows: Figures[] = [];
  try {
    for (const scenario of scenarios) {
      for (const backend of backends.filter((kind) => scenario.backends.includes(kind))) {
        if (backend === 'redis' && house.redis === null) {
          console.log(
            `left out: ${scenario.title} on Redis, because redis-server is not installed`,
          );
          continue;
        }
        const say = (line: string) => {
          const s = Math.round((performance.now() - startedAt) / 1000);
          console.log(`${String(s).padStart(5)} s  ${scenario.number} [${backend}] ${line}`);
        };
        const run = runOf(house, { scenario: scenario.title, backend, seed, size, say });
        for (const part of scenario.parts(run)) {
          say(part.name);
          const row = await part.play().catch((error) => failed(part, backend, error));
          say(table([row]).split('\n').at(-1) ?? '');
          for (const fault of row.broken) say(`  - ${fault}`);
          rows.push(row);
        }
      }
    }
  } finally {
    await house.close();
  }
  return conclude(rows, seed);
}

function conclude(rows: readonly Figures[], seed: number): number {
  console.log(`\n${table(rows)}\n`);
  const broken = rows.filter((row) => row.broken.length > 0);
  for (const row of broken) {
    console.log(`BROKEN  ${row.scenario} [${row.backend}]\n  - ${row.broken.join('\n  - ')}`);
  }
  console.log(broken.length === 0 ? `everything holds (seed ${seed})` : `seed ${seed}`);
  return broken.length === 0 ? 0 : 1;
}

/** A run that could not even be made counts as one that broke. */
function failed({ name }: Part, backend: string, error: unknown): Figures {
  const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    scenario: name,
    backend,
    accepted: 0,
    delivered: 0,
    attempts: 0,
    unknown: 0,
    unanswered: 0,
    duplicates: 0,
    faults: 0,
    resumeS: null,
    intakePercent: null,
    p99Ms: null,
    broken: [why],
  };
}
