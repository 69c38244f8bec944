import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PROTOCOL_QUEUES } from '../../../src/engine/protocol-queues.ts';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';

/** What the gateway itself sends through: nobody can take the promise of a protocol from under it. */
const NAMES = Object.values(PROTOCOL_QUEUES);
const WITH_A_ROW = [PROTOCOL_QUEUES.tccTry, PROTOCOL_QUEUES.tccSecond];
const HEAL = new URL(
  '../../../prisma/migrations/0027_protocol_queues/migration.sql',
  import.meta.url,
);

let gateway: TestGateway;
let receiver: Receiver;
let merchant: Awaited<ReturnType<TestGateway['merchant']>>;
let producer: Awaited<ReturnType<TestGateway['producer']>>;
beforeAll(async () => {
  gateway = await testGateway();
  receiver = await startReceiver();
  merchant = await gateway.merchant();
  producer = await gateway.producer();
});
afterAll(async () => {
  await gateway.close();
  await receiver.close();
});

const rulesOf = async (name: string) =>
  (await gateway.operator.get(`/v1/queues/${name}`).expect(200)).body;
const put = async (name: string, change: object, status: number) =>
  gateway.operator
    .put(`/v1/queues/${name}`, { ...(await rulesOf(name)), ...change })
    .expect(status);

describe('rules of TCC’s queues', () => {
  test.each<[string, object, string]>([
    ['suspends after one failure', { ladderSeconds: [0] }, 'ladderSeconds'],
    ['gives up after a minute', { deadlineSeconds: 60 }, 'deadlineSeconds'],
    ['waits for hours', { ladderSeconds: [0, 7200, ...Array(30).fill(3600)] }, 'ladderSeconds'],
    ['begins tomorrow', { ladderSeconds: [80_000, ...Array(30).fill(3600)] }, 'ladderSeconds'],
    ['is spent before its day', { ladderSeconds: [0, 60, 60, 60] }, 'ladderSeconds'],
    ['takes a yes for a no', { success: { body: { equals: 'success' } } }, 'success'],
    ['supersedes', { supersede: true }, 'supersede'],
    ['gives no time to answer', { timeoutMs: 100 }, 'timeoutMs'],
    ['lets nothing through', { ratePerSecondPerEndpoint: 0.001 }, 'ratePerSecondPerEndpoint'],
    ['works one at a time', { concurrency: 1 }, 'concurrency'],
    ['calls a participant one by one', { maxInFlightPerEndpoint: 1 }, 'maxInFlightPerEndpoint'],
  ])('a second phase that %s is refused', async (_what, change, field) => {
    const before = await rulesOf('tcc-second');
    const { body } = await put('tcc-second', change, 422);
    expect(body).toMatchObject({ code: 'protocol_queue', errors: [{ path: `body.${field}` }] });
    expect(await rulesOf('tcc-second')).toEqual(before);
  });

  test('nor may they come from nowhere: a PUT of nothing, or of a preset, is one of the default rules', async () => {
    for (const given of [{}, { preset: 'wechatpay' }, { preset: 'alipay' }]) {
      await gateway.operator.put('/v1/queues/tcc-second', given).expect(422);
    }
  });

  test('a try is called once and at once, whatever the operator wants', async () => {
    for (const ladderSeconds of [[0, 1], [30]]) {
      const { body } = await put('tcc-try', { ladderSeconds }, 422);
      expect(body).toMatchObject({ code: 'protocol_queue' });
    }
    await put('tcc-try', { timeoutMs: 8000 }, 200);
  });

  test('within these floors an operator tunes them', async () => {
    const ladderSeconds = [0, 5, 30, 300, ...Array(25).fill(3600)];
    const change = { ladderSeconds, timeoutMs: 5000, concurrency: 50 };
    const { body } = await put('tcc-second', change, 200);
    expect(body).toMatchObject(change);
    await put('tcc-second', { ratePerSecondPerEndpoint: 5 }, 200);
  });
});

test('the rules of check-backs are the protocol’s own: no queue takes their name', async () => {
  const { body } = await gateway.operator.put('/v1/queues/message-check', {}).expect(409);
  expect(body.code).toBe('protocol_queue');
  await gateway.operator.get('/v1/queues/message-check').expect(404);
});

