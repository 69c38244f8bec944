import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Outcome } from './world.ts';

/** Days in one world: all but the last are in trouble. */
const DAYS_A_WORLD = 5;
const MOST_HANDS = 8;

const { values } = parseArgs({
  options: {
    days: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
  },
});
const days = Number(values.days);
const seed = Number(values.seed);
if (!(Number.isInteger(days) && days > 1 && Number.isInteger(seed))) {
  console.error('npm run simulate -- --days 10000 --seed 1    whole numbers, at least two days');
  process.exit(2);
}
const startedAt = performance.now();
const worlds = Array.from({ length: Math.ceil(days / DAYS_A_WORLD) }, (_, n) => ({
  seed: seed + n,
  // A world needs a day of trouble and one without.
  days: Math.max(2, Math.min(DAYS_A_WORLD, days - n * DAYS_A_WORLD)),
}));
const outcomes = await letPass(worlds);
const failed = outcomes.find(({ violation }) => violation !== null);
if (failed === undefined) sumUp(outcomes);
else tell(failed);
process.exitCode = failed === undefined ? 0 : 1;

/** Many hands, each with one world at a time; until the first that goes wrong. */
async function letPass(worlds: { seed: number; days: number }[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const waiting = [...worlds];
  const hands = Math.min(availableParallelism(), MOST_HANDS, worlds.length);
  await Promise.all(
    Array.from({ length: hands }, async () => {
      const hand = fork(fileURLToPath(new URL('./hand.ts', import.meta.url)));
      for (let world = waiting.shift(); world !== undefined; world = waiting.shift()) {
        const outcome = await new Promise<Outcome>((resolve, reject) => {
          hand.once('message', resolve);
          hand.once('exit', (code) => reject(new Error(`a hand ended with ${code}`)));
          hand.send(world);
        });
        hand.removeAllListeners();
        outcomes.push(outcome);
        if (outcome.violation !== null) waiting.length = 0;
      }
      hand.disconnect();
    }),
  );
  return outcomes;
}

function sumUp(outcomes: Outcome[]): void {
  const total = (of: (outcome: Outcome) => number) =>
    outcomes.reduce((sum, outcome) => sum + of(outcome), 0);
  const crashes: Record<string, number> = {};
  for (const { counts } of outcomes) {
    for (const [step, count] of Object.entries(counts.crashes)) {
      crashes[step] = (crashes[step] ?? 0) + count;
    }
  }
  const passed = total((each) => each.days);
  const seconds = (performance.now() - startedAt) / 1000;
  const deaths = Object.entries(crashes).map(([step, count]) => `${step} ${count}`);
  console.log(`
  ${passed} days in ${outcomes.length} worlds, seeds ${seed} to ${seed + outcomes.length - 1}
  ${seconds.toFixed(1)} s, ${Math.round((60 * passed) / seconds)} days a minute

  ${total((each) => each.counts.accepted)} deliveries accepted, ${total((each) => each.counts.ended)} ended
  ${total((each) => each.counts.sends)} attempts sent, ${total((each) => each.counts.overruns)} of them by a process that had stood still past its lease
  ${total((each) => each.steps)} steps; deaths: ${deaths.sort().join(', ')}

  Nothing was lost, early, late, doubled or forgotten.`);
}

function tell({ seed, days, violation, last }: Outcome): void {
  console.error(`
  ${last.join('\n  ')}

  ${violation}

  again, exactly: npm run simulate -- --days ${days} --seed ${seed}`);
}
