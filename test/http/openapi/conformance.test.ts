import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { documentOf, exercised, mustConform } from '../../support/conformance.ts';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';

/**
 * Every operation of the document is called, so that its answer has been checked against its schema:
 * `api.ts` does that with every answer. What is new has to be called here as well.
 */

let gateway: TestGateway;
let receiver: Receiver;
let ours: Awaited<ReturnType<TestGateway['merchant']>>;
let producer: Awaited<ReturnType<TestGateway['producer']>>;

beforeAll(async () => {
  gateway = await testGateway();
  receiver = await startReceiver();
  receiver.answer({ body: '{"decision":"commit"}' });
  receiver.answer(500, '/broken');
  ours = await gateway.merchant();
  producer = await gateway.producer(ours.id);
});
afterAll(async () => {
  await gateway?.close();
  await receiver?.close();
});

const keyOf = () => `ORDER-${randomBytes(4).toString('hex')}`;
const event = (more: object = {}) => ({
  merchantId: ours.id,
  type: 'a.b',
  businessKey: keyOf(),
  payload: { n: 1 },
  queue: 'late',
  result: { status: 'SUCCESS', version: 1, amount: '1.00', currency: 'CNY' },
  ...more,
});
const notify = async (more: object = {}) =>
  (await producer.api.post('/v1/notifications', event(more)).expect(202)).body;

test('the service and the queues', async () => {
  const { operator } = gateway;
  for (const path of ['/healthz', '/readyz', '/openapi.json', '/docs', '/metrics']) {
    await operator.get(path).expect(200);
  }
  await operator.put('/v1/queues/late', { ladderSeconds: [3600] }).expect(200);
  const notifyProducer = { url: receiver.url('/ends') };
  await operator.put('/v1/queues/gone', { preset: 'alipay', notifyProducer }).expect(200);
  await operator.get('/v1/queues').expect(200);
  await operator.get('/v1/queues/gone').expect(200);
  await operator.get('/v1/queues/gone/preview?from=2026-11-22T10:00:00Z').expect(200);
  await operator.delete('/v1/queues/gone').expect(204);
});

test('merchants, keys and endpoints', async () => {
  const { operator } = gateway;
  const at = `/v1/merchants/${ours.id}`;
  await operator.get('/v1/merchants').expect(200);
  await operator.get(at).expect(200);
  await operator.patch(at, { name: 'Ours' }).expect(200);
  await operator.post(`${at}/rotate-secret`, {}).expect(200);
  const { body: key } = await operator
    .post('/v1/keys', { role: 'producer', name: 'k' })
    .expect(201);
  await operator.post(`/v1/keys/${key.id}/rotate-secret`, {}).expect(200);
  await operator.get('/v1/keys').expect(200);
  await gateway.as(key.key).get('/v1/keys/self').expect(200);
  await gateway.as(key.key).post('/v1/keys/self/rotate').expect(200);
  await gateway.as(key.key).post('/v1/keys/self/rotate').expect(409);
  await operator.delete(`/v1/keys/${key.id}/sessions`).expect(200);
  await operator.delete(`/v1/keys/${key.id}`).expect(204);
  const pager = { url: receiver.url(), types: ['alert.*'] };
  await operator.post('/v1/alert-endpoints', pager).expect(201);
  await operator.get('/v1/alert-endpoints').expect(200);
  await operator.get('/v1/event-types').expect(200);
  const hook = { url: receiver.url(), types: ['x.*'] };
  const { body: endpoint } = await ours.api.post(`${at}/endpoints`, hook).expect(201);
  const one = `/v1/endpoints/${endpoint.id}`;
  await ours.api.get(`${at}/endpoints`).expect(200);
  await ours.api.get(one).expect(200);
  await ours.api.patch(one, { description: 'd' }).expect(200);
  await ours.api.post(`${one}/rotate-secret`, {}).expect(200);
  await ours.api.post(`${one}/pause`).expect(200);
  await ours.api.post(`${one}/resume`).expect(200);
  await ours.api.post(`${one}/test`).expect(200);
  await ours.api.delete(one).expect(204);
});

