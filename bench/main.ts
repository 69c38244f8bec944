import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { goalsOf } from './report/goals.ts';
import { ratiosOf } from './report/ratios.ts';
import { runBench } from './run/bench.ts';
import type { Phase } from './run/figures.ts';
import { readOptions } from './run/options.ts';

// Measures Postrider beside what it must beat and what it cannot beat, in one run on one machine.
//
//   npm run bench -- [--seconds 10] [--rounds 2] [--only intake,deliver,both,latency,…]
//     [--backend postgres,redis] [--rows 10000,1000000] [--due 100000] [--database postgres://…]
//     [--out bench/results/latest.json] [--profile folder]
//
// `npm run bench:report` writes its results into docs/benchmarks.md.

const options = readOptions(process.argv.slice(2));
const { version } = createRequire(import.meta.url)('../package.json') as { version: string };
// Whatever was started is ended as well when the run is broken off.
const brokenOff = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => brokenOff.abort(new Error(`ended by ${signal}`)));
}
const results = await runBench(options, version, say, brokenOff.signal);
await mkdir(dirname(options.out), { recursive: true });
await writeFile(options.out, `${JSON.stringify(results, null, 2)}\n`);

console.log('\nRatios');
for (const { what, subject, ratio } of ratiosOf(results)) {
  console.log(`  ${ratio.padStart(8)}  ${subject}: ${what}`);
}
console.log('\nGoals');
for (const { what, subject, goal, value, met } of goalsOf(results)) {
  console.log(`  ${met ? 'met    ' : 'NOT met'}  ${subject}: ${what} ${value} (goal ${goal})`);
}
console.log(`\n${options.out}`);

function say({ kind, subject, round, figures, use }: Phase): void {
  const shown = Object.entries(figures)
    .map(([name, value]) => `${name} ${value.toFixed(value < 10 ? 2 : 0)}`)
    .join(' ');
  const cores = Object.entries({ ...use.cores, other: use.otherCores ?? Number.NaN })
    .map(([name, value]) => `${name} ${value.toFixed(2)}`)
    .join(' ');
  console.log(
    `${kind} ${round}  ${subject}\n    ${shown}\n    cores: ${cores}, load ${use.load1.toFixed(1)}`,
  );
}
