import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endedThings } from '../../../src/app/retention-plan.ts';
import { removeOld } from '../../../src/features/retention/run.ts';
import { createStatements } from '../../../src/features/statements/statements.ts';
import { openScene, type Scene } from '../../protocols/message/scene.ts';
import { becomes, branch } from '../../protocols/tcc/participants.ts';
import type { ApiAnswer } from '../../support/api.ts';
import { until } from '../../support/until.ts';

const DAY_MS = 86_400_000;
const KEPT_DAYS = 90;

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
  const url = scene.receiver.url('/alerts');
  await scene.gateway.operator.post('/v1/alert-endpoints', { url }).expect(201);
});
afterAll(() => scene.close());

/** One round, as a worker makes it every few minutes. */
async function round(): Promise<void> {
  const { database } = scene.gateway.db;
  await removeOld(
    {
      database,
      statements: createStatements(database),
      retentionDays: KEPT_DAYS,
      removeExpiredKeys: async () => 0,
      ended: endedThings(database),
      log: pino({ level: 'silent' }),
    },
    new AbortController().signal,
  );
}
const daysPass = (days: number) => scene.gateway.db.travel(days * DAY_MS);

/** How many deliveries there are with such an owner, and how many attempts of these. */
async function callsOf(ownerKind: string, ownerIds: string): Promise<[number, number]> {
  const { rows } = await scene.gateway.db.database.pool.query(
    `SELECT count(DISTINCT d.id)::int AS deliveries, count(a.id)::int AS attempts
       FROM delivery AS d LEFT JOIN attempt AS a ON a.delivery_id = d.id
      WHERE d.owner_kind = $1 AND d.owner_id IN (${ownerIds})`,
    [ownerKind],
  );
  return [rows[0].deliveries, rows[0].attempts];
}
/** Of every table, attempts and deliveries that belong to nothing any more. */
async function left(): Promise<number> {
  const { rows } = await scene.gateway.db.database.pool.query(
    `SELECT (SELECT count(*) FROM attempt AS a
              WHERE NOT EXISTS (SELECT 1 FROM delivery AS d WHERE d.id = a.delivery_id))::int
          + (SELECT count(*) FROM delivery AS d
              WHERE NOT EXISTS (SELECT 1 FROM notification WHERE id = d.owner_id)
                AND NOT EXISTS (SELECT 1 FROM message WHERE id = d.owner_id)
                AND NOT EXISTS (SELECT 1 FROM tcc_branch WHERE id = d.owner_id))::int
          + (SELECT count(*) FROM message_completion AS c
              WHERE NOT EXISTS (SELECT 1 FROM delivery AS d WHERE d.id = c.delivery_id))::int AS left`,
  );
  return rows[0].left;
}
const idsIn = ({ body }: ApiAnswer, name: string) =>
  body.data.map((each: Record<string, string>) => each[name]);

