import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { pageQuery } from '../../../src/api/pagination.ts';
import { route } from '../../../src/api/route.ts';
import { echo, exchange, get, KEYS, post, type Running, serve } from '../harness.ts';

const KIB = 1024;

const order = route({
  method: 'post',
  path: '/v1/orders',
  roles: ['operator'],
  tag: 'Notifications',
  summary: 'Order',
  body: z.strictObject({
    name: z.string(),
    lines: z.array(z.strictObject({ type: z.enum(['a', 'b']), count: z.number() })).default([]),
  }),
  bodyLimitBytes: 2 * KIB,
  responses: { 201: z.unknown() },
  audit: 'changes nothing',
  handle: async (call) => ({ status: 201, body: call.body }),
});

const routes = [
  echo,
  order,
  get('/v1/orders', async (call) => ({ status: 200, body: call.query }), { query: pageQuery }),
  get('/v1/orders/{id}', async (call) => ({ status: 200, body: call.params }), {
    params: z.strictObject({ id: z.string().max(10) }),
  }),
  get('/v1/orders/latest', async () => ({ status: 200, body: 'latest' })),
  post('/v1/orders/{id}/pause', async (call) => ({
    status: 200,
    body: { raw: call.rawBody, body: call.body === undefined ? 'none' : call.body },
  })),
  post('/v1/orders/{id}/ack', async (call) => ({ status: 200, body: call.body }), {
    body: z.strictObject({ consumer: z.string().optional() }),
  }),
  { ...post('/v1/orders/{id}', async () => ({ status: 204 })), method: 'delete' as const },
];

let running: Running;
beforeAll(async () => {
  running = await serve({ routes });
});
afterAll(() => running.close());

describe('bodies', () => {
  const GOOD = '{"name":"x"}';
  const json = { 'content-type': 'application/json' };

  test.each<[string, number, string | null, string | Uint8Array, Record<string, string>]>([
    ['plain JSON', 201, null, GOOD, json],
    ['charset utf-8', 201, null, GOOD, { 'content-type': 'Application/JSON; Charset="UTF-8"' }],
    ['a +json type', 201, null, GOOD, { 'content-type': 'application/cloudevents+json' }],
    ['identity encoding', 201, null, GOOD, { ...json, 'content-encoding': 'identity' }],
    [
      'another charset',
      415,
      'unsupported_media_type',
      GOOD,
      { 'content-type': 'application/json; charset=gbk' },
    ],
    ['text', 415, 'unsupported_media_type', GOOD, { 'content-type': 'text/plain' }],
    [
      'a form',
      415,
      'unsupported_media_type',
      'a=1',
      { 'content-type': 'application/x-www-form-urlencoded' },
    ],
    ['gzip', 415, 'unsupported_media_type', GOOD, { ...json, 'content-encoding': 'gzip' }],
    ['malformed', 400, 'malformed_json', '{"name":', json],
    ['invalid UTF-8', 422, 'invalid_request', Uint8Array.of(0x22, 0xff, 0x22), json],
    ['33 levels', 422, 'invalid_request', '['.repeat(33) + ']'.repeat(33), json],
    ['a NUL', 422, 'invalid_request', '{"name":"\\u0000"}', json],
    ['half a surrogate pair', 422, 'invalid_request', '{"name":"\\ud800"}', json],
    ['a key __proto__', 422, 'invalid_request', '{"name":"x","__proto__":{}}', json],
    ['an unknown field', 422, 'invalid_request', '{"name":"x","nmae":"y"}', json],
    ['nothing', 422, 'invalid_request', '', json],
    ['exactly the limit', 422, 'invalid_request', `"${'x'.repeat(2 * KIB - 2)}"`, json],
    ['a byte too many', 413, 'payload_too_large', `"${'x'.repeat(2 * KIB - 1)}"`, json],
  ])('%s → %i %s', async (_name, status, code, body, headers) => {
    const answer = await running.call('/v1/orders', { method: 'POST', body, headers });
    expect([answer.status, answer.json.code ?? null]).toEqual([status, code]);
  });

  test('the limit is 64 KiB where a route names none', async () => {
    const fits = `"${'x'.repeat(64 * KIB - 2)}"`;
    expect((await running.call('/v1/echo', { body: fits })).status).toBe(200);
    expect((await running.call('/v1/echo', { body: `${fits} ` })).status).toBe(413);
  });

  test('a chunked body beyond the limit is refused, and the connection lives on', async () => {
    const chunk = `400\r\n${'x'.repeat(KIB)}\r\n`;
    const head = (more: string) =>
      `POST /v1/orders HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${KEYS.operator}\r\n${more}\r\n`;
    const answer = await exchange(
      running.port,
      head('content-type: application/json\r\ntransfer-encoding: chunked\r\n'),
      `${chunk.repeat(100)}0\r\n\r\n`,
      head('content-type: application/json\r\ncontent-length: 12\r\nconnection: close\r\n'),
      GOOD,
    );
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 413', 'HTTP/1.1 201']);
  });

  test('a body of many chunks arrives whole, as it was written', async () => {
    const text = JSON.stringify({ text: '支付成功'.repeat(4000) });
    const answer = await running.call('/v1/echo', { body: text });
    expect(answer.json.rawBody).toBe(text);
    expect(answer.json.body).toEqual(JSON.parse(text));
  });

  test('no body and no content type is fine where none is needed', async () => {
    const pause = await running.call('/v1/orders/7/pause', { method: 'POST' });
    expect(pause.json).toEqual({ raw: '', body: 'none' });
    const typed = await running.call('/v1/orders/7/pause', { method: 'POST', headers: json });
    expect(typed.status).toBe(200);
    const ack = await running.call('/v1/orders/7/ack', { method: 'POST' });
    expect(ack.json).toEqual({});
    const gone = await running.call('/v1/orders/7', { method: 'DELETE', headers: json });
    expect([gone.status, gone.text]).toEqual([204, '']);
  });

  test('a route without a body takes {} and no field', async () => {
    expect((await running.call('/v1/orders/7/pause', { body: '{}' })).status).toBe(200);
    const answer = await running.call('/v1/orders/7/pause', { body: '{"now":true}' });
    expect(answer.json.errors).toEqual([{ path: 'body.now', message: 'Unknown field.' }]);
  });

  test('a required body that is missing is said to be', async () => {
    const answer = await running.call('/v1/orders', { method: 'POST' });
    expect(answer.json.errors).toEqual([{ path: 'body', message: 'A JSON body is required.' }]);
  });
});

