import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EVENT_TYPES } from '../../../src/features/event-types/catalogue.ts';
import { describeBackends, onRedis } from '../../support/backends.ts';
import { hang, type Receiver, startReceiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';
import { HOUR, openScene, type Scene } from './scene.ts';

/** What the producer may say that tells nothing. */
const UNKNOWN = {
  garbage: { status: 200, body: '<html>fine</html>' },
  unknown: { status: 200, body: '{"status":"unknown"}' },
  'another word': { status: 200, body: '{"status":"COMMITTED"}' },
  'not found': 404,
  gone: 410,
  broken: 500,
} as const;
const STEPS_SECONDS = [10, 20, 40, 80, 160, 300, 300, 300, 300, 300, 300, 300, 300, 300];

describe('check-backs that tell nothing', () => {
  let scene: Scene;
  let silent: Receiver;
  const log: string[] = [];
  const ids: Record<string, string> = {};
  beforeAll(async () => {
    scene = await openScene(undefined, { onLog: (line) => log.push(line), sweepEveryMs: 50 });
    silent = await startReceiver();
    for (const [name, answer] of Object.entries(UNKNOWN)) {
      const path = `/${encodeURIComponent(name)}`;
      scene.checks.answer(answer, path);
      ids[name] = (await scene.prepare({ checkUrl: scene.checks.url(path) })).id;
    }
    silent.answer([hang, hang, 404]);
    silent.answer(200, '/alerts');
    await scene.gateway.operator
      .post('/v1/alert-endpoints', { url: silent.url('/alerts') })
      .expect(201);
    silent.answer(200, '/events');
    await scene.gateway.operator
      .post('/v1/alert-endpoints', { url: silent.url('/events'), events: ['message.suspended'] })
      .expect(201);
    ids.silent = (await scene.prepare({ checkUrl: silent.url() })).id;
  });
  afterAll(async () => {
    await scene.close();
    await silent.close();
  });

  const check = (count: number, names: string[]) =>
    scene.nextChecks(
      names.map((name) => ids[name] ?? ''),
      count,
    );
  /** From the end of a message's last check to the next one. */
  async function pauseSeconds({ check }: { check: { deliveryId: string; nextAt: string } }) {
    const path = `/v1/deliveries/${check.deliveryId}/attempts`;
    const last = (await scene.gateway.operator.get(path).expect(200)).body.data.at(-1);
    const endedAt = Date.parse(last.startedAt) + last.durationMs;
    return { number: last.number, seconds: (Date.parse(check.nextAt) - endedAt) / 1000 };
  }

  test('fifteen answered unknowns park it; a check that timed out does not count', async () => {
    for (let count = 1; count <= 15; count += 1) {
      for (const message of await check(count, Object.keys(ids))) {
        if (message.check.nextAt === null) continue;
        expect(message.status).toBe('prepared');
        const { number, seconds } = await pauseSeconds(message);
        expect(Math.abs(seconds - (STEPS_SECONDS[number - 1] ?? 300))).toBeLessThan(1);
      }
    }
    for (const name of Object.keys(UNKNOWN)) {
      const message = await scene.read(ids[name] ?? '');
      expect(message).toMatchObject({ status: 'suspended', check: { count: 15, nextAt: null } });
    }
    expect(await scene.read(ids.silent ?? '')).toMatchObject({ status: 'prepared' });
    await check(16, ['silent']);
    await check(17, ['silent']);
    expect(await scene.read(ids.silent ?? '')).toMatchObject({ status: 'suspended' });
    const numbers = scene.checks.requests
      .filter(({ path }) => path === '/garbage')
      .map(({ body }) => JSON.parse(body).checkNumber);
    expect(numbers).toEqual(Array.from({ length: 15 }, (_, n) => n + 1));
    expect(scene.receiver.requests).toHaveLength(0);
    for (const id of Object.values(ids)) {
      expect(log.filter((line) => line.includes(`"messageId":"${id}"`))).toHaveLength(1);
      const alert = await silent.waitFor(
        ({ path, body }) => path === '/alerts' && body.includes(id),
      );
      expect(JSON.parse(alert.body)).toMatchObject({
        type: 'alert.message.suspended',
        data: { messageId: id },
      });
    }
    const told = await silent.waitFor(({ path }) => path === '/events');
    const { items } = EVENT_TYPES['message.suspended'].data
      .strict()
      .parse(JSON.parse(told.body).data);
    expect(Object.values(ids)).toEqual(
      expect.arrayContaining(items.map(({ messageId }) => messageId)),
    );
  }, 200_000);

  test('a parked one is checked again, resolved, confirmed or cancelled', async () => {
    const { operator } = scene.gateway;
    const post = (name: string, action: string, body?: object) =>
      operator.post(`/v1/messages/${ids[name]}/${action}`, body);
    const { id: open } = await scene.prepare();
    const early = await operator.post(`/v1/messages/${open}/recheck`).expect(409);
    expect(early.body.code).toBe('not_suspended');
    const hasty = { decision: 'cancel', reason: 'hasty' };
    await operator.post(`/v1/messages/${open}/resolve`, hasty).expect(409);
    // It refused without doing anything: the check-back still stands.
    expect((await scene.read(open)).check.nextAt).not.toBeNull();

    scene.checks.answer({ body: '{"status":"committed"}' }, '/unknown');
    expect((await post('unknown', 'recheck').expect(200)).body.status).toBe('prepared');
    expect(await scene.reaches(ids.unknown ?? '', 'completed')).toMatchObject({
      decidedBy: 'check',
    });
    expect(scene.checks.requests.filter(({ path }) => path === '/unknown')).toHaveLength(16);

    const confirm = { decision: 'confirm', reason: 'the order exists' };
    const resolved = await post('garbage', 'resolve', confirm).expect(200);
    expect(resolved.body).toMatchObject({ decidedBy: 'operator', reason: 'the order exists' });
    await post('garbage', 'resolve', confirm).expect(200);
    await post('garbage', 'resolve', { ...confirm, decision: 'cancel' }).expect(409);
    await scene.reaches(ids.garbage ?? '', 'completed');

    const cancel = { decision: 'cancel', reason: 'it does not' };
    expect((await post('broken', 'resolve', cancel).expect(200)).body.status).toBe('cancelled');
    await post('broken', 'recheck').expect(409);

    const confirmed = await scene.producer.api.post(`/v1/messages/${ids.gone}/confirm`).expect(200);
    expect(confirmed.body).toMatchObject({ decidedBy: 'producer' });
    await scene.producer.api.post(`/v1/messages/${ids['not found']}/cancel`).expect(200);
    expect(scene.receiver.requests.length).toBeGreaterThan(0);
  }, 60_000);
});

describe('a check-back endpoint that is down', () => {
  test('for 24 hours: nothing is rolled back, the message is parked', async () => {
    const scene = await openScene();
    try {
      const down = await startReceiver();
      const checkUrl = down.url();
      await down.close();
      const { id } = await scene.prepare({ checkUrl, checkAfterSeconds: 0 });
      for (let count = 1; count <= 4; count += 1) {
        expect(await scene.nextChecks([id], count)).toMatchObject([{ status: 'prepared' }]);
      }
      await scene.gateway.db.travel(12 * HOUR);
      const halfway = await until(async () => {
        const message = await scene.read(id);
        return message.check.count >= 5 && message.check.nextAt !== null ? message : null;
      });
      expect(halfway.status).toBe('prepared');
      await scene.gateway.db.travel(12 * HOUR);
      const parked = await scene.reaches(id, 'suspended');
      expect(parked.decidedAt).toBeNull();
      await scene.producer.api.post(`/v1/messages/${id}/confirm`).expect(200);
      await scene.reaches(id, 'completed');
    } finally {
      await scene.close();
    }
  }, 90_000);
});

describeBackends('a producer that says nothing', (backend) => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await openScene(backend());
  });
  afterAll(() => scene.close());
  const asked = (path: string, answer: Parameters<Receiver['answer']>[0], more: object = {}) => {
    scene.checks.answer(answer, path);
    return scene.prepare({ checkUrl: scene.checks.url(path), checkAfterSeconds: 0, ...more });
  };

  test('confirm lost: the check-back finds out, and it is delivered', async () => {
    const { id } = await asked('/committed', { body: '{"status":"committed"}' });
    expect(await scene.reaches(id, 'completed')).toMatchObject({ decidedBy: 'check' });
  });

  test('rolled back, by word or by 409: it is cancelled, and a late confirm is refused', async () => {
    const before = scene.receiver.requests.length;
    const byWord = await asked('/rolled-back', { body: '{"status":"rolled_back"}' });
    const byStatus = await asked('/conflict', 409);
    for (const { id } of [byWord, byStatus]) {
      expect(await scene.reaches(id, 'cancelled')).toMatchObject({ decidedBy: 'check' });
      const late = await scene.producer.api.post(`/v1/messages/${id}/confirm`).expect(409);
      expect(late.body.code).toBe('already_cancelled');
    }
    expect(scene.receiver.requests).toHaveLength(before);
  });

  test('still working: asked again soon, and it uses no step', async () => {
    const { id } = await asked('/working', [425, { body: '{"status":"committed"}' }]);
    const attempts = `/v1/deliveries/${(await scene.read(id)).check.deliveryId}/attempts`;
    const made = async () => (await scene.gateway.operator.get(attempts).expect(200)).body.data;
    await until(async () => (await made()).length === 1);
    await scene.nextChecks([id], 2);
    await scene.reaches(id, 'completed');
    const [first, second] = await made();
    const gapMs = Date.parse(second.startedAt) - Date.parse(first.startedAt);
    expect(gapMs).toBeGreaterThanOrEqual(4_900);
    expect(gapMs).toBeLessThan(9_000);
  });

  test('the queue is flushed between prepare and check: the check comes all the same', async () => {
    const { id } = await asked(
      '/flushed',
      { body: '{"status":"committed"}' },
      { checkAfterSeconds: 2 },
    );
    const { kind, url } = backend();
    if (kind === 'redis') await onRedis(url, (redis) => redis.flushdb());
    await scene.gateway.db.travel(2000);
    await scene.reaches(id, 'completed', 20_000);
  }, 30_000);
});