test('notifications, deliveries and results', async () => {
  const all = { url: receiver.url('/broken'), types: ['a.*'], queue: 'late' };
  await ours.api.post(`/v1/merchants/${ours.id}/endpoints`, all).expect(201);
  const first = await notify();
  const [delivery] = first.deliveries;
  const told = event({ notifyProducer: { url: receiver.url('/ends'), on: ['failed'] } });
  await producer.api.post('/v1/notifications/batch', { notifications: [told] }).expect(202);
  await ours.api.get('/v1/notifications').expect(200);
  await ours.api.get('/v1/notifications?undelivered=true').expect(200);
  await producer.api.get('/v1/notifications?ended=true').expect(200);
  await gateway.operator.get('/v1/notifications?ended=true').expect(200);
  await ours.api.get('/v1/notifications?ended=true').expect(403);
  await ours.api.get(`/v1/notifications/${first.id}`).expect(200);
  await ours.api.get('/v1/deliveries').expect(200);
  await ours.api.get(`/v1/notifications/${first.id}/body`).expect(200);
  await ours.api.get(`/v1/deliveries/${delivery.id}`).expect(200);
  await ours.api.get(`/v1/deliveries/${delivery.id}/schedule`).expect(200);
  await ours.api.post(`/v1/deliveries/${delivery.id}/resend`, { reason: 'r' }).expect(202);
  await until(async () => {
    const { body } = await ours.api.get(`/v1/deliveries/${delivery.id}/attempts`).expect(200);
    return body.data.length > 0;
  });
  await ours.api.get(`/v1/results/${first.businessKey}`).expect(200);
  await ours.api.get(`/v1/results?businessKey=${first.businessKey}&fields=latest`).expect(200);
  await ours.api
    .post('/v1/results/query', { businessKeys: [first.businessKey, 'unknown'] })
    .expect(200);
  await ours.api.post(`/v1/notifications/${first.id}/ack`, {}).expect(200);
  await ours.api.post('/v1/notifications/ack', { ids: [first.id] }).expect(200);
  const second = await notify();
  await producer.api.post(`/v1/notifications/${second.id}/cancel`, {}).expect(200);
});

test('statements and reconciliations', async () => {
  await notify();
  const date = new Date().toISOString().slice(0, 10);
  await ours.api.get(`/v1/statements/${date}`).expect(200);
  const notice = `/v1/merchants/${ours.id}/statement-notice`;
  await ours.api.put(notice, { at: '08:30', timezone: 'Asia/Shanghai' }).expect(200);
  await ours.api.get(notice).expect(200);
  await ours.api.delete(notice).expect(204);
  await ours.api.get(`/v1/statements/${date}`, { accept: 'text/csv' }).expect(200);
  await ours.api.get(`/v1/statements/${date}`, { accept: 'application/x-ndjson' }).expect(200);
  const record = { businessKey: keyOf(), status: 'SUCCESS', amount: '1.00', currency: 'CNY' };
  const list = { date: '2026-01-02', records: [record] };
  const { body } = await ours.api.post('/v1/reconciliations', list).expect(202);
  const at = `/v1/reconciliations/${body.id}`;
  await until(async () => (await ours.api.get(at).expect(200)).body.status === 'completed');
  await ours.api.get('/v1/reconciliations').expect(200);
  const { body: found } = await ours.api.get(`${at}/differences`).expect(200);
  const { number } = found.data[0];
  await ours.api
    .post(`${at}/differences/${number}/handle`, { action: 'accept_ours', reason: 'r' })
    .expect(200);
  for (const accept of ['application/json', 'text/csv', 'application/x-ndjson']) {
    await ours.api.get(`${at}/adjustments`, { accept }).expect(200);
  }
  await ours.api.post(`${at}/resend-missing`, {}).expect(202);
});

test('the overview and the live events', async () => {
  await gateway.operator.get('/v1/overview?window=24h').expect(200);
  await ours.api.get(`/v1/merchants/${ours.id}/endpoints/overview`).expect(200);
  await gateway.operator.get('/v1/events').expect(200);
});

test('bulk re-sends and the audit log', async () => {
  const { operator } = gateway;
  await Promise.all([notify({ type: 'a.c' }), notify({ type: 'a.c' })]);
  const filter = { type: 'a.c', status: 'pending' };
  const ask = { filter, reason: 'r', ratePerSecond: 0.1 };
  await operator.post('/v1/resends', { ...ask, dryRun: true }).expect(200);
  const { body } = await operator.post('/v1/resends', ask).expect(202);
  await operator.get('/v1/resends').expect(200);
  await operator.get(`/v1/resends/${body.id}`).expect(200);
  for (const action of ['pause', 'resume', 'cancel']) {
    await operator.post(`/v1/resends/${body.id}/${action}`).expect(200);
  }
  await operator.get('/v1/audit-log').expect(200);
  await operator.get('/v1/audit-log/verify').expect(200);
  await operator.get('/v1/audit-log/archive').expect(200);
});