describe('validation', () => {
  test('faults are named by where they are', async () => {
    const lines = [
      { type: 'a', count: 1 },
      { type: 'c', count: '1', colour: 'red' },
      { type: 'b' },
    ];
    const answer = await running.call('/v1/orders', { body: JSON.stringify({ lines }) });
    expect(answer.status).toBe(422);
    expect(answer.json.errors.map((error: { path: string }) => error.path)).toEqual([
      'body.name',
      'body.lines.1.type',
      'body.lines.1.count',
      'body.lines.1.colour',
      'body.lines.2.count',
    ]);
    expect(answer.json.errors[0].message).toBe('Required.');
    expect(answer.json.detail).toBe('body.name: Required.');
  });

  test('at most 20 faults are listed', async () => {
    const lines = Array.from({ length: 50 }, () => ({ type: 'c', count: 1 }));
    const answer = await running.call('/v1/orders', { body: JSON.stringify({ name: 'x', lines }) });
    expect(answer.json.errors).toHaveLength(20);
    const unknown = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`k${n}`, n]));
    const other = await running.call('/v1/orders', {
      body: JSON.stringify({ name: 'x', ...unknown }),
    });
    expect(other.json.errors).toHaveLength(20);
  });

  test.each([
    ['/v1/orders?limit=0', 'query.limit'],
    ['/v1/orders?limit=101', 'query.limit'],
    ['/v1/orders?limit=1&limit=2', 'query.limit'],
    ['/v1/orders?colour=red', 'query.colour'],
    ['/v1/orders?__proto__=1', 'query.__proto__'],
    ['/v1/orders/latest?limit=1', 'query.limit'],
    ['/v1/orders/12345678901', 'params.id'],
    ['/v1/orders/%00', 'params'],
    ['/v1/orders?cursor=%00', 'query'],
  ])('%s → 422 at %s', async (path, where) => {
    const answer = await running.call(path);
    expect([answer.status, answer.json.code]).toEqual([422, 'invalid_request']);
    expect(answer.json.errors[0].path).toBe(where);
  });

  test('a query arrives parsed, a parameter decoded', async () => {
    expect((await running.call('/v1/orders?limit=5')).json).toEqual({ limit: 5 });
    expect((await running.call('/v1/orders/%E6%94%AF%2F1')).json).toEqual({ id: '支/1' });
  });

  test('an escape in the path that is none → 400', async () => {
    const answer = await running.call('/v1/orders/%zz');
    expect([answer.status, answer.json.code]).toEqual([400, 'bad_request']);
  });
});