describe('messages', () => {
  const read = (id: string) => scene.gateway.operator.get(`/v1/messages/${id}`);

  test('that ended long ago go with their check-backs; what waits, and what is young, stays', async () => {
    scene.checks.answer({ body: '{"status":"rolled_back"}' }, '/rolled-back');
    const { producer, merchant } = scene;
    const suspended = await scene.prepare({ checkAfterSeconds: 43_200 });
    const waiting = await scene.prepare({ checkAfterSeconds: 43_200 });
    const [cancelled, rolledBack, completed] = await Promise.all([
      scene.prepare({ messageId: 'cancelled-by-hand' }),
      scene.prepare({ checkUrl: scene.checks.url('/rolled-back'), checkAfterSeconds: 0 }),
      scene.prepare({ completion: 'explicit' }),
    ]);
    await producer.api.post(`/v1/messages/${cancelled.id}/cancel`).expect(200);
    await producer.api.post(`/v1/messages/${completed.id}/confirm`).expect(200);
    await merchant.api
      .post(`/v1/messages/${completed.id}/complete`, { outcome: 'success' })
      .expect(200);
    const ended = await Promise.all([
      scene.reaches(cancelled.id, 'cancelled'),
      scene.reaches(rolledBack.id, 'cancelled'),
      scene.reaches(completed.id, 'completed'),
    ]);
    expect(ended[1].check.count).toBe(1);
    // A day, and nobody has answered what became of these.
    await daysPass(1.1);
    await scene.reaches(suspended.id, 'suspended');
    await scene.reaches(waiting.id, 'suspended');
    await scene.receiver.waitFor(({ body }) => body.includes(suspended.id));
    await until(async () => (await alertsLeft()).every(({ settled }) => settled));

    await daysPass(KEPT_DAYS + 1);
    const young = await scene.prepare({ checkAfterSeconds: 43_200 });
    const justCancelled = await scene.prepare();
    await producer.api.post(`/v1/messages/${justCancelled.id}/cancel`).expect(200);
    await round();

    for (const { id, check } of ended) {
      await read(id).expect(404);
      await producer.api.get(`/v1/messages/${id}`).expect(404);
      await producer.api.post(`/v1/messages/${id}/confirm`).expect(404);
      await scene.gateway.operator.get(`/v1/deliveries/${check.deliveryId}`).expect(404);
      await scene.gateway.operator.get(`/v1/deliveries/${check.deliveryId}/attempts`).expect(404);
    }
    await merchant.api
      .post(`/v1/messages/${completed.id}/complete`, { outcome: 'success' })
      .expect(404);
    const list = await producer.api.get('/v1/messages').expect(200);
    const staying = [justCancelled.id, young.id, waiting.id, suspended.id];
    expect(idsIn(list, 'id')).toEqual(staying);
    expect(await callsOf('message', 'SELECT id FROM message')).toEqual([4, 0]);
    expect(await left()).toBe(0);
    // The alert is an ordinary notification of the operators, and old.
    expect(await alertsLeft()).toEqual([]);

    // What was suspended is as alive as it was: decided now, it is young.
    const { operator } = scene.gateway;
    await operator.post(`/v1/messages/${waiting.id}/recheck`).expect(200);
    await operator
      .post(`/v1/messages/${suspended.id}/resolve`, { decision: 'cancel', reason: 'by hand' })
      .expect(200);
    await round();
    await read(suspended.id).expect(200);

    // An id that was removed is free.
    const again = await scene.prepare({ messageId: 'cancelled-by-hand' });
    expect(again).toMatchObject({ id: cancelled.id, status: 'prepared', check: { count: 0 } });
    await producer.api.post(`/v1/messages/${again.id}/cancel`).expect(200);
    for (const { id } of [young, waiting]) {
      await producer.api.post(`/v1/messages/${id}/cancel`).expect(200);
    }

    await daysPass(KEPT_DAYS + 1);
    await round();
    expect(idsIn(await producer.api.get('/v1/messages').expect(200), 'id')).toEqual([]);
    expect(await callsOf('message', 'SELECT owner_id FROM delivery')).toEqual([0, 0]);
    expect(await left()).toBe(0);
  }, 60_000);

  async function alertsLeft(): Promise<{ settled: boolean }[]> {
    const { rows } = await scene.gateway.db.database.pool.query(
      `SELECT settled_at IS NOT NULL AS settled FROM delivery WHERE queue = 'alerts'`,
    );
    return rows;
  }
});

