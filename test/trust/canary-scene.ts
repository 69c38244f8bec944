import { newKey } from '../../src/features/accounts/keys/key-format.ts';
import type { ApiAnswer } from '../support/api.ts';
import { execute } from '../support/database.ts';
import { OPERATOR_KEY, type TestGateway } from '../support/gateway.ts';
import { hang, type Receiver, reset, startReceiver } from '../support/receiver.ts';
import type { RedisServer } from '../support/redis.ts';
import { until } from '../support/until.ts';
import type { Canaries } from './canaries.ts';
import type { ApiDocument } from './document.ts';

/** What the scenes play on. */
export interface Stage {
  gateway: TestGateway;
  receiver: Receiver;
  canaries: Canaries;
  document: ApiDocument;
  redisServer: RedisServer | null;
  /** Calls as the holder of a key, and remembers what was refused. */
  call(
    key: string | null,
    method: string,
    target: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; body: ApiAnswer['body'] }>;
  /** Resolves when a log line has this in it. */
  logs(text: string): Promise<unknown>;
}

export interface Cast {
  merchantId: string;
  merchantKey: string;
  producerKey: string;
}

/** Attempts that are made soon, twice, and then wait for long. */
const QUEUE = 'canary';

/** A merchant and a producer, with all that is shown once; some of it asked for a second time. */
export async function enter({ call, canaries }: Stage): Promise<Cast> {
  const rules = { ladderSeconds: [0, 1, 3600], timeoutMs: 400, jitter: 0 };
  await call(OPERATOR_KEY, 'PUT', `/v1/queues/${QUEUE}`, rules);
  const make = async (path: string, body?: object) => {
    const once = { 'idempotency-key': path };
    const first = await call(OPERATOR_KEY, 'POST', path, body, once);
    const second = await call(OPERATOR_KEY, 'POST', path, body, once);
    if (JSON.stringify(first) !== JSON.stringify(second)) throw new Error('Not the same answer.');
    return first.body;
  };
  const merchant = await make('/v1/merchants', { name: 'Shop' });
  const producer = await make('/v1/keys', { role: 'producer', name: 'orders' });
  const { body: operator } = await call(OPERATOR_KEY, 'POST', '/v1/keys', {
    role: 'operator',
    name: 'second',
  });
  const rotated = await make(`/v1/merchants/${merchant.id}/rotate-secret`);
  canaries.add('merchant key', merchant.key);
  canaries.add('merchant secret', merchant.secret);
  canaries.add('rotated merchant secret', rotated.secret);
  canaries.add('producer key', producer.key);
  canaries.add('callback secret', producer.callbackSecret);
  canaries.add('second operator key', operator.key);
  await call(operator.key, 'GET', '/v1/queues');
  return { merchantId: merchant.id, merchantKey: merchant.key, producerKey: producer.key };
}

/** One endpoint for each way an attempt can end; each is tested once. @returns the first one's id */
export async function endpoints(stage: Stage, { merchantId, merchantKey }: Cast): Promise<string> {
  const { call, canaries, receiver } = stage;
  const query = `?q=${canaries.make('query of an endpoint')}`;
  const headers = { 'x-shop-token': canaries.make('custom header') };
  const body = canaries.make('answer of a receiver');
  const closed = await startReceiver();
  await closed.close();
  receiver.answer({ status: 200, body }, `/ok${query}`);
  receiver.answer({ status: 500, body }, `/500${query}`);
  receiver.answer({ status: 410 }, `/gone${query}`);
  receiver.answer(hang, `/hang${query}`);
  receiver.answer(reset, `/reset${query}`);
  receiver.answer({ status: 302, headers: { location: '/x' } }, `/moved${query}`);
  const ids: string[] = [];
  for (const url of [
    ...['/ok', '/500', '/gone', '/hang', '/reset', '/moved'].map((path) =>
      receiver.url(`${path}${query}`),
    ),
    closed.url(`/refused${query}`),
    receiver.url(`/tls${query}`).replace('http:', 'https:'),
    `http://nobody.invalid/dns${query}`,
  ]) {
    const secret = canaries.makeSecret('endpoint secret');
    const made = await call(
      merchantKey,
      'POST',
      `/v1/merchants/${merchantId}/endpoints`,
      { url, secret, headers, queue: QUEUE },
      { 'idempotency-key': `canary-${ids.length}` },
    );
    if (made.status !== 201) throw new Error(`${made.status}: ${JSON.stringify(made.body)}`);
    const { id } = made.body;
    ids.push(id);
    const rotated = await call(merchantKey, 'POST', `/v1/endpoints/${id}/rotate-secret`, {});
    canaries.add('rotated endpoint secret', rotated.body.secret);
    await call(merchantKey, 'POST', `/v1/endpoints/${id}/test`);
  }
  return ids[0] ?? '';
}

