import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Figures } from '../figures.ts';
import type { Run } from '../house.ts';
import { openScene } from '../scene.ts';
import { judge, type Measure } from './measure.ts';
import { sparkline, svgOf } from './picture.ts';
import { createSampler, type Sampler } from './sampler.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const PER_SECOND = 60;
const NO_END = 100_000_000;
const LOOK_EVERY_MS = 10 * SECOND;
/** A short run is looked at more often, or there is nothing to see a slope in. */
const FEWEST_LOOKS = 60;
const SAID_EVERY_MS = 5 * MINUTE;
const RESULTS = fileURLToPath(new URL('../results/', import.meta.url));

/**
 * Nothing is broken here: a steady load for hours, and what grows that should not. Leaves the curves
 * and the measured values in `chaos/results`, which git ignores.
 */
export async function soak(run: Run, minutes: number): Promise<Figures> {
  const scene = await openScene(run, {
    roles: 'api,worker',
    policy: { ladderSeconds: [0, 5, 30, 30] },
    refusals: 0.05,
    keeps: false,
  });
  try {
    await scene.launch('api,worker');
    const actors = scene.actors();
    const producers = actors.map(({ process }) =>
      scene.produce({
        url: () => process.url,
        perSecond: PER_SECOND / actors.length,
        count: NO_END,
      }),
    );
    const sampler = createSampler(scene, producers);
    await watch(run, sampler, minutes * MINUTE);
    const measures = sampler.measures();
    const figures = await scene.finish({ scenario: `soak, ${minutes} min at ${PER_SECOND}/s` });
    figures.broken.push(...(await conclude(run, measures, figures.scenario)));
    return figures;
  } finally {
    await scene.close();
  }
}

async function watch(run: Run, sampler: Sampler, forMs: number): Promise<void> {
  const everyMs = Math.min(LOOK_EVERY_MS, forMs / FEWEST_LOOKS);
  const beganAt = performance.now();
  let saidAt = beganAt;
  for (let n = 0; n * everyMs <= forMs; n += 1) {
    await pause(Math.max(0, beganAt + n * everyMs - performance.now()));
    await sampler.look();
    if (performance.now() - saidAt < SAID_EVERY_MS) continue;
    saidAt = performance.now();
    run.say(`${Math.round((saidAt - beganAt) / MINUTE)} min`);
  }
}

/** @returns what does not hold */
async function conclude(run: Run, measures: readonly Measure[], title: string): Promise<string[]> {
  const judged = measures.map((measure) => ({ measure, ...judge(measure) }));
  const broken = judged.flatMap(({ measure, broken }) => (broken === null ? [] : [measure.name]));
  for (const line of table(judged)) run.say(line);
  await mkdir(RESULTS, { recursive: true });
  const file = join(RESULTS, `soak-${run.backend}-${run.seed}`);
  await writeFile(`${file}.svg`, svgOf(`${title}, seed ${run.seed}`, measures, new Set(broken)));
  await writeFile(`${file}.json`, JSON.stringify(measures));
  run.say(`chaos/results/soak-${run.backend}-${run.seed}.svg`);
  return judged.flatMap(({ broken }) => broken ?? []);
}

function table(judged: readonly ({ measure: Measure } & ReturnType<typeof judge>)[]): string[] {
  const number = (value: number) => value.toFixed(Math.abs(value) < 10 ? 2 : 0).padStart(9);
  return [
    `${'second half'.padEnd(30)}${'middle'.padStart(9)}${'rise'.padStart(9)}${'an hour'.padStart(9)}`,
    ...judged.map(({ measure, middle, rise, perHour, broken }) => {
      const verdict = measure.limit === null ? '' : broken === null ? 'holds' : 'BROKEN';
      const name = measure.unit === '' ? measure.name : `${measure.name}, ${measure.unit}`;
      const figures = `${number(middle)}${number(rise)}${number(perHour)}`;
      return `${name.padEnd(30)}${figures}  ${sparkline(measure)}  ${verdict}`.trimEnd();
    }),
  ];
}
