import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { type Api, apiOf } from '../test/support/api.ts';
import { friendly } from '../test/support/hostile-settings.ts';
import type { Receiver } from '../test/support/receiver.ts';
import { until } from '../test/support/until.ts';
import type { Figures } from './figures.ts';
import type { BackendKind, Run } from './house.ts';
import { type Arrival, attemptKey, checkInvariants, type Evidence } from './invariants.ts';
import { type Actor, type LaunchOptions, OPERATOR_KEY, openProcesses } from './processes.ts';
import {
  type Call,
  intakeOf,
  type ProducerOptions,
  type Producers,
  startProducers,
} from './producers.ts';
import { startTemperedReceiver, type Temper } from './receiver.ts';

export const MERCHANT = 'm_chaos';
const SECOND = 1000;
/** On a busy machine whose database is there. */
const CLAIM_MS = 2 * SECOND;
/** Where it waits for a connection to a database in trouble. */
export const LONG_CLAIM_MS = 30 * SECOND;

/** One run: a database, a receiver, gateway processes, clients, and in the end what came of it. */
export interface Scene {
  sql: pg.Pool;
  api: Api;
  receiver: Receiver;
  /** Types are `kind.0` …, one for each endpoint. */
  endpoints: number;
  arrivals: readonly Arrival[];
  /** The processes that are ready, in the order of their starts. */
  actors(): Actor[];
  launch(roles: string, options?: LaunchOptions): Promise<Actor>;
  /** kill -9; waits until the database has noticed, and notes what was under way. */
  kill(actor: Actor): Promise<void>;
  /** Notes all attempts under way at this moment as interrupted. */
  noteInterrupted(): Promise<number>;
  /** SIGTERM. @returns the exit code */
  terminate(actor: Actor): Promise<number | null>;
  produce(
    options: Pick<ProducerOptions, 'perSecond' | 'count'> & Partial<ProducerOptions>,
  ): Producers;
  /** Counts as told what was sent in another way: business key → id. */
  tell(key: string, id: string): void;
  /** Resolves once nothing waits that was due at this moment. @returns the seconds it took */
  resumed(): Promise<number>;
  /** One fault more for the table. */
  fault(): void;
  /** A limit or an expectation of the scenario itself that was not kept. */
  miss(what: string): void;
  /** Lets the clients end, waits until every delivery has ended, and checks everything. */
  finish(options: FinishOptions): Promise<Figures>;
  close(): Promise<void>;
}

interface FinishOptions extends Partial<Pick<Evidence, 'unknownMayBe' | 'claimMs' | 'ends'>> {
  /** Which name the line in the table has. */
  scenario: string;
  settleMs?: number;
  /** The calls whose figures are shown; without it: of all producers. */
  calls?: readonly Call[];
}

export interface SceneOptions extends Temper {
  policy?: Record<string, unknown>;
  endpoints?: number;
  /** Of the first process: `api`. */
  roles?: string;
  /** How the first process is launched. */
  first?: LaunchOptions;
  /** What stands between the gateway and its servers: a url for a url. */
  through?: Partial<Record<BackendKind, (url: string) => string>>;
}

const POLICY = {
  ladderSeconds: [0, ...Array.from({ length: 40 }, () => 1)],
  deadlineSeconds: 3600,
  jitter: 0,
  timeoutMs: 5000,
  concurrency: 200,
};

