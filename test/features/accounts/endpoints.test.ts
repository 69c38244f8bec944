import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { newSecret } from '../../../src/engine/http/sign.ts';
import { sealOldHeaders } from '../../../src/features/accounts/endpoints/store-sealed-headers.ts';
import { createTargets } from '../../../src/features/accounts/signing/destinations.ts';
import { type Gateway, startGateway } from './gateway.ts';

const URL = 'https://shop.example.com/hook?shop=7';

let gateway: Gateway;
let merchant: { id: string; key: string };
let other: { id: string; key: string };

beforeAll(async () => {
  gateway = await startGateway();
  other = await gateway.merchant();
});
afterAll(() => gateway.close());
beforeEach(async () => {
  merchant = await gateway.merchant();
});

const register = (fields: object = {}, key: string = merchant.key) =>
  gateway.call('POST', `/v1/merchants/${merchant.id}/endpoints`, {
    key,
    body: { url: URL, ...fields },
  });
const patch = (id: string, body: object) => gateway.call('PATCH', `/v1/endpoints/${id}`, { body });
const receiverOf = (id: string) =>
  gateway.database.prisma.receiver.findUniqueOrThrow({ where: { id } });
const targetOf = async (id: string) => {
  const targets = createTargets({ ...gateway, log: { error: () => {} } });
  return (await targets.loadEndpointTargets([id])).get(id);
};

describe('registering', () => {
  test('says which others have its address and hear some of the same types', async () => {
    const at = async (types: string[], url = URL) => (await register({ types, url })).body;
    const payments = await at(['payment.*']);
    await at(['refund.*']);
    await at(['payment.*'], `${URL}/other`);
    const all = await at(['payment.succeeded']);
    expect([payments.duplicates, all.duplicates]).toEqual([[], [payments.id]]);
    const read = await gateway.call('GET', `/v1/endpoints/${payments.id}`, {});
    expect(read.body.duplicates).toEqual([all.id]);
    expect((await patch(all.id, { types: ['invoice.*'] })).body.duplicates).toEqual([]);
  });

  test('needs a url only, and shows the secret once', async () => {
    const { status, body, headers } = await register();
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.stringMatching(/^ep_[0-9a-z]{26}$/),
      merchantId: merchant.id,
      url: URL,
      types: ['*'],
      events: [],
      queue: null,
      description: null,
      headers: {},
      body: 'envelope',
      format: 'standard',
      language: 'en',
      hasFormatSecret: false,
      maxInFlight: null,
      ratePerSecond: null,
      status: 'active',
      disabledReason: null,
      circuit: { state: 'closed', openUntil: null },
      previousSecretExpiresAt: null,
      duplicates: [],
      createdAt: expect.any(String),
      secret: expect.stringMatching(/^whsec_/),
    });
    expect(headers.get('location')).toBe(`/v1/endpoints/${body.id}`);

    const { secret, ...shown } = body;
    const read = await gateway.call('GET', `/v1/endpoints/${body.id}`, { key: merchant.key });
    expect(read.body).toEqual(shown);
    const row = await gateway.database.prisma.endpoint.findUniqueOrThrow({
      where: { id: body.id },
    });
    expect(JSON.stringify(row)).not.toContain(secret.slice('whsec_'.length));
  });

  test('takes everything the contract names, and hands the engine its part', async () => {
    const fields = {
      types: ['payment.*', 'refund.done'],
      queue: 'default',
      description: 'the till',
      headers: { Authorization: 'Basic abc=', 'X-Shop': '7' },
      body: 'raw',
      maxInFlight: 3,
      ratePerSecond: 0.5,
    };
    const secret = newSecret();
    const { body } = await register({ ...fields, secret });
    // Credentials are never shown again.
    const headers = { Authorization: '***', 'X-Shop': '***' };
    expect(body).toMatchObject({ ...fields, headers, secret });
    expect(await receiverOf(body.id)).toMatchObject({ maxInFlight: 3, ratePerSecond: 0.5 });
    expect(await targetOf(body.id)).toEqual({
      id: body.id,
      url: URL,
      headers: fields.headers,
      body: 'raw',
      dress: { format: 'standard', language: 'en', formatSecret: null },
      secrets: [secret],
      deleted: false,
    });
  });

  test('is refused for an unknown queue, an unknown merchant', async () => {
    const answer = await register({ queue: 'nowhere' });
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toEqual([{ path: 'body.queue', message: 'No such queue.' }]);
    const path = '/v1/merchants/nobody/endpoints';
    expect((await gateway.call('POST', path, { body: { url: URL } })).status).toBe(404);
  });

  test('stops at 200 a merchant, however many come at once', async () => {
    await gateway.database.prisma.$executeRaw`
      WITH ids AS (SELECT 'ep_' || lpad(n::text, 26, '0') || ${merchant.id} AS id
                     FROM generate_series(1, 197) AS n),
           made AS (INSERT INTO receiver (id) SELECT id FROM ids RETURNING id)
      INSERT INTO endpoint (id, merchant_id, url, types, headers, body, secret)
      SELECT id, ${merchant.id}, ${URL}, '{*}', '{}', 'envelope', '' FROM made`;
    const answers = await Promise.all(Array.from({ length: 10 }, () => register()));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(3);
    const refused = answers.filter(({ status }) => status !== 201);
    for (const { status, body } of refused) {
      expect([status, body.code]).toEqual([409, 'too_many_endpoints']);
    }

    const made = answers.find(({ status }) => status === 201);
    await gateway.call('DELETE', `/v1/endpoints/${made?.body.id}`);
    expect((await register()).status).toBe(201);
  });

  test('a repeat after a crash answers with the secret that signs', async () => {
    const route = gateway.routes.find(
      ({ method, path }) => `${method} ${path}` === 'post /v1/merchants/{merchantId}/endpoints',
    );
    const call = {
      principal: { keyId: 'k', role: 'operator', name: 'op', merchantId: null },
      params: { merchantId: merchant.id },
      body: route?.body?.parse({ url: URL }),
      reservedId: '01939d0e-0000-7000-8000-0000000000aa',
    };
    await route?.handle(call as never);
    const again = (await route?.handle(call as never))?.body as { id: string; secret: string };
    expect((await targetOf(again.id))?.secrets).toEqual([again.secret]);
  });
});

