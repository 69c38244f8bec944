import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Role } from '../../src/api/route.ts';
import { get, KEYS, post, type Running, serve } from './harness.ts';

const ROLES: Role[] = ['operator', 'producer', 'merchant'];
const sets: Role[][] = [
  ['operator'],
  ['operator', 'producer'],
  ['operator', 'merchant'],
  ['producer'],
  ['operator', 'producer', 'merchant'],
];
const routes = sets.flatMap((roles, n) => [
  get(`/v1/read${n}`, async (call) => ({ status: 200, body: call.principal }), { roles }),
  post(`/v1/write${n}`, async (call) => ({ status: 200, body: call.principal }), { roles }),
]);

let running: Running;
beforeAll(async () => {
  running = await serve({ routes });
});
afterAll(() => running.close());

describe.each(routes)('$method $path for $roles', ({ method, path, roles }) => {
  test.each(ROLES)('%s', async (role) => {
    const answer = await running.call(path, { method: method.toUpperCase(), key: KEYS[role] });
    if (roles.includes(role)) {
      expect(answer.status).toBe(200);
      expect(answer.json.keyId).toBe(`key_${role}`);
    } else {
      expect([answer.status, answer.json.code]).toEqual([403, 'forbidden']);
    }
  });

  test.each([
    ['no key', null],
    ['a wrong key', 'pr_operator_wrong'],
  ])('%s', async (_name, key) => {
    const answer = await running.call(path, { method: method.toUpperCase(), key });
    expect([answer.status, answer.json.code]).toEqual([401, 'unauthorized']);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
  });
});

test.each(['', 'Basic b3A6cHc=', 'Bearer', KEYS.operator, `Bearer${KEYS.operator}`])(
  'Authorization: %j → 401',
  async (authorization) => {
    const answer = await running.call('/v1/read0', { key: null, headers: { authorization } });
    expect(answer.status).toBe(401);
  },
);

test('the scheme has no case', async () => {
  const headers = { authorization: `bearer  ${KEYS.operator}` };
  expect((await running.call('/v1/read0', { key: null, headers })).status).toBe(200);
});

test('who may not call is not told what is wrong with the body', async () => {
  const answer = await running.call('/v1/write0', { key: KEYS.merchant, body: '{"broken' });
  expect(answer.status).toBe(403);
});
