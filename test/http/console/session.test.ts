import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import type { Route } from '../../../src/api/route.ts';
import { route } from '../../../src/api/route.ts';
import type { AuditTrail } from '../../../src/http/audit.ts';
import { createSecretBox } from '../../../src/platform/secrets/secret-box.ts';
import { type Called, KEYS, memorySessions, type Running, serve } from '../harness.ts';

let server: Running | undefined;
afterEach(() => server?.close());

const who = z.object({ who: z.string() });
const handle: Route['handle'] = async ({ principal }) => ({
  status: 200,
  body: { who: principal.role },
});
const routes = (['get', 'put'] as const).map((method) =>
  route({
    method,
    path: '/v1/who',
    roles: ['operator', 'merchant'],
    tag: 'Queues',
    summary: 'Who calls',
    responses: { 200: who },
    ...(method === 'put' && { audit: 'changes nothing' as const }),
    handle,
  }),
);

/** Logins are kept; what the log makes of them is tested with the gateway. */
const audit: AuditTrail = { begin: async () => 'aud', end: async () => {} };
const SESSION = '/console/session';

function login(running: Running, key: string, headers: Record<string, string> = {}) {
  const body = JSON.stringify({ key });
  return running.call(SESSION, { key: null, body, headers });
}

function cookieOf(answer: Called): string {
  return answer.headers.get('set-cookie')?.split(';')[0] ?? '';
}

test('the cookie is out of reach of scripts and of other sites, and Secure where the page came by https', async () => {
  server = await serve({ routes, audit });
  const plain = await login(server, KEYS.operator);
  expect(plain.status).toBe(201);
  expect(plain.json).toMatchObject({ role: 'operator', merchantId: null, name: 'operator' });
  const flags = (answer: Called) => answer.headers.get('set-cookie')?.split('; ').slice(1);
  expect(flags(plain)).toEqual(['Path=/', 'Max-Age=43200', 'HttpOnly', 'SameSite=Strict']);
  expect(plain.headers.get('set-cookie')).not.toContain(KEYS.operator);

  const origin = `https://127.0.0.1:${server.port}`;
  const secure = await login(server, KEYS.operator, { origin });
  expect(flags(secure)?.at(-1)).toBe('Secure');
  expect(cookieOf(secure)).toMatch(/^__Host-postrider_session=/);
  expect(cookieOf(plain)).toMatch(/^postrider_session=/);
  const forged = await login(server, KEYS.operator, { 'x-forwarded-proto': 'https' });
  expect(flags(forged)).toEqual(flags(plain));
});

test('the cookie stands for the key, and whoever changes something must know the token', async () => {
  server = await serve({ routes, audit });
  const answer = await login(server, KEYS.merchant);
  const cookie = cookieOf(answer);
  const read = await server.call('/v1/who', { key: null, headers: { cookie } });
  expect(read.json).toEqual({ who: 'merchant' });

  const change = (headers: Record<string, string>) =>
    server?.call('/v1/who', { key: null, method: 'PUT', headers: { cookie, ...headers } });
  expect((await change({}))?.json.code).toBe('csrf_required');
  expect((await change({ 'x-csrf-token': 'x'.repeat(32) }))?.json.code).toBe('csrf_required');
  const another = (await login(server, KEYS.merchant)).json.csrfToken;
  expect((await change({ 'x-csrf-token': another }))?.json.code).toBe('csrf_required');
  expect((await change({ 'x-csrf-token': answer.json.csrfToken }))?.status).toBe(200);
});

test('a page of another site gets nowhere, with or without the headers of newer browsers', async () => {
  server = await serve({ routes, audit });
  const answer = await login(server, KEYS.operator);
  const headers = { cookie: cookieOf(answer), 'x-csrf-token': answer.json.csrfToken };
  const elsewhere: Record<string, string>[] = [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ];
  for (const from of elsewhere) {
    const called = await server.call('/v1/who', {
      key: null,
      method: 'PUT',
      headers: { ...headers, ...from },
    });
    expect([called.status, called.json.code]).toEqual([403, 'cross_site']);
    expect((await login(server, KEYS.operator, from)).json.code).toBe('cross_site');
  }
  const own = { ...headers, 'sec-fetch-site': 'same-origin', origin: 'https://behind.a.proxy' };
  expect((await server.call('/v1/who', { key: null, method: 'PUT', headers: own })).status).toBe(
    200,
  );
});

test('a bearer key counts before the cookie, and needs no token', async () => {
  server = await serve({ routes, audit });
  const cookie = cookieOf(await login(server, KEYS.operator));
  const asMerchant = { key: KEYS.merchant, method: 'PUT', headers: { cookie } };
  expect((await server.call('/v1/who', asMerchant)).json).toEqual({ who: 'merchant' });
  const wrong = await server.call('/v1/who', { key: 'wrong', headers: { cookie } });
  expect(wrong.status).toBe(401);
});