describe('addresses', () => {
  test.each([
    'http://shop.example.com/',
    'https://127.0.0.1/',
    'https://10.0.0.1/',
    'https://0x7f.1/',
    'https://[::1]/',
    'https://169.254.169.254/latest/meta-data',
    'https://localhost/',
    'https://db.internal/',
    'https://user:pw@shop.example.com/',
    'https://shop.example.com:6379/',
    'ftp://shop.example.com/',
    'not a url',
    '',
  ])('refuses %s', async (url) => {
    const [made, { body }] = [await register({ url }), await register()];
    for (const answer of [made, await patch(body.id, { url })]) {
      expect(answer.status).toBe(422);
      expect(answer.body.code).toBe('invalid_request');
      expect(answer.body.errors[0].path).toBe('body.url');
    }
  });

  test('a name that leads inside is refused in the words for a forbidden literal', async () => {
    gateway.blockedNames.add('inside.example.com');
    const named = await register({ url: 'https://inside.example.com/' });
    const literal = await register({ url: 'https://10.0.0.1/' });
    expect(named.status).toBe(422);
    expect(named.body.errors).toEqual(literal.body.errors);
  });
});

describe('custom headers', () => {
  test('are sealed where they lie', async () => {
    const { body } = await register({ headers: { authorization: 'Bearer s3cret' } });
    const { rows } = await gateway.database.pool.query('SELECT e::text FROM endpoint AS e');
    expect(JSON.stringify(rows)).not.toContain('s3cret');
    expect((await targetOf(body.id))?.headers).toEqual({ authorization: 'Bearer s3cret' });
  });

  test('keep a value that is sent back masked, and know no other', async () => {
    const { body } = await register({ headers: { 'x-one': 'first', 'x-two': 'second' } });
    const kept = await patch(body.id, { headers: { 'x-one': '***', 'x-new': 'third' } });
    expect(kept.body.headers).toEqual({ 'x-one': '***', 'x-new': '***' });
    expect((await targetOf(body.id))?.headers).toEqual({ 'x-one': 'first', 'x-new': 'third' });
    const refused = await patch(body.id, { headers: { 'x-two': '***' } });
    expect([refused.status, refused.body.errors[0].path]).toEqual([422, 'body.headers.x-two']);
    expect((await register({ headers: { 'x-one': '***' } })).status).toBe(422);
    expect((await patch(body.id, { headers: {} })).body.headers).toEqual({});
    expect((await targetOf(body.id))?.headers).toEqual({});
  });

  test('of before they were sealed are sealed, shown to nobody, and sent meanwhile', async () => {
    const { body } = await register();
    const { prisma } = gateway.database;
    await prisma.$executeRaw`
      UPDATE endpoint SET headers = '{"x-old": "value"}', sealed_headers = NULL WHERE id = ${body.id}`;
    const read = () => gateway.call('GET', `/v1/endpoints/${body.id}`, {});
    expect((await read()).body.headers).toEqual({ 'x-old': '***' });
    expect((await targetOf(body.id))?.headers).toEqual({ 'x-old': 'value' });
    expect(await sealOldHeaders(prisma, gateway.secrets, new AbortController().signal)).toBe(1);
    const { rows } = await gateway.database.pool.query('SELECT e::text FROM endpoint AS e');
    expect(JSON.stringify(rows)).not.toContain('"value"');
    expect((await targetOf(body.id))?.headers).toEqual({ 'x-old': 'value' });
    expect((await read()).body.headers).toEqual({ 'x-old': '***' });
  });

  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`x-${n}`, 'v']));

  test.each([
    ['none', {}],
    ['twenty', many(20)],
    ['a credential', { Authorization: 'Bearer abc.def' }],
    ['a cookie', { cookie: 'a=b; c=d' }],
    ['every token character', { "!#$%&'*+-.^_`|~09azAZ": 'x' }],
    ['blanks inside a value', { 'x-a': 'one two' }],
    ['4 KiB in all', { 'x-a': 'v'.repeat(4093) }],
  ])('takes %s', async (_name, headers) => {
    const answer = await register({ headers });
    expect(answer.status).toBe(201);
    expect((await targetOf(answer.body.id))?.headers).toEqual(headers);
    expect(Object.keys(answer.body.headers)).toEqual(Object.keys(headers));
    expect(new Set(Object.values(answer.body.headers)).size).toBeLessThan(2);
  });

  test.each<[string, unknown]>([
    ...[
      'Host',
      'connection',
      'Content-Length',
      'content-type',
      'Content-Encoding',
      'transfer-encoding',
      'Keep-Alive',
      'TE',
      'trailer',
      'upgrade',
      'proxy-authorization',
      'Proxy-Connection',
      'expect',
      'Date',
      'User-Agent',
      'accept-encoding',
      'webhook-id',
      'Webhook-Signature',
      'Postrider-Attempt',
      // What many servers take for the one with a hyphen.
      'webhook_id',
      'Content_Length',
      'http2-settings',
    ].map((name): [string, unknown] => [name, { [name]: 'x' }]),
    ['21 of them', many(21)],
    ['more than 4 KiB in all', { 'x-a': 'v'.repeat(4094) }],
    ['a name twice', { 'x-a': '1', 'X-A': '2' }],
    ['an empty name', { '': 'x' }],
    ['a name with a blank', { 'x a': 'x' }],
    ['a name with a colon', { 'x:a': 'x' }],
    ['a pseudo-header', { ':path': '/' }],
    ['a name with a line end', { 'x-a\r\nhost': 'x' }],
    ['a name beyond ASCII', { 'x-ä': 'x' }],
    ['an empty value', { 'x-a': '' }],
    ['a value with a line end', { 'x-a': 'x\r\nhost: evil' }],
    ['a value with a lone LF', { 'x-a': 'x\n' }],
    ['a value with a tab', { 'x-a': 'a\tb' }],
    ['a value beyond ASCII', { 'x-a': '你好' }],
    ['a value with blanks around', { 'x-a': ' x' }],
    ['a number', { 'x-a': 1 }],
    ['a list', ['x-a']],
    ['null', null],
  ])('refuses %s', async (_name, headers) => {
    const answer = await register({ headers });
    expect(answer.status).toBe(422);
    expect(answer.body.errors[0].path).toMatch(/^body\.headers/);
  });

  test('__proto__ is never one', async () => {
    const body = JSON.parse(`{"url": "${URL}", "headers": {"__proto__": "x"}}`);
    const path = `/v1/merchants/${merchant.id}/endpoints`;
    const answer = await gateway.call('POST', path, { body });
    expect(answer.status).toBe(422);
  });
});