/** What takes a story of its own, which other test files tell with their answers checked too. */
const ELSEWHERE = [/ \/v1\/messages/, / \/v1\/transactions/];

test('leave no operation of the document out', async () => {
  const { paths } = await documentOf(gateway.url);
  const all = Object.entries(paths).flatMap(([path, items]) =>
    Object.keys(items).map((method) => `${method} ${path}`),
  );
  const succeeded = new Set(
    [...exercised].filter((name) => / 2\d\d$/.test(name)).map((name) => name.slice(0, -4)),
  );
  const left = all.filter(
    (name) => !succeeded.has(name) && !ELSEWHERE.some((pattern) => pattern.test(name)),
  );
  expect(left).toEqual([]);
});

test('what comes with answers is told: of results, replays and waiting', async () => {
  const { api } = producer;
  const key = { 'idempotency-key': keyOf() };
  const body = event();
  const { body: sent } = await api.post('/v1/notifications', body, key).expect(202);
  const again = await api.post('/v1/notifications', body, key).expect(202);
  expect(again.headers.get('idempotent-replayed')).toBe('true');
  await api.post('/v1/notifications', event(), key).expect(422);
  const unknown = { 'idempotency-key': keyOf() };
  for (const replayed of [null, 'true']) {
    const answer = await api.post('/v1/notifications/ntf_unknown/cancel', {}, unknown).expect(404);
    expect(answer.headers.get('idempotent-replayed')).toBe(replayed);
  }
  const at = `/v1/results/${sent.businessKey}`;
  const etag = (await ours.api.get(at).expect(200)).headers.get('etag') ?? '';
  await ours.api.get(at, { 'if-none-match': etag }).expect(304);
  await gateway.as('pr_operator_wrong').get('/v1/queues').expect(401);
  await ours.api.get('/v1/keys').expect(403);
  await api.post('/v1/notifications', 'text', { 'content-type': 'text/plain' }).expect(415);
  // As many live streams as one key may hold, and one more.
  const leave = new AbortController();
  const headers = { authorization: `Bearer ${ours.key}` };
  for (let open = 0; open < 5; open += 1) {
    await fetch(`${gateway.url}/v1/events`, { headers, signal: leave.signal });
  }
  await ours.api.get('/v1/events').expect(429);
  leave.abort();
});

test('an answer that is not as the document says fails', async () => {
  const answer = {
    method: 'GET',
    target: '/healthz',
    status: 200,
    text: '{"status":"ok","version":"1"}',
  };
  const usual = {
    'content-type': 'application/json',
    'x-request-id': 'r',
    'cache-control': 'no-store',
  };
  const check = ({ headers = {}, ...more }: { headers?: object } & Record<string, unknown>) =>
    mustConform(gateway.url, {
      ...answer,
      ...more,
      headers: new Headers({ ...usual, ...headers }),
    });
  await check({});
  const [more, less] = ['{"status":"ok","version":"1","secret":1}', '{"status":"ok"}'];
  await expect(check({ text: more })).rejects.toThrow('additional');
  await expect(check({ text: less })).rejects.toThrow('required');
  await expect(check({ status: 418 })).rejects.toThrow('not in the document');
  const html = { 'content-type': 'text/html' };
  await expect(check({ headers: html })).rejects.toThrow('not in the document');
  for (const name of ['postrider-new', 'etag', 'retry-after', 'location', 'x-anything']) {
    await expect(check({ headers: { [name]: '1' } })).rejects.toThrow(`${name} is not in the`);
  }
  const unnamed = { ...answer, headers: new Headers({ ...html, 'cache-control': 'no-store' }) };
  await expect(mustConform(gateway.url, unnamed)).rejects.toThrow('x-request-id is missing');
  const limited = { target: '/openapi.json', headers: { 'ratelimit-limit': 'many' } };
  await expect(check(limited)).rejects.toThrow('ratelimit-limit has another schema');
});