test.each(NAMES)('%s cannot be deleted', async (name) => {
  const { body } = await gateway.operator.delete(`/v1/queues/${name}`).expect(409);
  expect(body.code).toBe('protocol_queue');
});

test.each(NAMES)('nothing of anybody’s is sent into %s', async (queue) => {
  const notification = { merchantId: merchant.id, type: 'a.b', businessKey: 'k', payload: {} };
  const direct = await producer.api
    .post('/v1/notifications', { ...notification, queue })
    .expect(422);
  expect(direct.body).toMatchObject({ code: 'protocol_queue', errors: [{ path: 'body.queue' }] });
  const batch = await producer.api
    .post('/v1/notifications/batch', {
      notifications: [{ ...notification, queue }, notification],
    })
    .expect(202);
  expect(batch.body.data).toMatchObject([
    { status: 422, problem: { code: 'protocol_queue' } },
    { status: 202 },
  ]);
  const message = await producer.api
    .post('/v1/messages', {
      notification: { ...notification, queue },
      checkUrl: receiver.url(),
      completion: 'http',
    })
    .expect(422);
  expect(message.body).toMatchObject({
    code: 'protocol_queue',
    errors: [{ path: 'body.notification.queue' }],
  });

  const at = `/v1/merchants/${merchant.id}/endpoints`;
  const made = await merchant.api.post(at, { url: receiver.url(), queue }).expect(422);
  expect(made.body.code).toBe('protocol_queue');
  const { body: endpoint } = await merchant.api.post(at, { url: receiver.url() }).expect(201);
  const moved = await merchant.api.patch(`/v1/endpoints/${endpoint.id}`, { queue }).expect(422);
  expect(moved.body.code).toBe('protocol_queue');
});

test('what was broken before is put right by the migration', async () => {
  const { prisma } = gateway.db.database;
  await prisma.$executeRaw`
    INSERT INTO policy (queue, version, preset, ladder_seconds, deadline_seconds, jitter, timeout_ms,
        success, supersede, max_in_flight, rate_per_second, concurrency)
    SELECT queue, 1000, preset, '{0}', 60, jitter, timeout_ms, success, supersede, max_in_flight,
           rate_per_second, concurrency FROM policy WHERE queue = 'tcc-second' AND version = 1`;
  await prisma.$executeRaw`UPDATE queue SET version = 1000 WHERE name = 'tcc-second'`;
  await prisma.$executeRaw`DELETE FROM queue WHERE name = 'tcc-try'`;
  await prisma.$executeRaw`INSERT INTO queue (name, version) VALUES ('message-check', 1)`;
  const { body } = await merchant.api
    .post(`/v1/merchants/${merchant.id}/endpoints`, { url: receiver.url() })
    .expect(201);
  await prisma.$executeRaw`UPDATE endpoint SET queue = 'tcc-second' WHERE id = ${body.id}`;
  // It was accepted when that was possible, and goes where everything goes that names no queue.
  const accepted = await producer.api
    .post('/v1/notifications', {
      merchantId: merchant.id,
      type: 'a.b',
      businessKey: 'k',
      payload: {},
    })
    .expect(202);
  expect(accepted.body.queue).toBe('default');

  const statements = (await readFile(HEAL, 'utf8')).split(/;\s*$/m).filter((text) => text.trim());
  for (const statement of statements) await prisma.$executeRawUnsafe(statement);
  const { version, ...healed } = await rulesOf('tcc-second');
  expect(version).toBe(1001);
  expect(healed).toMatchObject({ deadlineSeconds: 86_400, timeoutMs: 15_000 });
  expect(healed.ladderSeconds).toHaveLength(33);
  for (const name of WITH_A_ROW) await rulesOf(name);
  expect((await rulesOf('tcc-try')).ladderSeconds).toEqual([0]);
  await gateway.operator.get('/v1/queues/message-check').expect(404);
  const endpoint = await merchant.api.get(`/v1/endpoints/${body.id}`).expect(200);
  expect(endpoint.body.queue).toBeNull();
});