describe('other fields', () => {
  test.each([
    ['types', ['*']],
    ['types', ['payment.succeeded', 'refund.*', 'pay*', 'a-b_c.D9']],
    ['types', Array(50).fill('x')],
    ['ratePerSecond', 10_000],
    ['ratePerSecond', 0.001],
    ['maxInFlight', 1000],
    ['description', ''],
    ['queue', null],
  ])('%s may be %j', async (field, value) => {
    const answer = await register({ [field]: value });
    expect(answer.status).toBe(201);
    expect(answer.body[field]).toEqual(value);
  });

  test.each([
    ['types', []],
    ['types', ['']],
    ['types', ['a b']],
    ['types', ['a..b']],
    ['types', ['.a']],
    ['types', ['a.']],
    ['types', ['*.a']],
    ['types', ['a.*.b']],
    ['types', ['**']],
    ['types', ['a**']],
    ['types', ['a%']],
    ['types', ['x'.repeat(129)]],
    ['types', Array(51).fill('x')],
    ['types', 'payment.*'],
    ['body', 'xml'],
    ['maxInFlight', 0],
    ['maxInFlight', 1001],
    ['maxInFlight', 1.5],
    ['ratePerSecond', 0],
    ['ratePerSecond', -1],
    ['ratePerSecond', 10_001],
    ['description', 'd'.repeat(501)],
    ['secret', 'whsec_dG9vIHNob3J0'],
    ['secret', 'plain-text-secret-that-is-long-enough'],
    ['merchantId', 'm'],
    ['status', 'active'],
  ])('%s may not be %j', async (field, value) => {
    const answer = await register({ [field]: value });
    expect(answer.status).toBe(422);
    expect(answer.body.errors[0].path).toMatch(new RegExp(`^body\\.${field}`));
  });
});

