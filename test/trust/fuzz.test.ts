import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../../src/ids.ts';
import { OPERATOR_KEY, type TestGateway, testGateway } from '../support/gateway.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';
import { type Answer, type Ask, type Client, insideOf, openClient } from './client.ts';
import { type ApiDocument, conforming, type Operation, readDocument } from './document.ts';
import { broken, damaged, EVIL_TIMES, evilText, unbroken } from './mutate.ts';
import { sayRaw } from './wire.ts';

/** 20,000 in CI; `FUZZ_SEED` repeats a run that failed. */
const CASES = process.env.CI === 'true' ? 20_000 : 2000;
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
/** So many at once. */
const LANES = 20;
/** Far more than it takes: a slow machine is no fault. */
const TIMEOUT_MS = 240_000;

let gateway: TestGateway;
let receiver: Receiver;
let client: Client;
let document: ApiDocument;
/** Ids of notifications that were accepted, by what the answers said. */
const accepted = new Set<string>();
/** Log lines of level `error` and above: every one is a fault of ours. */
const faults: string[] = [];
/** What paths, queries and bodies may name, so that not all of them stop at "no such thing". */
const known = new Map<string, string[]>();
const keys: Record<string, string> = {};

const onLog = (line: string) => {
  if (JSON.parse(line).level >= 50) faults.push(line);
};

beforeAll(async () => {
  // Nothing is sent meanwhile: made-up addresses must not be called.
  gateway = await testGateway({ roles: ['api'], onLog });
  receiver = await startReceiver();
  client = openClient(() => gateway.url, LANES);
  document = await readDocument(gateway.url);
  const sender = await gateway.merchant('m_intake');
  const other = await gateway.merchant('m_endpoints');
  const narrow = await gateway.producer('m_intake');
  const { body: spare } = await gateway.operator
    .post('/v1/keys', { role: 'producer', name: 'to be revoked' })
    .expect(201);
  Object.assign(keys, {
    operator: OPERATOR_KEY,
    merchant: other.key,
    producer: narrow.key,
    wrong: `${narrow.key}x`,
  });
  const url = receiver.url('/hook');
  await sender.api.post('/v1/merchants/m_intake/endpoints', { url }).expect(201);
  const endpoints: string[] = [newId('ep')];
  const notifications: string[] = [newId('ntf')];
  const deliveries: string[] = [newId('dlv')];
  for (let n = 0; n < 20; n += 1) {
    const endpoint = await other.api.post('/v1/merchants/m_endpoints/endpoints', { url });
    endpoints.push(endpoint.body.id);
    const event = { merchantId: 'm_intake', type: 'payment.made', businessKey: 'ORDER-1' };
    const { body } = await narrow.api
      .post('/v1/notifications', { ...event, payload: { n } })
      .expect(202);
    notifications.push(body.id);
    deliveries.push(body.deliveries[0].id);
    accepted.add(body.id);
  }
  const cursors = [...notifications, ...endpoints, '1.1', '20261122080000000x'];
  const names = {
    merchantId: ['m_endpoints', 'm_endpoints', 'm_absent'],
    'endpoints/id': endpoints,
    'notifications/id': notifications,
    'deliveries/id': deliveries,
    'keys/id': [spare.id, newId('ep').replace('ep', 'key')],
    name: ['default', 'fuzz-1', 'fuzz-2', 'absent'],
    queue: ['default'],
    businessKey: ['ORDER-1', 'ORDER-2'],
    eventId: Array.from({ length: 1000 }, (_, n) => `evt-${n}`),
    endpointId: endpoints,
    date: ['2026-11-22', new Date().toISOString().slice(0, 10)],
    status: ['pending', 'failed,skipped'],
    limit: ['1', '100'],
    cursor: cursors.map((text) => Buffer.from(text).toString('base64url')),
    url: [url, `${url}?q=1`],
    notifyUrl: [url],
    expiresAt: ['2126-01-01T00:00:00Z'],
    undelivered: ['true'],
    timezone: ['UTC', 'Asia/Shanghai'],
    messageId: Array.from({ length: 50 }, (_, n) => `message-${n}`),
    'messages/id': Array.from({ length: 50 }, (_, n) => `message-${n}`),
    gid: Array.from({ length: 50 }, (_, n) => `gid-${n}`),
    branchId: ['stock', 'points', 'order'],
    checkUrl: [url],
    tryUrl: [url],
    confirmUrl: [url],
    cancelUrl: [url],
    waitMs: ['0', '10'],
  };
  for (const [name, values] of Object.entries(names)) known.set(name, values);
});
afterAll(async () => {
  await client?.close();
  await gateway?.close();
  await receiver?.close();
});

