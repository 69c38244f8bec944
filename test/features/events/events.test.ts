import { afterAll, beforeAll, expect, test } from 'vitest';
import { OPERATOR_KEY, type TestGateway, testGateway } from '../../support/gateway.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';
import { type EventReader, readEvents } from './event-reader.ts';

let api: TestGateway;
let worker: TestGateway;
let receiver: Receiver;
let ours: Awaited<ReturnType<TestGateway['merchant']>>;
let theirs: Awaited<ReturnType<TestGateway['merchant']>>;
const endpoints = new Map<string, string>();
const readers: EventReader[] = [];

// Two processes' worth of gateway: attempts are made by the one, and shown by the other.
beforeAll(async () => {
  api = await testGateway({ roles: ['api'] });
  worker = await testGateway({ roles: ['worker'], db: api.db });
  receiver = await startReceiver();
  receiver.answer(500, '/broken');
  await api.operator.put('/v1/queues/once', { ladderSeconds: [0] }).expect(200);
  ours = await api.merchant();
  theirs = await api.merchant();
  for (const { id } of [ours, theirs]) {
    const path = `/v1/merchants/${id}/endpoints`;
    const good = { url: receiver.url('/good'), types: ['good'], queue: 'once' };
    const { body } = await api.operator.post(path, good).expect(201);
    endpoints.set(id, body.id);
    const bad = { url: receiver.url('/broken'), types: ['bad'], queue: 'once' };
    await api.operator.post(path, bad).expect(201);
  }
});
afterAll(async () => {
  for (const reader of readers) await reader.close();
  await worker?.close();
  await api?.close();
  await receiver?.close();
});

async function listen(key: string, query = '', headers: Record<string, string> = {}) {
  const reader = await readEvents(`${api.url}/v1/events${query}`, key, headers);
  readers.push(reader);
  return reader;
}

const send = async (merchantId: string, type: string, businessKey: string) =>
  (
    await api.operator
      .post('/v1/notifications', { merchantId, type, businessKey, payload: {} })
      .expect(202)
  ).body;

const keysOf = (reader: EventReader) => reader.events.map(({ data }) => data.businessKey);

test('shows attempts that another process has made, and what became of them', async () => {
  const reader = await listen(ours.key);
  const sent = await send(ours.id, 'bad', 'FIRST');
  await send(theirs.id, 'bad', 'THEIRS');
  await send(ours.id, 'good', 'SECOND');
  const events = await reader.waitFor(2);
  expect(keysOf(reader).sort()).toEqual(['FIRST', 'SECOND']);
  expect(events.find(({ data }) => data.businessKey === 'FIRST')?.data).toMatchObject({
    deliveryId: sent.deliveries[0].id,
    notificationId: sent.id,
    merchantId: ours.id,
    endpointId: sent.deliveries[0].endpointId,
    url: receiver.url('/broken'),
    type: 'bad',
    queue: 'once',
    cycle: 1,
    number: 1,
    trigger: 'ladder',
    outcome: 'http_status',
    statusCode: 500,
    delivery: { status: 'failed', reason: 'ladder_spent', nextAttemptAt: null },
  });
  await reader.close();
});

test('names the notification of a confirmed message too', async () => {
  const { api: producer } = await api.producer();
  const notification = { merchantId: ours.id, type: 'good', businessKey: 'MESSAGE', payload: {} };
  const checkUrl = receiver.url('/check');
  const { body: message } = await producer
    .post('/v1/messages', { notification, checkUrl, completion: 'http' })
    .expect(201);
  const reader = await listen(OPERATOR_KEY, '?businessKey=MESSAGE');
  const { body } = await producer.post(`/v1/messages/${message.id}/confirm`).expect(200);
  const [event] = await reader.waitFor(1);
  const { body: delivery } = await api.operator
    .get(`/v1/deliveries/${event?.data.deliveryId}`)
    .expect(200);
  expect(body.notificationId).toMatch(/^ntf_/);
  expect(delivery.notificationId).toBe(body.notificationId);
  expect(event?.data.notificationId).toBe(body.notificationId);
  await reader.close();
});