describe('PATCH', () => {
  test('changes what is given and leaves the rest', async () => {
    const { body: made } = await register({ description: 'a', maxInFlight: 5, types: ['a'] });
    const { secret: _secret, ...before } = made;
    expect((await patch(made.id, {})).body).toEqual(before);

    const changes = { types: ['b.*'], ratePerSecond: 2, body: 'raw' };
    const headers = { 'x-a': '***' };
    const { body: changed } = await patch(made.id, { ...changes, headers: { 'x-a': '1' } });
    expect(changed).toEqual({ ...before, ...changes, headers });
    const cleared = { description: null, maxInFlight: null, ratePerSecond: null };
    const after = await patch(made.id, cleared);
    expect(after.body).toEqual({ ...before, ...changes, headers, ...cleared });
    expect(await receiverOf(made.id)).toMatchObject({ maxInFlight: null, ratePerSecond: null });
    expect(gateway.engine.woken).toContain(made.id);
  });

  test('takes types: null for all of them, as registering does', async () => {
    const { body } = await register({ types: ['a'] });
    expect((await patch(body.id, { types: null })).body.types).toEqual(['*']);
    expect((await register({ types: null })).body.types).toEqual(['*']);
  });

  test('refuses what registering refuses', async () => {
    const { id } = (await register()).body;
    for (const body of [{ queue: 'nowhere' }, { types: [] }, { url: null }, { secret: 'x' }]) {
      expect((await patch(id, body)).status).toBe(422);
    }
  });

  test('to another url gives the endpoint a clean slate, to the same one does not', async () => {
    const { id } = (await register()).body;
    const openUntil = new Date(Date.now() + 60_000);
    const data = { openUntil, pauses: 3, failureScore: 60, trusted: true };
    await gateway.database.prisma.receiver.update({ where: { id }, data });
    const same = await patch(id, { url: URL });
    expect(same.body.circuit).toEqual({ state: 'open', openUntil: openUntil.toISOString() });

    const moved = await patch(id, { url: 'https://new.example.com/' });
    expect(moved.body.circuit).toEqual({ state: 'closed', openUntil: null });
    expect(await receiverOf(id)).toMatchObject({ pauses: 0, failureScore: 0, trusted: false });
  });

  test('two at once both count', async () => {
    const { id } = (await register()).body;
    await Promise.all([patch(id, { description: 'x' }), patch(id, { maxInFlight: 9 })]);
    const { body } = await gateway.call('GET', `/v1/endpoints/${id}`);
    expect(body).toMatchObject({ description: 'x', maxInFlight: 9 });
  });
});