describe('paths and methods', () => {
  test('a fixed path wins over a parameter, whatever their order', async () => {
    expect((await running.call('/v1/orders/latest')).json).toBe('latest');
  });

  test('an unknown path → 404', async () => {
    const answer = await running.call('/v1/nothing/here?secret=1');
    expect([answer.status, answer.json.code]).toEqual([404, 'not_found']);
    expect(answer.json.instance).toBe('/v1/nothing/here');
  });

  test.each([
    ['PUT', '/v1/orders', 'POST, GET, HEAD'],
    ['PATCH', '/v1/orders/7', 'GET, HEAD, DELETE'],
    ['OPTIONS', '/v1/echo', 'POST'],
    ['POST', '/healthz', 'GET, HEAD'],
  ])('%s %s → 405, Allow: %s', async (method, path, allow) => {
    const answer = await running.call(path, { method });
    expect([answer.status, answer.json.code]).toEqual([405, 'method_not_allowed']);
    expect(answer.headers.get('allow')).toBe(allow);
  });

  test('HEAD is GET without the body', async () => {
    const answer = await running.call('/v1/orders/latest', { method: 'HEAD' });
    expect([answer.status, answer.text]).toEqual([200, '']);
    expect(answer.headers.get('content-length')).toBe('8');
  });

  test('two routes of the same name are a mistake', async () => {
    await expect(serve({ routes: [echo, echo] })).rejects.toThrow('post /v1/echo');
  });
});

describe('headers', () => {
  test('an acceptable X-Request-Id is echoed, also in problems; else one is made', async () => {
    const given = { 'x-request-id': 'order-17.A_b' };
    const found = await running.call('/v1/orders/latest', { headers: given });
    expect(found.headers.get('x-request-id')).toBe('order-17.A_b');
    const lost = await running.call('/v1/nowhere', { headers: given });
    expect(lost.json.requestId).toBe('order-17.A_b');
    for (const id of ['', 'has blank', 'x'.repeat(129), 'quote"']) {
      const made = await running.call('/v1/nowhere', { headers: { 'x-request-id': id } });
      expect(made.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
      expect(made.json.requestId).toBe(made.headers.get('x-request-id'));
    }
  });

  test('answers are not kept, not guessed at, not framed, and do not name their framework', async () => {
    const { headers } = await running.call('/v1/orders/latest');
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none';frame-ancestors 'none'",
    );
    expect(headers.get('x-powered-by')).toBeNull();
    expect(headers.get('etag')).toBeNull();
  });

  test("a reply's own headers win, and its own text is sent as it is", async () => {
    const csv = await serve({
      routes: [
        get('/v1/csv', async () => ({
          status: 200,
          headers: { 'Content-Type': 'text/csv', 'Cache-Control': 'private', ETag: '"7"' },
          body: 'a,b\n',
        })),
      ],
    });
    const answer = await csv.call('/v1/csv');
    await csv.close();
    expect(answer.text).toBe('a,b\n');
    expect(answer.headers.get('content-type')).toBe('text/csv');
    expect(answer.headers.get('cache-control')).toBe('private');
    expect(answer.headers.get('etag')).toBe('"7"');
  });
});

describe('log', () => {
  test('one line a request: the template, not the path; no query, no body, no key', async () => {
    const quiet = await serve({ routes });
    await quiet.call('/v1/orders/ORDER-1?limit=CANARY', { headers: { 'x-request-id': 'r1' } });
    await quiet.call('/v1/echo', { body: '"CANARY"', headers: { 'x-request-id': 'r2' } });
    await quiet.call('/v1/echo', { body: '{"CANARY', headers: { 'x-request-id': 'r3' } });
    await quiet.close();
    expect(quiet.logged).toMatchObject([
      { level: 30, method: 'GET', route: '/v1/orders/{id}', status: 422, requestId: 'r1' },
      { level: 30, method: 'POST', route: '/v1/echo', status: 200, keyId: 'key_operator' },
      { level: 30, method: 'POST', route: '/v1/echo', status: 400, requestId: 'r3' },
    ]);
    expect(JSON.stringify(quiet.logged)).not.toMatch(/CANARY|ORDER-1|pr_operator/);
  });
});