/** A scene with an `api` process that is ready. */
export async function openScene(run: Run, options: SceneOptions = {}): Promise<Scene> {
  const { house, backend, say } = run;
  const { endpoints = 20, roles = 'api', through = {} } = options;
  const database = `chaos_${randomBytes(5).toString('hex')}`;
  await house.postgres.administer(`CREATE DATABASE ${database}`);
  const databaseUrl = house.postgres.url(database);
  const sql = new pg.Pool({ connectionString: friendly(databaseUrl), max: 4 });
  // A killed connection is an event of its own; the next query takes another one.
  sql.on('error', () => {});
  const { receiver, arrivals } = await startTemperedReceiver(run.seed, options);
  const producers: Producers[] = [];
  const told = new Map<string, string>();
  const interrupted = new Set<string>();
  const missed: string[] = [];
  let faults = 0;
  let resumeS: number | null = null;
  const processes = openProcesses(
    through.postgres?.(databaseUrl) ?? databaseUrl,
    backend === 'redis' ? redisUrlOf(house, through.redis) : null,
    (what) => missed.push(what),
  );

  const apiUrl = () => {
    for (const { process } of processes.all().reverse()) if (process.url !== '') return process.url;
    return 'http://127.0.0.1:9';
  };
  const api = apiOf(apiUrl, OPERATOR_KEY);

  async function noteInterrupted(): Promise<number> {
    const { rows } = await sql.query<{ id: string; cycle: number; attempt_count: number }>(
      'SELECT id, cycle, attempt_count FROM delivery WHERE lease_token IS NOT NULL',
    );
    for (const row of rows) interrupted.add(attemptKey(row.id, row.cycle, row.attempt_count + 1));
    return rows.length;
  }

  /** What a dead client had begun, the database still ends: a claim among it. */
  async function forgotten(name: string): Promise<void> {
    await until(async () => {
      const { rowCount } = await sql.query(
        'SELECT FROM pg_stat_activity WHERE application_name = $1',
        [name],
      );
      return rowCount === 0;
    });
  }

  async function waitForEnds(limitMs: number): Promise<void> {
    let told = performance.now();
    await until(
      async () => {
        await pause(200);
        const { rows } = await sql.query<{ open: number }>(
          `SELECT count(*)::int AS open FROM delivery
            WHERE settled_at IS NULL OR lease_token IS NOT NULL`,
        );
        if (performance.now() - told > 10 * SECOND) {
          told = performance.now();
          say(`${rows[0]?.open} deliveries still open`);
        }
        return rows[0]?.open === 0;
      },
      { timeoutMs: limitMs, what: 'every delivery to end' },
    ).catch((error: Error) => missed.push(error.message));
  }

  await processes.launch(roles, options.first).catch(async (error) => {
    await receiver.close();
    await sql.end();
    throw error;
  });
  await api.put('/v1/queues/chaos', { ...POLICY, ...options.policy });
  await api.post('/v1/merchants', { id: MERCHANT, name: 'chaos' }).expect(201);
  for (let n = 0; n < endpoints; n += 1) {
    await api
      .post(`/v1/merchants/${MERCHANT}/endpoints`, {
        url: receiver.url(`/${n}`),
        types: [`kind.${n}`],
        queue: 'chaos',
      })
      .expect(201);
  }

  return {
    sql,
    api,
    receiver,
    endpoints,
    arrivals,
    actors: processes.all,
    launch: processes.launch,
    noteInterrupted,
    async kill(actor) {
      processes.release(actor);
      faults += 1;
      await actor.process.kill('SIGKILL');
      await forgotten(actor.name);
      await noteInterrupted();
    },
    async terminate(actor) {
      processes.release(actor);
      faults += 1;
      const { code } = await actor.process.kill('SIGTERM');
      return code;
    },
    produce(wanted) {
      const started = startProducers({
        url: apiUrl,
        key: OPERATOR_KEY,
        merchantId: MERCHANT,
        kinds: endpoints,
        name: `C${producers.length}`,
        repeats: 'event-id',
        ...wanted,
      });
      producers.push(started);
      return started;
    },
    tell: (key, id) => void told.set(key, id),
    async resumed() {
      const { rows } = await sql.query<{ now: Date }>('SELECT postrider_now() AS now');
      const startedAt = performance.now();
      await until(
        async () => {
          const { rows: waiting } = await sql.query(
            `SELECT FROM delivery WHERE status = 'pending' AND due_at <= $1 LIMIT 1`,
            [rows[0]?.now],
          );
          return waiting.length === 0;
        },
        { timeoutMs: 60 * SECOND, what: 'what was due to be attempted' },
      ).catch((error: Error) => missed.push(error.message));
      const seconds = (performance.now() - startedAt) / SECOND;
      resumeS = Math.max(resumeS ?? 0, seconds);
      return seconds;
    },
    fault() {
      faults += 1;
    },
    miss: (what) => void missed.push(what),
    async finish({ scenario, settleMs = 90 * SECOND, calls, ...rest }) {
      await Promise.all(producers.map((each) => each.stop()));
      for (const each of producers) for (const [key, id] of each.told) told.set(key, id);
      await waitForEnds(settleMs);
      const findings = await checkInvariants({
        sql,
        arrivals,
        told,
        interrupted,
        unknownMayBe: 'interrupted',
        claimMs: CLAIM_MS,
        ends: { status: 'delivered' },
        ...rest,
      });
      const improper = producers.flatMap((each) => each.improper);
      if (improper.length > 0) {
        missed.push(`${improper.length} answers not in order, e.g. ${improper[0]}`);
      }
      const shown = calls ?? producers.flatMap((each) => each.calls);
      return {
        scenario,
        backend,
        ...findings,
        faults,
        resumeS,
        ...intakeOf(shown),
        broken: [...missed, ...findings.broken],
      };
    },
    async close() {
      const alive = processes.all();
      for (const actor of alive) processes.release(actor);
      await Promise.all(producers.map((each) => each.abandon().catch(() => {})));
      await Promise.all(alive.map(({ process }) => process.kill('SIGKILL')));
      await receiver.close();
      await sql.end();
    },
  };
}

function redisUrlOf({ redis }: Run['house'], through?: (url: string) => string): string {
  if (redis === null) throw new Error('no redis-server on this machine');
  return through?.(redis.url) ?? redis.url;
}
