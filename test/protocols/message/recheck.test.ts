import { afterAll, beforeAll, expect, test } from 'vitest';
import { HOUR, openScene, type Scene } from './scene.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene?.close());

/** A re-send of the delivery that asks back, as of any other one. */
const resend = (message: { check: { deliveryId: string } }, force = false) =>
  scene.gateway.operator.post(`/v1/deliveries/${message.check.deliveryId}/resend`, {
    reason: 'by hand',
    force,
  });
const asked = (path: string) => scene.checks.requests.filter((each) => each.path === path).length;

test('nobody is asked back before the time, by a re-send either; afterwards at any time', async () => {
  scene.checks.answer({ body: '{"status":"unknown"}' }, '/early');
  const message = await scene.prepare({ checkUrl: scene.checks.url('/early') });
  for (const force of [false, true]) {
    expect((await resend(message, force).expect(409)).body.code).toBe('not_its_turn');
  }
  expect(asked('/early')).toBe(0);

  await scene.nextChecks([message.id], 1);
  scene.checks.answer({ body: '{"status":"committed"}' }, '/early');
  await resend(message).expect(202);
  expect(await scene.reaches(message.id, 'completed')).toMatchObject({ decidedBy: 'check' });
  expect(asked('/early')).toBe(2);
});

test('a decided message is not asked about any more', async () => {
  scene.checks.answer({ body: '{"status":"rolled_back"}' }, '/decided');
  const at = { checkUrl: scene.checks.url('/decided') };
  const confirmed = await scene.prepare(at);
  await scene.producer.api.post(`/v1/messages/${confirmed.id}/confirm`).expect(200);
  const cancelled = await scene.prepare(at);
  await scene.producer.api.post(`/v1/messages/${cancelled.id}/cancel`).expect(200);
  const rolledBack = await scene.prepare(at);
  await scene.nextChecks([rolledBack.id], 1);
  await scene.reaches(rolledBack.id, 'cancelled');

  for (const force of [false, true]) {
    expect((await resend(confirmed, force).expect(409)).body.code).toBe('already_confirmed');
    for (const message of [cancelled, rolledBack]) {
      expect((await resend(message, force).expect(409)).body.code).toBe('already_cancelled');
    }
  }
  expect(asked('/decided')).toBe(1);
});

test('of a suspended one it is a recheck', async () => {
  scene.checks.answer({ body: '{"status":"unknown"}' }, '/parked');
  const { id } = await scene.prepare({ checkUrl: scene.checks.url('/parked') });
  await scene.nextChecks([id], 1);
  await scene.gateway.db.travel(25 * HOUR);
  const parked = await scene.reaches(id, 'suspended');
  expect(parked.check.nextAt).toBeNull();
  await resend(parked).expect(202);
  expect(await scene.reaches(id, 'prepared')).toMatchObject({ suspendedAt: null });
  await scene.nextChecks([id], 3);
});