const eventFor = ({ merchantId }: Cast) => ({
  merchantId,
  type: 'a.b',
  businessKey: 'K',
  queue: QUEUE,
});

/** @returns one that goes to all endpoints */
export async function notifications({ call, canaries, receiver }: Stage, cast: Cast) {
  const { producerKey } = cast;
  const payload = { card: canaries.make('payload') };
  const notifyUrl = receiver.url(`/own?q=${canaries.make('query of a notifyUrl')}`);
  const event = { ...eventFor(cast), payload };
  const path = '/v1/notifications';
  const once = { 'idempotency-key': 'canary-n' };
  const { body: sent } = await call(producerKey, 'POST', path, event, once);
  const batch = {
    notifications: [
      { ...event, notifyUrl },
      { ...event, unknown: 1 },
    ],
  };
  await call(producerKey, 'POST', `${path}/batch`, batch);
  await call(producerKey, 'POST', path, { ...event, eventId: 'e' });
  // Conflicts: another event of this id, another request of this key.
  await call(producerKey, 'POST', path, { ...event, payload: { ...payload, n: 1 }, eventId: 'e' });
  await call(producerKey, 'POST', path, { ...event, payload: { ...payload, n: 2 } }, once);
  return sent as { id: string; deliveries: { id: string }[] };
}

/** The other protocols, where there are any. */
export async function otherProtocols(stage: Stage, { merchantId, producerKey }: Cast) {
  const { call, canaries, receiver, document } = stage;
  const url = (what: string) => receiver.url(`/callback?q=${canaries.make(what)}`);
  const has = (name: string) => document.operations.some((each) => each.name === name);
  const demand = ({ status, body }: { status: number; body: unknown }) => {
    if (status !== 201) throw new Error(`${status}: ${JSON.stringify(body)}`);
  };
  if (has('post /v1/messages')) {
    const payload = { card: canaries.make('payload of a message') };
    const notification = { merchantId, type: 'a.b', businessKey: 'M', payload };
    const checkUrl = url('query of a checkUrl');
    const message = { notification, checkUrl, checkAfterSeconds: 1, completion: 'http' };
    const first = await call(producerKey, 'POST', '/v1/messages', message);
    demand(first);
    demand(await call(producerKey, 'POST', '/v1/messages', message));
    await call(producerKey, 'POST', `/v1/messages/${first.body.id}/confirm`);
  }
  if (has('post /v1/transactions')) {
    const query = url('query of a branch');
    const payload = { card: canaries.make('payload of a branch') };
    const branch = { branchId: 'stock', confirmUrl: query, cancelUrl: query, payload };
    const asked = { businessKey: 'T', mode: 'initiator', branches: [branch] };
    const made = await call(producerKey, 'POST', '/v1/transactions', asked);
    demand(made);
    await call(producerKey, 'POST', `/v1/transactions/${made.body.gid}/confirm`);
  }
}

/** Refused at the door: what is wrong must be said without saying it again. */
export async function mistakes({ call, canaries, receiver }: Stage, cast: Cast): Promise<void> {
  const { merchantId, merchantKey, producerKey } = cast;
  const wrong = canaries.make('wrong value');
  const key = newKey('operator');
  canaries.add('key that nobody has', key);
  await call(key, 'GET', '/v1/queues');
  await call(`pr_operator_${wrong}`, 'GET', '/v1/queues');
  await call(wrong, 'GET', `/v1/notifications?businessKey=${wrong}`);
  await call(null, 'GET', `/v1/queues?access_token=${producerKey}`);
  await call(producerKey, 'GET', `/v1/notifications?businessKey=${wrong}`);
  await call(producerKey, 'GET', `/v1/notifications?status=${wrong}&limit=${wrong}`);
  await call(producerKey, 'GET', `/v1/deliveries?cursor=${wrong}`);
  await call(producerKey, 'GET', `/v1/nowhere?q=${wrong}`);
  await call(merchantKey, 'POST', '/v1/notifications', { payload: { card: wrong } });
  const url = receiver.url('/ok');
  const event = { merchantId, type: 'a.b', businessKey: 'K', payload: { card: wrong } };
  const bodies: [key: string, path: string, body: unknown][] = [
    { url, secret: `whsec_${wrong}` },
    { url: `http://user:${wrong}@127.0.0.1/` },
    { url: `https://${wrong}\\@127.0.0.1/?q=${wrong}` },
    { url, headers: { 'x-token': `${wrong}\n` } },
    { url, headers: { host: wrong } },
    { url, body: wrong },
    { url, queue: wrong },
    { url, maxInFlight: wrong, types: [wrong, `${wrong}!`] },
    `{"url":"${url}","secret":"${wrong}`,
    `{"url":"${wrong}\\u0000"}`,
    `"${wrong}"`,
  ].map((body) => [merchantKey, `/v1/merchants/${merchantId}/endpoints`, body]);
  for (const body of [
    { ...event, payload: wrong },
    { ...event, result: { status: 'OK', amount: wrong } },
    { ...event, occurredAt: wrong, notifyUrl: wrong },
    { ...event, notifyUrl: `https://x/${wrong}#${wrong}` },
    { ...event, payload: { card: wrong.repeat(5000) } },
    `${JSON.stringify(event)}}`,
  ]) {
    bodies.push([producerKey, '/v1/notifications', body]);
  }
  for (const [key, path, body] of bodies) {
    for (const more of [
      {},
      { 'content-type': 'text/plain', 'x-request-id': `${wrong} ${wrong}` },
    ]) {
      const { status } = await call(key, 'POST', path, body, more);
      if (![400, 413, 415, 422].includes(status)) throw new Error(`${status}: ${body}`);
    }
  }
}