test('a key that is revoked ends its sessions, and logging out takes the cookie away', async () => {
  const live = new Set([KEYS.operator]);
  server = await serve({
    routes,
    audit,
    authenticate: async (key) =>
      live.has(key) ? { keyId: 'key_1', role: 'operator', name: 'me', merchantId: null } : null,
  });
  const answer = await login(server, KEYS.operator);
  const headers = { cookie: cookieOf(answer), 'x-csrf-token': answer.json.csrfToken };
  expect((await server.call(SESSION, { key: null, headers })).json.csrfToken).toBe(
    answer.json.csrfToken,
  );
  live.clear();
  expect((await server.call('/v1/who', { key: null, headers })).status).toBe(401);
  expect((await server.call(SESSION, { key: null, headers })).status).toBe(401);
  const withoutToken = { key: null, method: 'DELETE', headers: { cookie: headers.cookie } };
  expect((await server.call(SESSION, withoutToken)).json.code).toBe('csrf_required');
  const out = await server.call(SESSION, { key: null, method: 'DELETE', headers });
  expect(out.status).toBe(204);
  expect(out.headers.get('set-cookie')).toMatch(/^postrider_session=; .*Max-Age=0/);
});

test('behind a trusted proxy that speaks https only the cookie of this host counts', async () => {
  server = await serve({ routes, audit, trustProxy: (address) => address.endsWith('127.0.0.1') });
  const https = { 'x-forwarded-proto': 'https' };
  const answer = await login(server, KEYS.operator, https);
  expect(answer.headers.get('set-cookie')).toMatch(
    /^__Host-postrider_session=.*; Path=\/;.*; Secure$/,
  );
  const [, sealed] = cookieOf(answer).split('=');
  const who = (headers: Record<string, string>) => server?.call('/v1/who', { key: null, headers });
  expect((await who({ ...https, cookie: cookieOf(answer) }))?.status).toBe(200);
  // As a page of a sibling domain, or somebody who answers in plain http for us, could set it.
  expect((await who({ ...https, cookie: `postrider_session=${sealed}` }))?.status).toBe(401);
  const planted = cookieOf(await login(server, KEYS.merchant));
  const both = { ...https, cookie: `${planted}; ${cookieOf(answer)}` };
  expect((await who(both))?.json).toEqual({ who: 'operator' });
  expect((await who({ cookie: both.cookie }))?.json).toEqual({ who: 'operator' });
  const out = await server.call(SESSION, {
    key: null,
    method: 'DELETE',
    headers: { ...both, 'x-csrf-token': answer.json.csrfToken },
  });
  expect(out.headers.getSetCookie()).toEqual([
    '__Host-postrider_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure',
    'postrider_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict',
  ]);
});

test('a copy of the cookie is worth nothing once its owner has logged out', async () => {
  server = await serve({ routes, audit });
  const answer = await login(server, KEYS.operator);
  const another = { cookie: cookieOf(await login(server, KEYS.operator)) };
  const headers = { cookie: cookieOf(answer), 'x-csrf-token': answer.json.csrfToken };
  const who = { key: null, headers };
  expect((await server.call('/v1/who', who)).status).toBe(200);
  expect((await server.call(SESSION, { ...who, method: 'DELETE' })).status).toBe(204);
  expect((await server.call('/v1/who', who)).status).toBe(401);
  expect((await server.call('/v1/who', { ...who, method: 'PUT' })).status).toBe(401);
  expect((await server.call(SESSION, who)).status).toBe(401);
  expect((await server.call('/v1/who', { key: null, headers: another })).status).toBe(200);
});

test('a cookie that was changed, or sealed for something else or by somebody else, is none', async () => {
  const of = (id: string, endsInMs: number) =>
    JSON.stringify({ id, key: KEYS.operator, csrfToken: 'x', endsAtMs: Date.now() + endsInMs });
  const sessions = memorySessions();
  await sessions.begin({ id: 'ses_1', keyId: 'key_operator', lastsMs: 1e6 });
  server = await serve({ routes, audit, sessions });
  const [name, sealed = ''] = cookieOf(await login(server, KEYS.operator)).split('=');
  const text = of('ses_1', 1e6);
  const over = of('ses_1', -1);
  const ours = createSecretBox([Buffer.alloc(32, 7)]);
  const theirs = createSecretBox([Buffer.alloc(32, 8)]);
  const forged = [
    sealed.slice(0, -2),
    `${sealed}A`,
    ours.seal(text, 'endpoint:ep_1:secret'),
    theirs.seal(text, 'console-session'),
    ours.seal(of('ses_never_begun', 1e6), 'console-session'),
    ours.seal(over, 'console-session'),
    ours.seal('{"key":1}', 'console-session'),
    'v1',
    '',
  ];
  for (const value of forged) {
    const headers = { cookie: `${name}=${value}` };
    expect((await server.call('/v1/who', { key: null, headers })).status).toBe(401);
  }
  const right = { cookie: `a=b; ${name}=${ours.seal(text, 'console-session')}` };
  expect((await server.call('/v1/who', { key: null, headers: right })).status).toBe(200);
});

test('wrong keys run into the same limit as those in a header; producers are told that it is not for them', async () => {
  server = await serve({
    routes,
    audit,
    rateLimits: { wrongKeysPerAddress: { requests: 3, windowMs: 60_000 } },
  });
  const statuses: number[] = [];
  for (let n = 0; n < 4; n += 1) statuses.push((await login(server, 'wrong')).status);
  expect(statuses).toEqual([401, 401, 401, 429]);
  expect((await login(server, KEYS.operator)).status).toBe(201);
  expect((await login(server, KEYS.producer)).status).toBe(403);
  for (let n = 0; n < 3; n += 1) await login(server, `wrong-${n}`);
  expect((await login(server, KEYS.merchant)).status).toBe(429);
  expect((await login(server, KEYS.operator)).status).toBe(201);
  const patch = await server.call(SESSION, { key: null, method: 'PATCH' });
  expect([patch.status, patch.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST, DELETE']);
});