/** Runs a property in so many lanes at once; each of them names its own seed when it fails. */
async function inLanes<T>(
  cases: number,
  arbitrary: fc.Arbitrary<T>,
  check: (each: T) => Promise<void>,
): Promise<void> {
  const runs = Array.from({ length: LANES }, (_, lane) =>
    fc.assert(fc.asyncProperty(arbitrary, check), {
      numRuns: Math.ceil(cases / LANES),
      seed: SEED + lane,
      interruptAfterTimeLimit: TIMEOUT_MS - 20_000,
      markInterruptAsFailure: true,
    }),
  );
  const failed = (await Promise.allSettled(runs)).find((run) => run.status === 'rejected');
  if (failed !== undefined) throw new Error(`FUZZ_SEED=${SEED}`, { cause: failed.reason });
}

/** What must hold for any answer to anything. */
function mustBeSound(answer: Answer): void {
  const { status, headers, text } = answer;
  note(answer);
  expect(status, text).toBeLessThan(500);
  expect(headers['x-request-id']).toMatch(/^[A-Za-z0-9._-]{1,128}$/);
  if (status < 400 || text === '') return;
  expect(headers['content-type']).toBe('application/problem+json');
  const problem = JSON.parse(text);
  expect(problem.status).toBe(status);
  // A repeat gets the first answer, word by word, with the name of the first request in it.
  const isRepeat = headers['idempotent-replayed'] === 'true';
  expect(problem.requestId).toEqual(isRepeat ? expect.any(String) : headers['x-request-id']);
  expect(problem.code).toMatch(/^[a-z_]+$/);
  expect(problem.title).toMatch(/\w/);
  expect(insideOf(text)).toEqual([]);
}

/** Remembers what was accepted. */
function note({ status, text }: Answer): void {
  if (status !== 202 || !text.startsWith('{')) return;
  const body = JSON.parse(text);
  const items = Array.isArray(body.data) ? body.data : [{ status, notification: body }];
  for (const each of items) {
    const id = each.status === 202 ? each.notification?.id : undefined;
    if (typeof id === 'string' && id.startsWith('ntf_')) accepted.add(id);
  }
}

const oneOf = (values: readonly string[] = []) => fc.constantFrom(...values);

/** Mostly what is known, so that a body has one fault and not ten. */
function hint(name: string): fc.Arbitrary<unknown> | undefined {
  if (name === 'merchantId') return fc.constantFrom('m_intake', 'm_intake', 'm_intake', 'm_absent');
  if (name === 'notifications') return fc.array(item(), { minLength: 1, maxLength: 4 });
  const values = known.get(name);
  return values && !['name', 'status', 'limit', 'waitMs'].includes(name)
    ? oneOf(values)
    : undefined;
}

function item(): fc.Arbitrary<unknown> {
  const { body } = document.operations.find(({ name }) => name === 'post /v1/notifications') ?? {};
  return conforming(body ?? {}, document, 'some', (name) =>
    name === 'notifications' ? undefined : hint(name),
  );
}

/** Half surrogate pairs, which no UTF-8 can hold, become replacement characters. */
const wellFormed = (text: string) => Buffer.from(text).toString();

/** Text that may stand in an address, but hardly for anything there is. */
const foreign: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: evilText.map((text) => encodeURIComponent(wellFormed(text))) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('%00', '%ff', '%', '%u0041', '%ED%A0%80', '..%2f..%2f', '%25%30'),
  },
);

function target({ path }: Operation): fc.Arbitrary<string> {
  // `id` of `/v1/endpoints/{id}` is `endpoints/id`.
  const names = [...path.matchAll(/(\w+\/)\{(\w+)\}/g)];
  return filled(
    path,
    names.map(([, of, name = '']) => oneOf(known.get(`${of}${name}`) ?? known.get(name) ?? ['1'])),
  );
}

function foreignTarget({ path }: Operation): fc.Arbitrary<string> {
  const places = path.match(/\{\w+\}/g) ?? [];
  return filled(
    path,
    places.map(() => foreign),
  );
}

function filled(path: string, values: fc.Arbitrary<string>[]): fc.Arbitrary<string> {
  return fc
    .tuple(...values)
    .map((texts) => texts.reduce((text, value) => text.replace(/\{\w+\}/, () => value), path));
}

