import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Figures } from '../figures.ts';
import type { Run, Scenario } from '../house.ts';
import { OPERATOR_KEY } from '../processes.ts';
import { intakeOf } from '../producers.ts';
import { openScene, type Scene } from '../scene.ts';

const SECOND = 1000;
const CONNECTIONS = 300;
const PER_SECOND = 60;
const NO_END = 10_000_000;
const QUIET_MS = 20 * SECOND;
/** Longer than the longest limit of the server, so that each kind is seen to end. */
const BESIEGED_MS = 90 * SECOND;
const TIMES_QUIET = 3;
/** Below this a client notices nothing, whatever it is three times of. */
const P99_MS = 50;
/** The server looks every second, and this process may be late, too. */
const LATE_S = 5;

/** How a client takes up a connection without using it, and for how long the server lets it, s. */
const KINDS = {
  silent: { first: '', drip: '', limitS: 10 },
  'a header byte a second': {
    first: 'POST /v1/notifications HTTP/1.1\r\nx: ',
    drip: 'x',
    limitS: 10,
  },
  'a body byte a second': {
    first: [
      'POST /v1/notifications HTTP/1.1',
      'host: gateway',
      `authorization: Bearer ${OPERATOR_KEY}`,
      'content-type: application/json',
      'content-length: 1000',
      '\r\n',
    ].join('\r\n'),
    drip: ' ',
    limitS: 60,
  },
};
type Kind = keyof typeof KINDS;

/** Many clients take up connections and send nothing, or as little as they can. */
export const idle: Scenario = {
  number: 14,
  title: `${CONNECTIONS} idle connections to the API`,
  backends: ['postgres', 'redis'],
  // What it is about is time: nothing that may decide a test.
  onlyLong: true,
  parts: (run) => [{ name: SCENARIO, play: () => besieged(run) }],
};

const SCENARIO = `14 ${CONNECTIONS} idle connections`;

async function besieged(run: Run): Promise<Figures> {
  const scene = await openScene(run);
  const siege = besiege(new URL(scene.actors()[0]?.process.url ?? ''));
  try {
    await scene.launch('worker');
    const producers = scene.produce({ perSecond: PER_SECOND, count: NO_END });
    await pause(QUIET_MS);
    const quiet = intakeOf(producers.calls);
    scene.fault();
    const from = producers.calls.length;
    siege.begin();
    await pause(BESIEGED_MS);
    const calls = producers.calls.slice(from);
    siege.end();
    judgeIntake(run, scene, quiet.p99Ms ?? 0, intakeOf(calls));
    judgeLives(run, scene, siege.livesS);
    return await scene.finish({ scenario: SCENARIO, calls });
  } finally {
    siege.end();
    await scene.close();
  }
}

interface Siege {
  /** How long each connection was left open, s, by kind. */
  livesS: ReadonlyMap<Kind, number[]>;
  begin(): void;
  end(): void;
}

/** Each connection that the server closes is opened again, as by one who means harm. */
function besiege({ hostname, port }: URL): Siege {
  const kinds = Object.keys(KINDS) as Kind[];
  const livesS = new Map<Kind, number[]>(kinds.map((kind) => [kind, []]));
  const sockets = new Set<Socket>();
  let isOver = false;

  function open(kind: Kind): void {
    if (isOver) return;
    const { first, drip } = KINDS[kind];
    const openedAt = performance.now();
    const socket = connect(Number(port), hostname);
    sockets.add(socket);
    const dripping = setInterval(() => drip !== '' && socket.write(drip), SECOND);
    socket.on('error', () => {});
    // It is answered before it is closed, and the answer does not matter.
    socket.resume();
    if (first !== '') socket.write(first);
    socket.once('close', () => {
      clearInterval(dripping);
      sockets.delete(socket);
      if (!isOver) livesS.get(kind)?.push((performance.now() - openedAt) / SECOND);
      setTimeout(open, SECOND / 10, kind).unref();
    });
  }

  return {
    livesS,
    begin() {
      for (let n = 0; n < CONNECTIONS; n += 1) open(kinds[n % kinds.length] ?? 'silent');
    },
    end() {
      isOver = true;
      for (const socket of sockets) socket.destroy();
    },
  };
}

function judgeIntake(
  run: Run,
  scene: Scene,
  quietP99Ms: number,
  { p99Ms, intakePercent }: ReturnType<typeof intakeOf>,
): void {
  run.say(`intake p99 ${quietP99Ms.toFixed(0)} ms before, ${p99Ms?.toFixed(0)} ms beside them`);
  const limitMs = Math.max(P99_MS, TIMES_QUIET * quietP99Ms);
  if (p99Ms === null || p99Ms > limitMs) {
    scene.miss(`intake p99 ${p99Ms?.toFixed(0)} ms, over ${limitMs.toFixed(0)}`);
  }
  if (intakePercent !== 100) scene.miss(`intake ${intakePercent?.toFixed(2)} %, not 100`);
}

function judgeLives(run: Run, scene: Scene, livesS: Siege['livesS']): void {
  for (const [kind, lives] of livesS) {
    const longestS = Math.max(...lives, lives.length === 0 ? Number.POSITIVE_INFINITY : 0);
    run.say(`${kind}: ${lives.length} closed, after ${longestS.toFixed(1)} s at most`);
    if (longestS > KINDS[kind].limitS + LATE_S) scene.miss(`${kind}: not closed in time`);
  }
}
