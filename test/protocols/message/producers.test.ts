import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../../../src/platform/ids.ts';
import type { Api } from '../../support/api.ts';
import { until } from '../../support/until.ts';
import { openScene, type Scene } from './scene.ts';

/** A messageId is its producer's own: no caller learns what another has called its messages. */
let scene: Scene;
let other: Awaited<ReturnType<Scene['gateway']['producer']>>;
beforeAll(async () => {
  scene = await openScene();
  other = await scene.gateway.producer();
});
afterAll(() => scene.close());

const body = (messageId: string, businessKey: string, more: object = {}) => ({
  messageId,
  notification: {
    merchantId: scene.merchant.id,
    type: 'order.paid',
    businessKey,
    queue: 'quick',
    payload: { businessKey },
  },
  checkUrl: scene.checks.url('/check'),
  checkAfterSeconds: 3600,
  completion: 'explicit',
  ...more,
});
const prepare = async (api: Api, ...args: Parameters<typeof body>) =>
  (await api.post('/v1/messages', body(...args)).expect(201)).body;
/** The same name with two producers. */
async function twins() {
  const id = `pay-${Math.random().toString(36).slice(2)}`;
  const ours = await prepare(scene.producer.api, id, `${id}-ours`);
  const theirs = await prepare(other.api, id, `${id}-theirs`);
  return { id, ours, theirs };
}

test('two producers use the same messageId, and each has its own message', async () => {
  const { id, ours, theirs } = await twins();
  expect([ours.id, theirs.id]).toEqual([id, id]);
  expect(ours.producerKeyId).not.toBe(theirs.producerKeyId);
  await other.api.post(`/v1/messages/${id}/cancel`).expect(200);
  const confirmed = await scene.producer.api.post(`/v1/messages/${id}/confirm`).expect(200);
  expect(confirmed.body).toMatchObject({ businessKey: `${id}-ours`, decidedBy: 'producer' });
  const read = await other.api.get(`/v1/messages/${id}`).expect(200);
  expect(read.body).toMatchObject({ businessKey: `${id}-theirs`, status: 'cancelled' });
  // Again and otherwise: each against its own.
  await scene.producer.api.post('/v1/messages', body(id, `${id}-ours`)).expect(200);
  const conflict = await other.api.post('/v1/messages', body(id, `${id}-ours`)).expect(409);
  expect(conflict.body.code).toBe('message_conflict');
  const list = await other.api.get(`/v1/messages?messageId=${id}`).expect(200);
  expect(list.body.data).toMatchObject([{ businessKey: `${id}-theirs` }]);
});

test('another producer’s key opens nothing, named or not', async () => {
  const { id, theirs } = await twins();
  const mine = `${id}-mine`;
  await prepare(scene.producer.api, mine, 'k');
  await other.api.get(`/v1/messages/${mine}`).expect(404);
  await scene.producer.api.get(`/v1/messages/${id}?producer=${theirs.producerKeyId}`).expect(404);
  const { body: none } = await scene.producer.api
    .get(`/v1/messages?producer=${theirs.producerKeyId}`)
    .expect(200);
  expect(none.data).toEqual([]);
});

test('an operator is told that there are two, and says whose is meant', async () => {
  const { operator } = scene.gateway;
  const { id, ours, theirs } = await twins();
  const refused = await operator.get(`/v1/messages/${id}`).expect(422);
  expect(refused.body.code).toBe('ambiguous_message');
  await operator.post(`/v1/messages/${id}/cancel`).expect(422);
  const of = (each: { producerKeyId: string }) => `?producer=${each.producerKeyId}`;
  const read = await operator.get(`/v1/messages/${id}${of(theirs)}`).expect(200);
  expect(read.body.businessKey).toBe(theirs.businessKey);
  await operator.post(`/v1/messages/${id}/confirm${of(ours)}`).expect(200);
  expect((await operator.get(`/v1/messages/${id}${of(theirs)}`)).body.status).toBe('prepared');
  const both = await operator.get(`/v1/messages?messageId=${id}`).expect(200);
  expect(both.body.data).toHaveLength(2);
  const one = await operator.get(`/v1/messages?messageId=${id}&${of(ours).slice(1)}`).expect(200);
  expect(one.body.data).toMatchObject([{ businessKey: ours.businessKey }]);
});