/** Parameters that exist, with values that may not; a few that do not exist either. */
function query({ parameters }: Operation): fc.Arbitrary<string> {
  const named = parameters.filter((each) => each.in === 'query');
  const times = fc.constantFrom(...EVIL_TIMES).map(encodeURIComponent);
  const pairs = [...named, ...named, ...named, { name: 'unknown', schema: {} }].map((each) => {
    const { name, schema } = each;
    const values = oneOf(known.get(name) ?? ['1']);
    // That is how the document says "a time".
    const choices = JSON.stringify(schema).includes('T(?:') ? [times, times] : [];
    return fc.oneof(values, foreign, ...choices).map((value) => `${name}=${value}`);
  });
  const pair = fc.oneof(...pairs);
  const odd = fc.constantFrom('__proto__=1', 'limit[]=1', 'limit=1&limit=2', '=', '&&&', '?', '%');
  return fc
    .array(fc.oneof({ weight: 9, arbitrary: pair }, { weight: 1, arbitrary: odd }), {
      minLength: 1,
      maxLength: 3,
    })
    .map((pairs) => pairs.join('&'));
}

type Headers = Record<string, string>;

/** Somebody who may call it; once in a while somebody who may not. */
function caller({ roles }: Operation): fc.Arbitrary<Headers> {
  const right = fc.constantFrom(...(roles ?? []));
  const wrong = fc.constantFrom('operator', 'producer', 'merchant', 'wrong', 'none');
  return fc
    .oneof({ weight: 14, arbitrary: right }, { weight: 1, arbitrary: wrong })
    .map((who) => (keys[who] === undefined ? {} : { authorization: `Bearer ${keys[who]}` }));
}

const visible = /[^\x20-\x7e]/g;
const asHeader = evilText.map((text) => text.replace(visible, '').slice(0, 300));
const extras: fc.Arbitrary<Headers> = fc
  .array(
    fc.oneof(
      fc.tuple(
        fc.constant('idempotency-key'),
        fc.oneof(fc.constantFrom('k1', '"k1"', 'k2', 'k3'), asHeader),
      ),
      fc.tuple(fc.constant('x-request-id'), asHeader),
      fc.tuple(
        fc.constantFrom('accept', 'if-none-match', 'x-forwarded-for', 'x-http-method-override'),
        asHeader,
      ),
      fc.tuple(fc.constant('accept'), fc.constantFrom('text/csv', '*/*', 'text/event-stream')),
    ),
    { minLength: 1, maxLength: 2 },
  )
  .map((pairs) => Object.fromEntries(pairs));

const jsonType: Headers = { 'content-type': 'application/json' };
const types: fc.Arbitrary<Headers> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(jsonType) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Headers[]>(
      {},
      { 'content-type': 'text/plain' },
      { 'content-type': 'text/csv' },
      { 'content-type': 'application/json; charset=utf-16' },
      { 'content-type': 'application/json;charset="utf-8"' },
      { 'content-type': 'application/x-www-form-urlencoded' },
      { 'content-type': 'multipart/form-data; boundary=x' },
      { 'content-type': ';;;=,' },
      { ...jsonType, 'content-encoding': 'gzip' },
      { ...jsonType, 'content-encoding': 'identity' },
      { ...jsonType, 'content-encoding': 'br, br, br' },
    ),
  },
);

/** Shots at all operations: most of them at intake, at each of the others some. */
function shots(make: (operation: Operation) => fc.Arbitrary<Shot>): fc.Arbitrary<Shot> {
  const weights: Record<string, number> = {
    'post /v1/notifications': 20,
    'post /v1/notifications/batch': 10,
  };
  const operations = document.operations.filter(({ isOpen }) => !isOpen);
  return fc.oneof(
    ...operations.map((each) => ({ weight: weights[each.name] ?? 2, arbitrary: make(each) })),
  );
}

const valid = ({ body }: Operation) =>
  body === null ? fc.constant({}) : conforming(body, document, 'some', hint);

interface Shot extends Ask {
  of: string;
  chunked: boolean;
}

