import { afterEach, expect, test } from 'vitest';
import { get, KEYS, type Running, serve } from './harness.ts';

let running: Running;
afterEach(() => running.close());

const thing = get('/v1/thing', async () => ({ status: 200, body: {} }), {
  roles: ['operator', 'producer'],
});
const few = (requests: number) => ({ requests, windowMs: 60_000 });

test('a key that asks too often waits; others do not notice', async () => {
  running = await serve({ routes: [thing], rateLimits: { perKey: few(3) } });
  for (let left = 2; left >= 0; left -= 1) {
    const answer = await running.call('/v1/thing');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('ratelimit-limit')).toBe('3');
    expect(answer.headers.get('ratelimit-remaining')).toBe(String(left));
    expect(Number(answer.headers.get('ratelimit-reset'))).toBeGreaterThan(0);
    expect(answer.headers.get('ratelimit-policy')).toBe('3;w=60');
  }
  const refused = await running.call('/v1/thing');
  expect([refused.status, refused.json.code]).toEqual([429, 'rate_limited']);
  expect(refused.headers.get('content-type')).toBe('application/problem+json');
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await running.call('/v1/thing', { key: KEYS.producer })).status).toBe(200);
});

test('without a key an address is counted, but never for the probes', async () => {
  running = await serve({ routes: [thing], rateLimits: { perAddress: few(3) } });
  const forwarded = { 'x-forwarded-for': '203.0.113.9' };
  const paths = ['/openapi.json', '/v1/nowhere', '/v1/thing', '/docs'];
  const statuses: number[] = [];
  for (const path of paths) {
    statuses.push((await running.call(path, { key: null, headers: forwarded })).status);
  }
  expect(statuses).toEqual([200, 404, 401, 429]);
  expect((await running.call('/healthz', { key: null })).status).toBe(200);
  expect((await running.call('/readyz', { key: null })).status).toBe(200);
});