test('their merchant completes each by what its delivery brought', async () => {
  const { id, ours, theirs } = await twins();
  await scene.producer.api.post(`/v1/messages/${id}/confirm`).expect(200);
  await other.api.post(`/v1/messages/${id}/confirm`).expect(200);
  const got = (businessKey: string) =>
    scene.receiver.waitFor(({ body }) => JSON.parse(body).businessKey === businessKey);
  const [first, second] = [await got(ours.businessKey), await got(theirs.businessKey)];
  for (const { headers } of [first, second]) expect(headers['postrider-message']).toBe(id);
  const { api } = scene.merchant;
  const vague = await api.post(`/v1/messages/${id}/complete`, { outcome: 'success' }).expect(422);
  expect(vague.body.code).toBe('ambiguous_message');
  const deliveryId = first.headers['postrider-delivery'];
  const done = await api
    .post(`/v1/messages/${id}/complete`, { deliveryId, outcome: 'success' })
    .expect(200);
  expect(done.body).toMatchObject({ businessKey: ours.businessKey, status: 'completed' });
  expect(done.body.producerKeyId).toBeNull();
  const byKey = { messageId: id, businessKey: theirs.businessKey, outcome: 'failed' };
  const failed = await api.post('/v1/messages/complete', byKey).expect(200);
  expect(failed.body).toMatchObject({ businessKey: theirs.businessKey, outcome: 'failed' });
});

test('check-backs ask each producer by its own name', async () => {
  const id = `ask-${Math.random().toString(36).slice(2)}`;
  scene.checks.answer({ body: '{"status":"committed"}' }, '/ours');
  scene.checks.answer({ body: '{"status":"rolled_back"}' }, '/theirs');
  const asked = (path: string) => ({ checkUrl: scene.checks.url(path), checkAfterSeconds: 0 });
  await prepare(scene.producer.api, id, 'k', asked('/ours'));
  await prepare(other.api, id, 'k', asked('/theirs'));
  for (const path of ['/ours', '/theirs']) {
    const request = await scene.checks.waitFor((each) => each.path === path);
    expect(JSON.parse(request.body)).toMatchObject({ messageId: id, businessKey: 'k' });
  }
  const status = async (api: Api) => (await api.get(`/v1/messages/${id}`).expect(200)).body.status;
  await until(async () => (await status(other.api)) === 'cancelled');
  await until(async () => ['confirmed', 'sent'].includes(await status(scene.producer.api)));
});

test('one that was stored under its name before is still found, repeated and decided by it', async () => {
  const { prisma } = scene.gateway.db.database;
  const name = `old-${Math.random().toString(36).slice(2)}`;
  await prepare(scene.producer.api, name, 'k');
  const renamed = await prisma.$executeRaw`
    WITH check_back AS (
      UPDATE delivery SET owner_id = ${name}
       WHERE purpose = 'check' AND owner_id = (SELECT id FROM message WHERE message_id = ${name}))
    UPDATE message SET id = ${name}, message_id = NULL WHERE message_id = ${name}`;
  expect(renamed).toBe(1);
  const again = await scene.producer.api.post('/v1/messages', body(name, 'k')).expect(200);
  expect(again.body.id).toBe(name);
  await scene.producer.api.post('/v1/messages', body(name, 'other')).expect(409);
  await prepare(other.api, name, 'theirs');
  await scene.producer.api.post(`/v1/messages/${name}/confirm`).expect(200);
  expect((await other.api.get(`/v1/messages/${name}`)).body.status).toBe('prepared');
});

test('of a name that one producer prepares many times at once there is one message', async () => {
  const name = newId('msg').replace('msg_', 'race-');
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => scene.producer.api.post('/v1/messages', body(name, 'k'))),
  );
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(19);
});
