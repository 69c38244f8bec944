import { HOSTILE_SETTINGS } from '../../test/support/hostile-settings.ts';
import { hasPgBouncer, startPgBouncer } from '../../test/support/pgbouncer.ts';
import type { Figures } from '../figures.ts';
import { onOwnPostgres, type Part, type Run, type Scenario } from '../house.ts';
import type { Arrival } from '../invariants.ts';
import { openScene } from '../scene.ts';

const SIZES = {
  long: { perSecond: 60, count: 3600, stampLimitS: 2 },
  // A busy machine must not look like a wrong zone, which is hours off.
  short: { perSecond: 60, count: 120, stampLimitS: 60 },
};
const SETTINGS: Record<string, string> = { ...HOSTILE_SETTINGS, statement_timeout: '50' };
/** Connections that the pooler has to the server, for both processes. */
const POOL_SIZE = 10;

/** A database server as other people run it: every setting that a session can have is a wrong one. */
export const hostile: Scenario = {
  number: 8,
  title: 'a server whose settings are not ours',
  backends: ['postgres', 'redis'],
  parts(run) {
    const direct = '8 hostile settings';
    const pooled = `${direct}, behind PgBouncer`;
    const parts: Part[] = [{ name: direct, play: () => serve(run, direct, false) }];
    if (!hasPgBouncer()) {
      run.say('left out: PgBouncer, because it is not installed');
      return parts;
    }
    const both = [...parts, { name: pooled, play: () => serve(run, pooled, true) }];
    // Directly, all tests run on such a server.
    return run.size === 'short' ? both.slice(1) : both;
  },
};

function serve(outer: Run, scenario: string, isPooled: boolean): Promise<Figures> {
  const { perSecond, count, stampLimitS } = SIZES[outer.size];
  return onOwnPostgres(outer, async (run) => {
    const { postgres } = run.house;
    await postgres.administer(
      ...Object.entries(SETTINGS).map(([name, value]) => `ALTER ROLE ALL SET ${name} = ${value}`),
    );
    const pooler = isPooled ? await startPgBouncer(postgres.url('postgres'), POOL_SIZE) : null;
    try {
      const scene = await openScene(
        run,
        pooler === null ? {} : { through: { postgres: pooler.through } },
      );
      try {
        await scene.launch('worker');
        scene.fault();
        await scene.produce({ perSecond, count }).done;
        const figures = await scene.finish({ scenario });
        const worstS = Math.max(...scene.arrivals.map(stampErrorS));
        run.say(`webhook-timestamp is at most ${worstS.toFixed(1)} s from the receiver's clock`);
        const off = scene.arrivals.filter((arrival) => stampErrorS(arrival) > stampLimitS).length;
        if (off > 0) figures.broken.push(`${off} requests with a webhook-timestamp that is off`);
        return figures;
      } finally {
        await scene.close();
      }
    } finally {
      await pooler?.close();
    }
  });
}

/** The stamp has no parts of a second: it counts as right within its own. */
function stampErrorS({ at, stampS }: Arrival): number {
  return Math.max(0, stampS - at / 1000, at / 1000 - stampS - 1);
}
