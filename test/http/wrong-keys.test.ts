import { afterEach, expect, test } from 'vitest';
import type { Principal } from '../../src/api/route.ts';
import { parseProxies } from '../../src/engine/http/addresses.ts';
import { get, type Running, serve } from './harness.ts';

const MINUTE = 60_000;
let running: Running;
afterEach(() => running.close());

/** A gateway that counts how often a key is looked up, with a clock of the test's own. */
async function gateway(limit: number, right: readonly string[]) {
  let nowMs = 1_000;
  const lookedUp: string[] = [];
  running = await serve({
    routes: [get('/v1/thing', async () => ({ status: 200, body: {} }), { roles: ['operator'] })],
    rateLimits: { wrongKeysPerAddress: { requests: limit, windowMs: MINUTE } },
    trustProxy: parseProxies('127.0.0.1'),
    monotonicMs: () => nowMs,
    metering: {
      token: 'the-token-of-prometheus',
      scrape: async () => ({ type: 'text/plain', text: '' }),
    },
    authenticate: async (key): Promise<Principal | null> => {
      lookedUp.push(key);
      if (key === 'broken') throw new Error('the database is away');
      return right.includes(key)
        ? { keyId: `key_${key}`, role: 'operator', name: key, merchantId: null }
        : null;
    },
  });
  return {
    lookedUp,
    pass: (ms: number) => {
      nowMs += ms;
    },
    from: async (address: string, key: string, path = '/v1/thing') => {
      const headers = { 'x-forwarded-for': address };
      return running.call(path, { key, headers });
    },
  };
}
const HERE = '198.51.100.7';
const THERE = '198.51.100.8';

test('beyond the limit a key is answered 429 before it is looked up, right or wrong', async () => {
  const { from, lookedUp } = await gateway(3, ['good']);
  for (const key of ['a', 'b', 'c']) expect((await from(HERE, key)).status).toBe(401);
  const wrong = await from(HERE, 'd');
  const right = await from(HERE, 'good');
  expect(lookedUp).toEqual(['a', 'b', 'c']);
  expect([wrong.status, wrong.json.code]).toEqual([429, 'rate_limited']);
  const { requestId: _one, ...told } = wrong.json;
  const { requestId: _other, ...toldRight } = right.json;
  expect(toldRight).toEqual(told);
  expect(wrong.headers.get('retry-after')).toBe('60');
});

test('guesses that come at once are no more than guesses one by one', async () => {
  const { from, lookedUp } = await gateway(3, []);
  const keys = Array.from({ length: 20 }, (_, n) => `guess-${n}`);
  const statuses = await Promise.all(keys.map(async (key) => (await from(HERE, key)).status));
  expect(lookedUp).toHaveLength(3);
  expect(statuses.filter((status) => status === 401)).toHaveLength(3);
});

test('a key that was right at the address goes on beside the guesser, and elsewhere nobody notices', async () => {
  const { from } = await gateway(2, ['good', 'new']);
  expect((await from(HERE, 'good')).status).toBe(200);
  for (const key of ['a', 'b', 'c']) await from(HERE, key);
  expect((await from(HERE, 'good')).status).toBe(200);
  expect((await from(HERE, 'new')).status).toBe(429);
  expect((await from(THERE, 'new')).status).toBe(200);
});

test('a newcomer waits for the rest of the window at most, once the guesser has stopped', async () => {
  const { from, pass } = await gateway(2, ['new']);
  for (const key of ['a', 'b', 'c']) await from(HERE, key);
  pass(20_000);
  const refused = await from(HERE, 'new');
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '40']);
  pass(40_000);
  expect((await from(HERE, 'new')).status).toBe(200);
});

test('a job that repeats one revoked key is limited itself, and keeps no newcomer out', async () => {
  const { from } = await gateway(3, ['new']);
  const statuses: number[] = [];
  for (let n = 0; n < 5; n += 1) statuses.push((await from(HERE, 'revoked')).status);
  expect(statuses).toEqual([401, 401, 401, 429, 429]);
  expect((await from(HERE, 'new')).status).toBe(200);
});

test('a look-up that fails is no wrong key', async () => {
  const { from } = await gateway(1, ['good']);
  for (let n = 0; n < 3; n += 1) expect((await from(HERE, 'broken')).status).toBe(500);
  expect((await from(HERE, 'good')).status).toBe(200);
});

test('a key that was right here and is revoked is a wrong one from then on', async () => {
  const right = ['leaver'];
  const { from } = await gateway(2, right);
  expect((await from(HERE, 'leaver')).status).toBe(200);
  right.pop();
  const statuses: number[] = [];
  for (let n = 0; n < 3; n += 1) statuses.push((await from(HERE, 'leaver')).status);
  expect(statuses).toEqual([401, 401, 429]);
});

test('an address out of an IPv6 network is limited with its network', async () => {
  const { from } = await gateway(2, []);
  expect((await from('2001:db8:1:1::1', 'a')).status).toBe(401);
  expect((await from('2001:db8:1:1::2', 'b')).status).toBe(401);
  expect((await from('2001:db8:1:1::3', 'c')).status).toBe(429);
});

test('guessing the token of the metrics is slowed as well', async () => {
  const { from } = await gateway(2, ['good']);
  expect((await from(HERE, 'the-token-of-prometheus', '/metrics')).status).toBe(200);
  for (const key of ['a', 'b']) expect((await from(THERE, key, '/metrics')).status).toBe(401);
  expect((await from(THERE, 'the-token-of-prometheus', '/metrics')).status).toBe(429);
  expect((await from(HERE, 'the-token-of-prometheus', '/v1/thing')).status).toBe(401);
});

test('what a caller says of its address counts only where the proxy that passes it on is trusted', async () => {
  running = await serve({
    rateLimits: { wrongKeysPerAddress: { requests: 1, windowMs: MINUTE } },
    routes: [get('/v1/thing', async () => ({ status: 200, body: {} }), { roles: ['operator'] })],
  });
  const statuses: number[] = [];
  for (const address of [HERE, THERE, '198.51.100.9']) {
    const headers = { 'x-forwarded-for': address };
    statuses.push((await running.call('/v1/thing', { key: address, headers })).status);
  }
  expect(statuses).toEqual([401, 429, 429]);
});