/** A request in which one part was made by the schema and then broken: its body mostly. */
function aimed(operation: Operation): fc.Arbitrary<Shot> {
  const { name, method, body, path } = operation;
  const sound = {
    target: target(operation),
    caller: caller(operation),
    query: fc.constant<string>(''),
    extras: fc.constant<Headers>({}),
    text: unbroken(valid(operation)),
  };
  const parts: { weight: number; arbitrary: fc.Arbitrary<PartsOf<typeof sound>> }[] = [
    { weight: 1, arbitrary: fc.record(sound) },
    { weight: 2, arbitrary: fc.record({ ...sound, extras }) },
  ];
  if (operation.parameters.some((each) => each.in === 'query')) {
    parts.push({ weight: 4, arbitrary: fc.record({ ...sound, query: query(operation) }) });
  }
  if (path.includes('{')) {
    parts.push({ weight: 2, arbitrary: fc.record({ ...sound, target: foreignTarget(operation) }) });
  }
  if (body !== null) {
    const text = broken(valid(operation));
    parts.push({ weight: 10, arbitrary: fc.record({ ...sound, text }) });
  }
  return fc.oneof(...parts).map(({ target, caller, query, extras, text }) => ({
    of: name,
    method,
    target: query === '' ? target : `${target}?${query}`,
    headers: { ...extras, ...caller, ...(body !== null && jsonType) },
    ...(body !== null && { body: text }),
    chunked: false,
  }));
}

type PartsOf<T> = { [K in keyof T]: T[K] extends fc.Arbitrary<infer V> ? V : never };

/** A request whose body is bytes that nobody can have meant. */
function rough(operation: Operation): fc.Arbitrary<Shot> {
  const { name, method } = operation;
  const bytes = fc.oneof(
    { weight: 3, arbitrary: damaged(unbroken(valid(operation))) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((some) => Buffer.from(some)) },
  );
  return fc
    .record({
      target: target(operation),
      caller: caller(operation),
      types,
      bytes,
      chunked: fc.boolean(),
    })
    .map(({ target, caller, types, bytes, chunked }) => ({
      of: name,
      method: method === 'GET' ? 'POST' : method,
      target,
      headers: { ...caller, ...types },
      body: bytes,
      chunked,
    }));
}

async function shoot({ of: _of, chunked, ...ask }: Shot): Promise<void> {
  const body = ask.body;
  const isStream = chunked && Buffer.isBuffer(body);
  mustBeSound(await client.ask(isStream ? { ...ask, body: pieces(body) } : ask));
}

async function* pieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 97) yield bytes.subarray(at, at + 97);
}

test('bodies, queries and headers that are nearly right', { timeout: TIMEOUT_MS }, async () => {
  await inLanes(CASES * 0.7, shots(aimed), shoot);
});

test('bodies that are not even text', { timeout: TIMEOUT_MS }, async () => {
  await inLanes(CASES * 0.2, shots(rough), shoot);
});

test('what is hardly HTTP', { timeout: TIMEOUT_MS }, async () => {
  const port = Number(new URL(gateway.url).port);
  await inLanes(CASES * 0.1, wireText(), async (text) => {
    const bytes = Buffer.from(text, 'latin1');
    const { answers, isRefused } = await sayRaw(port, bytes);
    for (const answer of answers) mustBeSound(answer);
    // Nobody is hung up on without a word, but who asks for another protocol: that is Node's way.
    const isForeign = /^\s*CONNECT /.test(text) || /^upgrade:/m.test(text);
    if (isRefused && !isForeign) expect(answers.length).toBeGreaterThan(0);
  });
});

/** Marks what was sent by a client that may hang up before it has its answer. */
const WIRE = 'WIRE';