describe('transactions', () => {
  const begin = async (branchIds: string[], more: object = {}) =>
    (
      await scene.producer.api
        .post('/v1/transactions', {
          businessKey: 'ORDER-1',
          mode: 'managed',
          branches: branchIds.map((id) => branch(scene.receiver, id)),
          ...more,
        })
        .expect(201)
    ).body.gid;
  const read = (gid: string) => scene.producer.api.get(`/v1/transactions/${gid}`);

  test('that finished long ago go with their branches and calls; what has not ended, and what is young, stays', async () => {
    const { api } = scene.producer;
    scene.receiver.answer(409, '/refusing/try');
    scene.receiver.answer(500, '/stuck/confirm');
    const confirmed = await begin(['stock', 'points'], { gid: 'ORDER-1-pay' });
    const cancelled = await begin(['stock', 'refusing']);
    const sentAgain = await begin(['stock', 'points']);
    const suspended = await begin(['stuck']);
    const ended = await Promise.all([
      becomes(api, confirmed, 'confirmed'),
      becomes(api, cancelled, 'cancelled'),
    ]);
    const finished = await becomes(api, sentAgain, 'confirmed');
    await becomes(api, suspended, 'confirming');
    await daysPass(1.1);
    await becomes(api, suspended, 'suspended', 20_000);

    await daysPass(KEPT_DAYS + 1);
    const young = await begin(['stock']);
    await becomes(api, young, 'confirmed');
    const trying = await begin([], { mode: 'initiator', timeoutSeconds: 3600 });
    const call = finished.branches[0].calls[1].deliveryId;
    await scene.gateway.operator
      .post(`/v1/deliveries/${call}/resend`, { reason: 'once more', force: true })
      .expect(202);
    await until(async () => {
      const { body } = await scene.gateway.operator.get(`/v1/deliveries/${call}`).expect(200);
      return body.cycle === 2 && body.status === 'delivered';
    });
    await round();

    for (const { gid, branches } of ended) {
      await read(gid).expect(404);
      await api.post(`/v1/transactions/${gid}/confirm`).expect(404);
      await api.post(`/v1/transactions/${gid}/cancel`).expect(404);
      await api.post(`/v1/transactions/${gid}/branches`, branch(scene.receiver, 'x')).expect(404);
      for (const { deliveryId } of branches[0].calls) {
        await scene.gateway.operator.get(`/v1/deliveries/${deliveryId}`).expect(404);
      }
    }
    expect(idsIn(await api.get('/v1/transactions').expect(200), 'gid').sort()).toEqual(
      [sentAgain, suspended, young, trying].sort(),
    );
    // Whole, not only the call that was sent again.
    const { body: whole } = await read(sentAgain).expect(200);
    expect(whole.branches.map(({ calls }: { calls: unknown[] }) => calls.length)).toEqual([2, 2]);
    expect(whole.branches[1]).toEqual(finished.branches[1]);
    expect((await callsOf('tcc', 'SELECT id FROM tcc_branch'))[0]).toBe(4 + 2 + 2);
    expect(await left()).toBe(0);

    // What was suspended goes on where it stopped.
    scene.receiver.answer(200, '/stuck/confirm');
    await scene.gateway.operator
      .post(`/v1/transactions/${suspended}/branches/stuck/retry`, { reason: 'it is back' })
      .expect(202);
    await becomes(api, suspended, 'confirmed');
    // A gid that was removed is free.
    expect(await begin(['stock'], { gid: 'ORDER-1-pay' })).toBe(confirmed);
    await becomes(api, confirmed, 'confirmed');
    await daysPass(1);
    await becomes(api, trying, 'cancelled');

    await daysPass(KEPT_DAYS + 1);
    await round();
    expect(idsIn(await api.get('/v1/transactions').expect(200), 'gid')).toEqual([]);
    expect(await callsOf('tcc', 'SELECT owner_id FROM delivery')).toEqual([0, 0]);
    expect(await left()).toBe(0);
  }, 60_000);
});

test('calls that told producers of ends go by themselves, those under way stay', async () => {
  const { checks, producer, merchant, gateway } = scene;
  const notify = async (path: string) => {
    const { body } = await producer.api
      .post('/v1/notifications', {
        merchantId: merchant.id,
        type: 'order.paid',
        businessKey: path,
        payload: {},
        notifyProducer: { url: checks.url(path) },
      })
      .expect(202);
    return `SELECT id FROM producer_callback WHERE notification_id = '${body.id}'`;
  };
  checks.answer(503, '/silent');
  const told = await notify('/told');
  await checks.waitFor(({ path }) => path === '/told');
  await until(async () => (await callsOf('callback', told))[1] === 1);
  await daysPass(KEPT_DAYS + 1);
  // Its rungs are not over: it is asked again, and stays.
  const silent = await notify('/silent');
  await checks.waitFor(({ path }) => path === '/silent');
  await round();
  const { rows } = await gateway.db.database.pool.query(told);
  expect(rows).toEqual([]);
  expect((await callsOf('callback', silent))[0]).toBe(1);
  const orphans = await gateway.db.database.pool.query(
    `SELECT 1 FROM delivery AS d WHERE d.purpose = 'callback'
       AND NOT EXISTS (SELECT FROM producer_callback AS c WHERE c.id = d.owner_id)`,
  );
  expect(orphans.rows).toEqual([]);
});
