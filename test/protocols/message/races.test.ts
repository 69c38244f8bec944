import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeBackends } from '../../support/backends.ts';
import { openScene, type Scene } from './scene.ts';

const ROUNDS = 120;

describeBackends('decisions that race', (backend) => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await openScene(backend());
  });
  afterAll(() => scene.close());

  /** Each message with the decisions that claim to have won; delivered are those that were confirmed. */
  async function expectOneWinner(rounds: { id: string; confirmed: boolean; cancelled: boolean }[]) {
    const expected: string[] = [];
    for (const { id, confirmed, cancelled } of rounds) {
      expect([id, confirmed, cancelled]).toEqual([id, confirmed, !confirmed]);
      const { notificationId } = await scene.reaches(id, confirmed ? 'completed' : 'cancelled');
      expected.push(...(notificationId === null ? [] : [notificationId]));
    }
    const ids = new Set(scene.receiver.requests.map(({ headers }) => headers['webhook-id']));
    for (const id of expected) expect(ids.has(id)).toBe(true);
    expect(rounds.filter(({ confirmed }) => confirmed)).toHaveLength(expected.length);
  }

  test(`confirm and cancel at once, ${ROUNDS} times: exactly one wins`, async () => {
    const rounds = await inTens(ROUNDS, async () => {
      const { id } = await scene.prepare();
      const [confirm, cancel] = await Promise.all([
        scene.producer.api.post(`/v1/messages/${id}/confirm`),
        scene.producer.api.post(`/v1/messages/${id}/cancel`),
      ]);
      return { id, confirmed: confirm.status === 200, cancelled: cancel.status === 200 };
    });
    await expectOneWinner(rounds);
  }, 120_000);

  test(`confirm while a check-back hears “rolled back”, ${ROUNDS} times: exactly one wins`, async () => {
    scene.checks.answer(
      () => ({ body: '{"status":"rolled_back"}', delayMs: Math.random() * 20 }),
      '/race',
    );
    const rounds = await inTens(ROUNDS, async () => {
      const { id } = await scene.prepare({
        checkUrl: scene.checks.url('/race'),
        checkAfterSeconds: 0,
      });
      await pause(Math.random() * 40);
      const confirm = await scene.producer.api.post(`/v1/messages/${id}/confirm`);
      const cancelled = confirm.status === 409;
      return { id, confirmed: confirm.status === 200, cancelled };
    });
    await expectOneWinner(rounds);
    // Else it would have been no race.
    expect(new Set(rounds.map(({ confirmed }) => confirmed)).size).toBe(2);
  }, 120_000);

  test(`completed from both endpoints while their 2xx is on its way, ${ROUNDS} times`, async () => {
    const merchant = await scene.gateway.merchant();
    for (const path of ['/points', '/shipping']) {
      await merchant.api
        .post(`/v1/merchants/${merchant.id}/endpoints`, { url: scene.receiver.url(path) })
        .expect(201);
      scene.receiver.answer(() => ({ delayMs: Math.random() * 20 }), path);
    }
    const statuses = await inTens(ROUNDS, async () => {
      const { id } = await scene.prepare({ completion: 'explicit' }, { merchantId: merchant.id });
      await scene.producer.api.post(`/v1/messages/${id}/confirm`).expect(200);
      await pause(Math.random() * 40);
      const { deliveries } = await scene.read(id);
      const answers = await Promise.all(
        [...deliveries, ...deliveries].map(({ id: deliveryId }: { id: string }) =>
          merchant.api.post(`/v1/messages/${id}/complete`, { deliveryId, outcome: 'success' }),
        ),
      );
      expect(await scene.read(id)).toMatchObject({ status: 'completed' });
      return answers.map(({ status }) => status);
    });
    expect(statuses.flat().filter((status) => status !== 200)).toEqual([]);
  }, 120_000);

  test(`completed twice with different outcomes, ${ROUNDS} times: the first one stays`, async () => {
    const rounds = await inTens(ROUNDS, async () => {
      const { id } = await scene.prepare({ completion: 'explicit' });
      await scene.producer.api.post(`/v1/messages/${id}/confirm`).expect(200);
      const complete = (outcome: string) =>
        scene.merchant.api.post(`/v1/messages/${id}/complete`, { outcome });
      const answers = await Promise.all([complete('success'), complete('failed')]);
      return { id, statuses: answers.map(({ status }) => status).sort() };
    });
    for (const { id, statuses } of rounds) {
      expect(statuses).toEqual([200, 409]);
      expect(await scene.read(id)).toMatchObject({ status: 'completed' });
    }
  }, 120_000);
});

/** So many rounds, ten at a time. */
async function inTens<T>(count: number, round: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  while (results.length < count) {
    const left = Math.min(10, count - results.length);
    results.push(...(await Promise.all(Array.from({ length: left }, round))));
  }
  return results;
}