/** A request in its own bytes, each written as the character of that code, with faults where HTTP itself has its joints. */
function wireText(): fc.Arbitrary<string> {
  const intake = valid(
    document.operations.find(({ name }) => name === 'post /v1/notifications') as Operation,
  ).map((value) =>
    // ASCII alone, so that characters and bytes are the same.
    JSON.stringify({ ...(value as object), businessKey: WIRE }).replace(
      /[^\x20-\x7e]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
  );
  const odd = fc.constantFrom('', ' ', '\t', '\0', '\xff\xfe', ':', '\r', '\n', '\x7f', '{}');
  const requestLine = fc.oneof(
    { weight: 6, arbitrary: fc.constant('POST /v1/notifications HTTP/1.1') },
    {
      weight: 4,
      arbitrary: fc
        .tuple(
          fc.constantFrom('POST', 'GET', 'PUT', 'TRACE', 'OPTIONS', 'CONNECT', 'PRI', 'post', ''),
          fc.constantFrom('/v1/notifications', '*', 'http://x/v1/queues', '//', '/%', '/v1/\xff'),
          fc.constantFrom('HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/9.9', 'HTTP', ''),
        )
        .map((parts) => parts.join(' ')),
    },
  );
  const header = fc.oneof(
    fc.constantFrom(
      'expect: 100-continue',
      'expect: a miracle',
      'upgrade: websocket\r\nconnection: upgrade',
      'connection: close, keep-alive',
      'transfer-encoding: gzip, chunked',
      'transfer-encoding: identity',
      'transfer-encoding:\x0bchunked',
      'content-length: 5',
      'content-length: -1',
      'content-length: 99999999999999999999',
      'content-length: +2',
      'content-length: 0x10',
      'host: y',
      ' folded: line',
      'x-request-id: \xe9\xff',
      'idempotency-key: \xe9',
      `x-long: ${'z'.repeat(20_000)}`,
      'authorization: Basic x',
    ),
    fc.tuple(odd, odd, fc.string({ maxLength: 10 })).map((parts) => parts.join('')),
  );
  const chunk = fc.oneof(
    { weight: 3, arbitrary: intake.map((text) => `${text.length.toString(16)}\r\n${text}\r\n`) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        'zz\r\n',
        '-1\r\n',
        'ffffffffffffffffff\r\n',
        '5\r\nabc\r\n',
        '1;ext="\r\n\r\n',
        `1;${'e'.repeat(20_000)}\r\na\r\n`,
        '0\r\nx: y\r\n',
        '2\r\n{}',
        '0\r\n\r\n',
        '\0\0\0',
      ),
    },
  );
  const body = fc.array(chunk, { maxLength: 3 }).map((chunks) => chunks.join(''));
  return fc
    .record({
      requestLine,
      host: fc.constantFrom('host: x', 'host: x', 'host: x', 'x-host: x', 'host:', 'host: \xff'),
      caller: fc.constantFrom(OPERATOR_KEY, keys.producer, 'nobody'),
      headers: fc.array(header, { maxLength: 3 }),
      isChunked: fc.boolean(),
      body,
      end: fc.constantFrom('0\r\n\r\n', '0\r\n\r\n', '', 'GET / HTTP/1.1\r\n\r\n'),
      cutAt: fc.option(fc.nat(2000), { freq: 4 }),
    })
    .map(({ requestLine, host, caller, headers, isChunked, body, end, cutAt }) => {
      const head = [
        requestLine,
        host,
        `authorization: Bearer ${caller}`,
        'content-type: application/json',
        ...headers,
        ...(isChunked ? ['transfer-encoding: chunked'] : []),
      ];
      const text = `${head.join('\r\n')}\r\n\r\n${body}${end}`;
      return text.slice(0, cutAt ?? undefined);
    });
}

test('afterwards it answers, has kept what it accepted, and nothing else', async () => {
  expect((await client.ask({ method: 'GET', target: '/readyz' })).status).toBe(200);
  const { rows } = await gateway.db.database.pool.query(
    // Those that a confirmed message has made were no notifications that were sent.
    `SELECT id, business_key FROM notification
      WHERE id NOT IN (SELECT notification_id FROM message WHERE notification_id IS NOT NULL)`,
  );
  const ids = (kept: typeof rows) => new Set(kept.map(({ id }) => id));
  const heard = (id: string) => accepted.has(id);
  expect(ids(rows.filter((row) => row.business_key !== WIRE || heard(row.id)))).toEqual(accepted);
  expect(accepted.size).toBeGreaterThan(CASES / 50);
  expect(faults).toEqual([]);
});

test('a worker that finds all this is stopped by none of it', { timeout: 60_000 }, async () => {
  const rules = { ladderSeconds: [0, 1], deadlineSeconds: 60, concurrency: 50 };
  await gateway.operator.put('/v1/queues/healthy', rules).expect(200);
  const worker = await testGateway({ roles: ['worker'], db: gateway.db, onLog });
  try {
    const healthy = await gateway.merchant();
    const url = receiver.url('/healthy');
    await healthy.api.post(`/v1/merchants/${healthy.id}/endpoints`, { url }).expect(201);
    const send = (merchantId: string, queue: string) =>
      gateway.operator
        .post('/v1/notifications', {
          merchantId,
          type: 'payment.made',
          businessKey: 'AFTER',
          payload: {},
          queue,
        })
        .expect(202);
    // All endpoints that were made up share the healthy one's queue.
    await send('m_endpoints', 'healthy');
    for (let n = 0; n < 5; n += 1) {
      const { body } = await send(healthy.id, 'healthy');
      await until(
        async () =>
          (await healthy.api.get(`/v1/notifications/${body.id}`)).body.status === 'delivered',
        { timeoutMs: 10_000, what: 'a healthy delivery' },
      );
    }
    expect(faults).toEqual([]);
  } finally {
    await worker.close();
  }
});
