import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Problem } from '../../../src/api/problem.ts';
import { type Database, openDatabase, type Transaction } from '../../../src/platform/db/client.ts';
import { plainServer } from '../../../src/platform/db/server.ts';
import { createMessageCommands } from '../../../src/protocols/message/commands.ts';
import { createCoordinator } from '../../../src/protocols/tcc/coordinator.ts';
import { until } from '../../support/until.ts';
import { openScene, type Scene } from './scene.ts';

const CALLS = 80;
/** One connection: who holds it and waits for another in a transaction waits for ever. */
const SMALLEST_POOL = 1;
/** For as many things as there are calls it takes the connections that calls have. */
const CALLS_POOL = 8;

const wake = async () => {};
const EVERYTHING = { merchantId: null, producerKeyId: null, merchants: null };

describe(`${CALLS} confirms and ${CALLS} cancels at once`, () => {
  let scene: Scene;
  let small: Database;
  let usual: Database;
  const poolFor = (things: number) => (things === 1 ? small : usual);
  beforeAll(async () => {
    scene = await openScene();
    small = openDatabase(plainServer(scene.gateway.db.url), { maxConnections: SMALLEST_POOL });
    usual = openDatabase(plainServer(scene.gateway.db.url), { maxConnections: CALLS_POOL });
  });
  afterAll(async () => {
    await small.close();
    await usual.close();
    await scene.close();
  });

  const times = <T>(count: number, make: (n: number) => Promise<T>) =>
    Promise.all(Array.from({ length: count }, (_, n) => make(n)));
  const message = async () => (await scene.prepare()).id as string;
  const transaction = async () =>
    (
      await scene.producer.api
        .post('/v1/transactions', {
          businessKey: 'ORDER-1',
          mode: 'initiator',
          branches: ['a', 'b', 'c'].map((branchId) => ({
            branchId,
            confirmUrl: scene.receiver.url('/tcc'),
            cancelUrl: scene.receiver.url('/tcc'),
            payload: {},
          })),
        })
        .expect(201)
    ).body.gid as string;

  /** All at once, both ways, round the ids. @returns by id what they were answered, each answer once */
  async function crowd(
    ids: string[],
    decide: (id: string, decision: 'confirm' | 'cancel') => Promise<string>,
  ) {
    const told = new Map(ids.map((id) => [id, new Set<string>()]));
    await times(2 * CALLS, async (n) => {
      const id = ids[(n >> 1) % ids.length] ?? '';
      const decision = n % 2 === 0 ? 'confirm' : 'cancel';
      told.get(id)?.add(`${decision} ${await decide(id, decision)}`);
    });
    return [...told.values()].map((answers) => [...answers].sort().join(', '));
  }
  const heard = (call: Promise<unknown>) =>
    call.then(
      () => 'done',
      (error) => {
        if (error instanceof Problem) return error.code;
        throw error;
      },
    );

  const MESSAGES =
    /^(cancel already_confirmed, confirm done|cancel done, confirm already_cancelled)$/;
  const TRANSACTIONS =
    /^(cancel already_confirming, confirm done|cancel done, confirm already_cancelling)$/;

  test.each([CALLS, 1])(
    'of %i messages over a small pool: all are answered',
    async (count) => {
      const raiseAlerts = async () => () => {};
      const { decide } = createMessageCommands({ database: poolFor(count), wake, raiseAlerts });
      const ids = await times(count, message);
      const told = await crowd(ids, (id, decision) =>
        heard(decide(EVERYTHING, { id }, decision, 'producer')),
      );
      for (const answers of told) expect(answers).toMatch(MESSAGES);
    },
    60_000,
  );

  test.each([CALLS, 1])(
    'of %i transactions over a small pool: all are answered',
    async (count) => {
      const { confirm, cancel } = createCoordinator({
        database: poolFor(count),
        wake,
        commands: { resend: async () => [], settleOwners: async () => [] },
        checkUrl: () => null,
      });
      const told = await crowd(await times(count, transaction), (id, decision) =>
        heard(decision === 'confirm' ? confirm(id) : cancel(id, null)),
      );
      for (const answers of told) expect(answers).toMatch(TRANSACTIONS);
    },
    60_000,
  );

  test.each<
    [
      string,
      () => Promise<string>,
      (tx: Transaction, id: string) => Promise<unknown>,
      string,
      RegExp,
    ]
  >([
    [
      'message',
      message,
      (tx, id) => tx.$queryRaw`SELECT 1 FROM message WHERE id = ${id} FOR UPDATE`,
      '/v1/messages',
      MESSAGES,
    ],
    [
      'transaction',
      transaction,
      (tx, gid) => tx.$queryRaw`SELECT 1 FROM tcc_transaction WHERE gid = ${gid} FOR UPDATE`,
      '/v1/transactions',
      TRANSACTIONS,
    ],
  ])(
    'of one %s whose row is held: nobody else waits, and nobody is told 503',
    async (_what, make, hold, path, wanted) => {
      const [id, other] = [await make(), await make()];
      const { api } = scene.producer;
      const { prisma } = scene.gateway.db.database;
      const [held, released] = [signal(), signal()];
      const holding = prisma.$transaction(async (tx) => {
        await hold(tx, id);
        held.now();
        await released.promise;
      });
      await held.promise;
      const deciding = crowd([id], async (of, decision) => {
        const { status, body } = await api.post(`${path}/${of}/${decision}`);
        return status < 300 ? 'done' : body.code;
      });
      try {
        await until(async () => (await waiting(prisma)) > 0, {
          what: 'the crowd to come to the row',
        });
        // Whoever is not about this one goes on as ever.
        await times(20, () => api.get(`${path}/${other}`).expect(200));
        expect((await api.post(`${path}/${other}/confirm`)).status).toBeLessThan(300);
        // One confirm and one cancel, for all of them.
        expect(await waiting(prisma)).toBeLessThanOrEqual(2);
      } finally {
        released.now();
        await holding;
      }
      expect((await deciding)[0]).toMatch(wanted);
    },
    60_000,
  );
});

/** Connections to this database that wait for a row. */
async function waiting(prisma: Database['prisma']): Promise<number> {
  const [row] = await prisma.$queryRaw<{ count: number }[]>`
    SELECT count(*)::int AS count FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  return row?.count ?? 0;
}

function signal() {
  let now = () => {};
  const promise = new Promise<void>((resolve) => {
    now = resolve;
  });
  return { now, promise };
}