test('lets through what the filter names, and nothing else', async () => {
  const everything = await listen(OPERATOR_KEY);
  const filtered = await Promise.all(
    [
      `?merchantId=${theirs.id}`,
      `?endpointId=${endpoints.get(ours.id)}`,
      '?outcome=success,timeout',
      '?type=bad&businessKey=A,B',
    ].map((query) => listen(OPERATOR_KEY, query)),
  );
  await send(ours.id, 'good', 'A');
  await send(ours.id, 'bad', 'B');
  await send(theirs.id, 'good', 'C');
  await everything.waitFor(3);
  await until(() => filtered[0]?.events.length === 1 && filtered[2]?.events.length === 2);
  expect(filtered.map((reader) => keysOf(reader).sort())).toEqual([
    ['C'],
    ['A'],
    ['A', 'C'],
    ['B'],
  ]);
  await Promise.all([everything, ...filtered].map((reader) => reader.close()));
});

test('a merchant that asks for another one’s sees nothing', async () => {
  const own = await listen(ours.key);
  const other = await listen(ours.key, `?merchantId=${theirs.id}`);
  await send(theirs.id, 'good', 'HIDDEN');
  await send(ours.id, 'good', 'SHOWN');
  await own.waitFor(1);
  expect([keysOf(own), keysOf(other)]).toEqual([['SHOWN'], []]);
  await Promise.all([own.close(), other.close()]);
});

test('resumes behind the last one seen: none skipped, none twice', async () => {
  const first = await listen(ours.key);
  await send(ours.id, 'good', 'SEEN');
  const [seen] = await first.waitFor(1);
  await first.close();
  for (const key of ['MISSED-1', 'MISSED-2']) await send(ours.id, 'good', key);
  await until(async () => {
    const { body } = await ours.api.get('/v1/deliveries?status=delivered&businessKey=MISSED-2');
    return body.data.length === 1;
  });
  const again = await listen(ours.key, '', { 'last-event-id': seen?.id ?? '' });
  await send(ours.id, 'good', 'LATER');
  await until(() => keysOf(again).includes('LATER'));
  expect(keysOf(again).sort()).toEqual(['LATER', 'MISSED-1', 'MISSED-2']);
  await again.close();
});

test('a place that is not of this database is a gap, and the stream goes on', async () => {
  const reader = await listen(ours.key, '', {
    'last-event-id': '9000000000000000000.att_01kbh3x2p8e9mr4g5t6v7w8xyz',
  });
  await until(() => reader.names.includes('gap'));
  await send(ours.id, 'good', 'AFTER THE GAP');
  await reader.waitFor(1);
  await reader.close();
});

test('a key has five streams, and the sixth is told to wait', async () => {
  const open = await Promise.all(Array.from({ length: 5 }, () => listen(theirs.key)));
  const refused = await theirs.api.get('/v1/events').expect(429);
  expect(refused.body.code).toBe('too_many_streams');
  expect(refused.headers.get('retry-after')).toBe('10');
  await open[0]?.close();
  await until(async () => {
    const sixth = await listen(theirs.key).catch(() => null);
    await sixth?.close();
    return sixth !== null;
  });
  await Promise.all(open.map((reader) => reader.close()));
});

test('costs nothing while nobody listens', async () => {
  await Promise.all(readers.splice(0).map((reader) => reader.close()));
  const looks = async () => {
    const { rows } = await api.db.database.pool.query(
      `SELECT count(*)::int AS n FROM pg_stat_activity
        WHERE datname = current_database() AND query LIKE '%d.owner_id AS "ownerId"%'
          AND query NOT LIKE '%pg_stat_activity%' AND state_change > now() - interval '1.2 s'`,
    );
    return rows[0].n;
  };
  const reader = await listen(ours.key);
  await until(async () => (await looks()) > 0);
  await reader.close();
  await until(async () => (await looks()) === 0);
});

test('ends at once when the gateway stops, and by itself', async () => {
  const reader = await listen(ours.key);
  const beganAt = performance.now();
  await api.stop();
  await reader.ended;
  expect(performance.now() - beganAt).toBeLessThan(5_000);
  await api.start();
});
