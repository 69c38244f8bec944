import { setTimeout as pause } from 'node:timers/promises';
import type { Figures } from '../figures.ts';
import type { Run, Scenario } from '../house.ts';
import type { Arrival } from '../invariants.ts';
import { openScene } from '../scene.ts';

const SECOND = 1000;
const SKEW = new URL('../skew.mjs', import.meta.url).href;
const LADDER_SECONDS = [0, 2, 1, 3];
const LATEST_MS = 10 * SECOND;
/** Two reads of one clock, and the time a request takes on its way. */
const STAMP_MS = 5;

const CLOCKS: Record<Run['size'], [name: string, clocks: string[]][]> = {
  long: [
    ['+60 s', ['60000', '0']],
    ['−60 s', ['-60000', '0']],
    ['+1 h', ['3600000', '0']],
    ['−1 h', ['-3600000', '0']],
    ['jumping back', ['jumps', '0']],
  ],
  short: [['+1 h and jumping back', ['3600000', 'jumps']]],
};

/** Worker machines whose clocks are wrong, beside a right one and on both kinds of timers. */
export const clocks: Scenario = {
  number: 4,
  title: 'clocks are wrong',
  backends: ['postgres', 'redis'],
  parts: (run) =>
    CLOCKS[run.size].map(([name, wrong]) => ({
      name: `4 clock ${name}`,
      play: () => skewed(run, `4 clock ${name}`, wrong),
    })),
};

async function skewed(run: Run, name: string, wrong: string[]): Promise<Figures> {
  const seconds = run.size === 'long' ? 20 : 6;
  const scene = await openScene(run, {
    policy: { ladderSeconds: LADDER_SECONDS },
    refusals: 0.5,
  });
  try {
    await Promise.all(
      wrong.map((clock) => {
        if (clock !== '0') scene.fault();
        const env = { NODE_OPTIONS: `--import ${SKEW}`, CHAOS_CLOCK: clock };
        return scene.launch('worker', { env });
      }),
    );
    const producers = scene.produce({ perSecond: 50, count: 50 * seconds });
    await producers.done;
    await pause(SECOND);
    const figures = await scene.finish({ scenario: name });
    return { ...figures, broken: [...figures.broken, ...untimely(scene.arrivals)] };
  } finally {
    await scene.close();
  }
}

/** Each attempt against the one before it, by the receiver's own clock, which is right. */
function untimely(arrivals: readonly Arrival[]): string[] {
  const at = new Map(arrivals.map((each) => [`${each.deliveryId} ${each.number}`, each.at]));
  const waits = arrivals.flatMap((each) => {
    const before = at.get(`${each.deliveryId} ${each.number - 1}`);
    const dueMs = (LADDER_SECONDS[each.number - 1] ?? 0) * SECOND;
    return before === undefined ? [] : [each.at - before - dueMs];
  });
  const early = waits.filter((ms) => ms < -STAMP_MS).length;
  const late = waits.filter((ms) => ms > LATEST_MS).length;
  return [
    ...(waits.length === 0 ? ['no attempt was ever repeated: nothing was tested'] : []),
    ...(early > 0 ? [`${early} attempts came before their time`] : []),
    ...(late > 0 ? [`${late} attempts came more than ${LATEST_MS} ms late`] : []),
  ];
}