describe('pause, resume, test', () => {
  test('a paused endpoint is held until it is resumed', async () => {
    const { id } = (await register()).body;
    const paused = await gateway.call('POST', `/v1/endpoints/${id}/pause`);
    expect(paused).toMatchObject({ status: 200, body: { status: 'paused' } });
    const since = (await receiverOf(id)).pausedAt;
    await gateway.call('POST', `/v1/endpoints/${id}/pause`);
    expect((await receiverOf(id)).pausedAt).toEqual(since);

    gateway.engine.woken.length = 0;
    const resumed = await gateway.call('POST', `/v1/endpoints/${id}/resume`);
    expect(resumed).toMatchObject({ status: 200, body: { status: 'active' } });
    expect(gateway.engine.woken).toEqual([id]);
  });

  test('resume also enables what answered 410, and closes the circuit', async () => {
    const { id } = (await register()).body;
    await gateway.database.prisma.receiver.update({
      where: { id },
      data: { disabledReason: 'gone', pauses: 2, failureScore: 70, openUntil: new Date() },
    });
    const disabled = await gateway.call('GET', `/v1/endpoints/${id}`);
    expect(disabled.body).toMatchObject({
      status: 'disabled',
      disabledReason: 'gone',
      circuit: { state: 'open' },
    });
    const resumed = await gateway.call('POST', `/v1/endpoints/${id}/resume`, {
      key: merchant.key,
    });
    expect(resumed.body).toMatchObject({
      status: 'active',
      disabledReason: null,
      circuit: { state: 'closed', openUntil: null },
    });
  });

  test('a test answers with the outcome of its attempt', async () => {
    const { id } = (await register()).body;
    const answer = await gateway.call('POST', `/v1/endpoints/${id}/test`, { key: merchant.key });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ outcome: 'http_status', statusCode: 500 });
    expect(gateway.engine.tested).toContain(id);
  });
});

describe('DELETE', () => {
  test('cancels what waits, once, and leaves nothing to be seen', async () => {
    const { id } = (await register()).body;
    gateway.engine.cancelled.length = 0;
    const path = `/v1/endpoints/${id}`;
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => gateway.call('DELETE', path, { key: merchant.key })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 404, 404, 404, 404]);
    expect(gateway.engine.cancelled).toEqual([id]);
    expect((await gateway.call('GET', path)).status).toBe(404);
    const list = await gateway.call('GET', `/v1/merchants/${merchant.id}/endpoints`);
    expect(list.body.data).toEqual([]);
    expect(await targetOf(id)).toMatchObject({ deleted: true });
  });
});

describe('rotate-secret', () => {
  test('both secrets sign until the overlap ends, the new one first', async () => {
    const { id, secret: old } = (await register()).body;
    const path = `/v1/endpoints/${id}/rotate-secret`;
    const rotated = await gateway.call('POST', path, {
      key: merchant.key,
      body: { overlapSeconds: 60 },
    });
    expect(rotated.body.secret).not.toBe(old);
    expect((await targetOf(id))?.secrets).toEqual([rotated.body.secret, old]);
    const endsAt = async () =>
      (await gateway.call('GET', `/v1/endpoints/${id}`)).body.previousSecretExpiresAt;
    expect(await endsAt()).toBe(rotated.body.previousSecretExpiresAt);
    await gateway.travel(60_001);
    expect(await endsAt()).toBeNull();
    expect((await targetOf(id))?.secrets).toEqual([rotated.body.secret]);
    expect((await gateway.call('POST', path)).status).toBe(200);
  });

  test('ends no secret before its time: a second one is refused, and says until when', async () => {
    const { id, secret: old } = (await register()).body;
    const path = `/v1/endpoints/${id}/rotate-secret`;
    const rotated = await gateway.call('POST', path, { key: merchant.key });
    const again = await gateway.call('POST', path, { key: merchant.key });
    expect([again.status, again.body.code]).toEqual([409, 'secrets_overlap']);
    expect(again.body.detail).toContain(rotated.body.previousSecretExpiresAt);
    expect((await targetOf(id))?.secrets).toEqual([rotated.body.secret, old]);
    // Who has lost one wants it to end.
    const body = { overlapSeconds: 0 };
    const last = await gateway.call('POST', path, { key: merchant.key, body });
    expect((await targetOf(id))?.secrets).toEqual([last.body.secret]);
  });

  test('takes a secret of one’s own, in any spelling of base64', async () => {
    const { id } = (await register()).body;
    const bytes = Buffer.alloc(25, 0xfb);
    const secret = `whsec_${bytes.toString('base64url')}`;
    const path = `/v1/endpoints/${id}/rotate-secret`;
    const rotated = await gateway.call('POST', path, { key: merchant.key, body: { secret } });
    expect(rotated.body.secret).toBe(`whsec_${bytes.toString('base64')}`);
    expect((await targetOf(id))?.secrets[0]).toBe(rotated.body.secret);
    const wrong = { secret: 'whsec_short' };
    expect((await gateway.call('POST', path, { key: merchant.key, body: wrong })).status).toBe(422);
  });
});

