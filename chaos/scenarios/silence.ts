import { setTimeout as pause } from 'node:timers/promises';
import { startTcpProxy, type TcpProxy, through } from '../../test/support/tcp-proxy.ts';
import { until } from '../../test/support/until.ts';
import type { Figures } from '../figures.ts';
import type { BackendKind, Part, Run, Scenario } from '../house.ts';
import { acceptedAgain, type Call, isAccepted } from '../producers.ts';
import { watchReadiness } from '../readiness.ts';
import { LONG_CLAIM_MS, openScene, type Scene } from '../scene.ts';

const SECOND = 1000;
const PER_SECOND = 20;
const NO_END = 10_000_000;
const QUIET_MS = { long: 5 * SECOND, short: 2 * SECOND };
/** From the beginning where new connections work, else from the end. */
const BACK_S = 30;
const SAID_S = 15;

interface Silence {
  /** Which server's connections. */
  of: BackendKind;
  /** `old`: new connections work; else how long none does, ms. */
  lasts: 'old' | number;
}

/** A firewall that forgets connections, and a host that is gone without a word: TCP tells nobody. */
export const silence: Scenario = {
  number: 10,
  title: 'connections go silent',
  backends: ['postgres', 'redis'],
  parts(run) {
    const all = (['postgres', 'redis'] as const).slice(0, run.backend === 'redis' ? 2 : 1);
    const servers = run.size === 'short' ? all.slice(-1) : all;
    return servers.flatMap((of) => [
      partOf(run, { of, lasts: 'old' }),
      // No less than the limits that it is about: not for the short form.
      ...(run.size === 'long' ? [partOf(run, { of, lasts: 45 * SECOND })] : []),
    ]);
  },
};

function partOf(run: Run, silence: Silence): Part {
  const server = silence.of === 'postgres' ? 'PostgreSQL' : 'Redis';
  const how =
    silence.lasts === 'old' ? 'connections silent' : `silent for ${silence.lasts / SECOND} s`;
  const name = `10 ${server} ${how}`;
  return { name, play: () => suffer(run, silence, name) };
}

async function suffer(run: Run, silence: Silence, scenario: string): Promise<Figures> {
  const proxy = await proxyOf(run, silence.of);
  try {
    const scene = await openScene(run, {
      roles: 'api,worker',
      through: { [silence.of]: (url: string) => through(proxy, url) },
    });
    try {
      await scene.launch('api,worker');
      return await suffered(run, scene, proxy, silence, scenario);
    } finally {
      await scene.close();
    }
  } finally {
    await proxy.close();
  }
}

async function suffered(
  run: Run,
  scene: Scene,
  proxy: TcpProxy,
  silence: Silence,
  scenario: string,
): Promise<Figures> {
  const watched = scene.actors().map(({ process }) => ({
    producers: scene.produce({ url: () => process.url, perSecond: PER_SECOND, count: NO_END }),
    readiness: watchReadiness(process.url),
  }));
  await pause(QUIET_MS[run.size]);
  scene.fault();
  const beganAt = performance.now();
  await silenceFor(proxy, silence.lasts);
  const overAt = performance.now();
  const backS = Math.max(
    ...(await Promise.all(watched.map(({ producers }) => acceptedAgain(producers, overAt)))),
  );
  await scene.resumed();
  const workS = (performance.now() - overAt) / SECOND;
  const isReady = () =>
    watched.every(({ readiness }) => Number.isFinite(readiness.secondsUntil('ready', overAt)));
  await until(isReady, { timeoutMs: BACK_S * SECOND, what: '/readyz to come back' }).catch(
    (error: Error) => scene.miss(error.message),
  );
  await Promise.all(watched.map(({ producers }) => producers.stop()));
  await Promise.all(watched.map(({ readiness }) => readiness.stop()));

  const saidS = Math.max(
    ...watched.map(({ readiness }) => readiness.secondsUntil('unready', beganAt)),
  );
  run.say(
    `accepted again after ${backS.toFixed(1)} s, at work after ${workS.toFixed(1)} s; ` +
      `/readyz said so after ${saidS.toFixed(1)} s`,
  );
  if (backS > BACK_S) scene.miss(`intake came back after ${backS.toFixed(1)} s`);
  if (workS > BACK_S) scene.miss(`work came back after ${workS.toFixed(1)} s`);
  // What is over sooner need not be said.
  const isOver = silence.lasts === 'old' && Math.max(backS, workS) <= SAID_S;
  if (saidS > SAID_S && !isOver) scene.miss(`/readyz said so after ${saidS.toFixed(1)} s`);
  judgeCalls(
    scene,
    silence.of,
    watched.flatMap(({ producers }) => producers.calls),
  );
  return scene.finish({ scenario, unknownMayBe: 'any', claimMs: LONG_CLAIM_MS });
}

async function silenceFor(proxy: TcpProxy, lasts: Silence['lasts']): Promise<void> {
  if (lasts === 'old') return proxy.silence();
  proxy.silenceAll();
  await pause(lasts);
  proxy.resume();
}

function judgeCalls(scene: Scene, of: BackendKind, calls: readonly Call[]): void {
  const unanswered = calls.filter(({ status }) => status === null).length;
  if (unanswered > 0) scene.miss(`${unanswered} calls got no answer at all`);
  const refused = calls.length - calls.filter(isAccepted).length;
  if (of === 'redis' && refused > 0) {
    scene.miss(`${refused} calls refused, though PostgreSQL was there`);
  }
}

async function proxyOf({ house }: Run, of: BackendKind): Promise<TcpProxy> {
  const url = of === 'postgres' ? house.postgres.url('postgres') : (house.redis?.url ?? '');
  const { hostname, port } = new URL(url);
  return startTcpProxy({ host: hostname, port: Number(port) });
}