/** Rows that the database refuses from now on; it says in its error what was in them. */
const REFUSED = {
  notification: `business_key <> 'FORBIDDEN'`,
  endpoint: `coalesce(description, '') <> 'FORBIDDEN'`,
  api_key: `name <> 'FORBIDDEN'`,
  merchant: `name <> 'FORBIDDEN'`,
  attempt: 'coalesce(status_code, 0) <> 418',
};

/** @returns the statuses of the calls that the database failed */
export async function databaseErrors(stage: Stage, cast: Cast): Promise<number[]> {
  const { call, canaries, gateway, receiver, logs } = stage;
  const { merchantId, merchantKey, producerKey } = cast;
  const alter = (change: (table: string, rule: string) => string) =>
    execute(
      gateway.db.url,
      Object.entries(REFUSED)
        .map(([table, rule]) => change(table, rule))
        .join(';'),
    );
  const event = { ...eventFor(cast), payload: { card: canaries.make('payload') } };
  const send = (more: object) =>
    call(producerKey, 'POST', '/v1/notifications', { ...event, ...more });
  const teapot = `/teapot?q=${canaries.make('query of a notifyUrl')}`;
  receiver.answer({ status: 418, body: canaries.make('answer of a receiver') }, teapot);

  await alter((table, rule) => `ALTER TABLE ${table} ADD CONSTRAINT canary CHECK (${rule})`);
  const failed = [
    await send({ businessKey: 'FORBIDDEN' }),
    await call(merchantKey, 'POST', `/v1/merchants/${merchantId}/endpoints`, {
      url: receiver.url(`/ok?q=${canaries.make('query of an endpoint')}`),
      secret: canaries.makeSecret('endpoint secret'),
      headers: { 'x-shop-token': canaries.make('custom header') },
      description: 'FORBIDDEN',
    }),
    await call(OPERATOR_KEY, 'POST', '/v1/keys', { role: 'producer', name: 'FORBIDDEN' }),
    await call(OPERATOR_KEY, 'POST', '/v1/merchants', { name: 'FORBIDDEN' }),
  ];
  await send({ notifyUrl: receiver.url(teapot) });
  await logs('recording results failed');
  await alter((table) => `ALTER TABLE ${table} DROP CONSTRAINT canary`);

  // Every connection breaks, in the middle of what goes on.
  const busy = Array.from({ length: 20 }, () => send({}));
  await execute(
    gateway.db.url,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()`,
  );
  await Promise.all(busy);
  await ready(stage);
  return failed.map(({ status }) => status);
}

/** The timers hang, and then are lost, while wakes are handed over. */
export async function timerErrors(stage: Stage, cast: Cast): Promise<void> {
  const { call, canaries, logs, redisServer } = stage;
  if (redisServer === null) return;
  const event = { ...eventFor(cast), payload: { card: canaries.make('payload') } };
  redisServer.pause();
  await call(cast.producerKey, 'POST', '/v1/notifications', event);
  await logs('given up');
  redisServer.resume();
  await redisServer.restart();
  await call(cast.producerKey, 'POST', '/v1/notifications', event);
  await ready(stage);
}

async function ready({ call }: Stage): Promise<void> {
  await until(async () => (await call(null, 'GET', '/readyz')).status === 200, {
    timeoutMs: 20_000,
  });
}
