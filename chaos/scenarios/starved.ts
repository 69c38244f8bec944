import { availableParallelism } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { startBusyLoops } from '../busy.ts';
import type { Figures } from '../figures.ts';
import type { Run, Scenario } from '../house.ts';
import { openScene, type Scene } from '../scene.ts';

const SECOND = 1000;
const LOOPS_PER_CORE = 5;
const STARVED_MS = 120 * SECOND;
const QUIET_MS = 5 * SECOND;
const PER_SECOND = 20;
const NO_END = 10_000_000;
const SETTLE_MS = 180 * SECOND;
/** A circuit stays open for longer. */
const LOOK_EVERY_MS = 500;

/** Neighbours take the processor: what is slow then is the machine, and neither a receiver nor a worker that is gone. */
export const starved: Scenario = {
  number: 15,
  title: 'a starved machine',
  backends: ['postgres', 'redis'],
  // Beside other tests it would starve them, too.
  onlyLong: true,
  parts: (run) => [{ name: SCENARIO, play: () => starve(run) }],
};

const SCENARIO = `15 starved by ${LOOPS_PER_CORE} loops a core`;

async function starve(run: Run): Promise<Figures> {
  const scene = await openScene(run, { roles: 'api,worker', refusals: 0 });
  const circuits = watchCircuits(scene);
  let feed = () => {};
  try {
    await scene.launch('api,worker');
    for (const { process } of scene.actors()) {
      scene.produce({ url: () => process.url, perSecond: PER_SECOND / 2, count: NO_END });
    }
    await pause(QUIET_MS);
    scene.fault();
    feed = startBusyLoops(LOOPS_PER_CORE * availableParallelism());
    await pause(STARVED_MS);
    feed();
    run.say(`resumed after ${(await scene.resumed()).toFixed(1)} s`);
    const figures = await scene.finish({ scenario: SCENARIO, settleMs: SETTLE_MS });
    const { accepted, attempts, broken } = figures;
    if (attempts !== accepted) {
      broken.push(`${attempts} attempts for ${accepted}, though the receiver took each at once`);
    }
    const opened = await circuits.stop();
    if (opened > 0) broken.push(`${opened} circuits were seen open, though the receiver was well`);
    return figures;
  } finally {
    feed();
    await circuits.stop();
    await scene.close();
  }
}

/** @returns `stop` tells how many receivers were seen with an open circuit */
function watchCircuits({ sql }: Scene): { stop(): Promise<number> } {
  const seen = new Set<string>();
  const stopping = new AbortController();
  const watching = (async () => {
    while (!stopping.signal.aborted) {
      const look = sql.query<{ id: string }>(
        'SELECT id FROM receiver WHERE open_until IS NOT NULL OR pauses > 0',
      );
      // One look fewer: the next one sees it as well.
      const { rows } = await look.catch(() => ({ rows: [] }));
      for (const { id } of rows) seen.add(id);
      await pause(LOOK_EVERY_MS);
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await watching;
      return seen.size;
    },
  };
}