test('the list is paged, newest first', async () => {
  const ids: string[] = [];
  for (let n = 0; n < 3; n += 1) ids.unshift((await register()).body.id);
  const path = `/v1/merchants/${merchant.id}/endpoints?limit=2`;
  const first = await gateway.call('GET', path, { key: merchant.key });
  const next = await gateway.call('GET', `${path}&cursor=${first.body.nextCursor}`);
  const shown = [...first.body.data, ...next.body.data].map(({ id }: { id: string }) => id);
  expect(shown).toEqual(ids);
  expect(next.body).toMatchObject({ hasMore: false, nextCursor: null });
});

describe("another tenant's endpoint looks exactly like an absent one", () => {
  const ABSENT = 'ep_00000000000000000000000000';
  const calls: [method: string, path: (id: string) => string, body?: object][] = [
    ['GET', (id) => `/v1/endpoints/${id}`],
    ['PATCH', (id) => `/v1/endpoints/${id}`, { url: 'https://10.0.0.1/', queue: 'nowhere' }],
    ['PATCH', (id) => `/v1/endpoints/${id}`, { description: 'mine now' }],
    ['DELETE', (id) => `/v1/endpoints/${id}`],
    ['POST', (id) => `/v1/endpoints/${id}/pause`],
    ['POST', (id) => `/v1/endpoints/${id}/resume`],
    ['POST', (id) => `/v1/endpoints/${id}/test`],
    ['POST', (id) => `/v1/endpoints/${id}/rotate-secret`, {}],
  ];

  test.each(calls)('%s %s', async (method, path, body) => {
    const { secret: _secret, ...mine } = (await register()).body;
    const ask = (id: string) => gateway.call(method, path(id), { key: other.key, body });
    const [foreign, absent] = [await ask(mine.id), await ask(ABSENT)];
    expect(foreign.status).toBe(404);
    expect(alike(foreign.body)).toEqual(alike(absent.body));
    expect((await gateway.call('GET', `/v1/endpoints/${mine.id}`)).body).toEqual(mine);
  });

  test('its merchant, too', async () => {
    for (const [method, body] of [['GET'], ['POST', { url: URL }]] as const) {
      const ask = (id: string) =>
        gateway.call(method, `/v1/merchants/${id}/endpoints`, { key: other.key, body });
      const [foreign, absent] = [await ask(merchant.id), await ask('nobody')];
      expect(foreign.status).toBe(404);
      expect(alike(foreign.body)).toEqual(alike(absent.body));
    }
  });

  test('a cursor from elsewhere shows nothing foreign', async () => {
    await register();
    await register();
    const path = (id: string) => `/v1/merchants/${id}/endpoints?limit=1`;
    const { nextCursor } = (await gateway.call('GET', path(merchant.id))).body;
    const url = `${path(other.id)}&cursor=${nextCursor}`;
    const answer = await gateway.call('GET', url, { key: other.key });
    expect(answer).toMatchObject({ status: 200, body: { data: [] } });
  });

  test('a producer has no business here', async () => {
    const body = { role: 'producer', name: 'p' };
    const { key } = (await gateway.call('POST', '/v1/keys', { body })).body;
    for (const [method, path, asked] of calls) {
      const answer = await gateway.call(method, path(ABSENT), { key, body: asked });
      expect(answer.status).toBe(403);
    }
  });

  function alike({ requestId: _id, instance: _instance, ...problem }: Record<string, unknown>) {
    return problem;
  }
});
