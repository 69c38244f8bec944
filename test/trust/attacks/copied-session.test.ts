import { afterAll, beforeAll, expect, test } from 'vitest';
import { OPERATOR_KEY, type TestGateway, testGateway } from '../../support/gateway.ts';
import { until } from '../../support/until.ts';

let one: TestGateway;
let other: TestGateway;
beforeAll(async () => {
  one = await testGateway({ roles: ['api'] });
  other = await testGateway({ roles: ['api'], db: one.db });
});
afterAll(async () => {
  await other.close();
  await one.close();
});

async function login(gateway: TestGateway, key: string) {
  const answer = await fetch(`${gateway.url}/console/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ key }),
  });
  expect(answer.status).toBe(201);
  const { csrfToken } = (await answer.json()) as { csrfToken: string };
  const cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  const call = async (at: TestGateway, method: string, path: string, body?: object) => {
    const headers = {
      cookie,
      'x-csrf-token': csrfToken,
      ...(body && { 'content-type': 'application/json' }),
    };
    const sent = { method, headers, ...(body && { body: JSON.stringify(body) }) };
    const { status } = await fetch(`${at.url}${path}`, sent);
    return status;
  };
  return { call };
}

test('a copied cookie changes nothing more in any process from the logout on, and reads nothing a moment later', async () => {
  const victim = await login(one, OPERATOR_KEY);
  expect(await victim.call(other, 'GET', '/v1/keys')).toBe(200);
  expect(await victim.call(one, 'DELETE', '/console/session')).toBe(204);
  expect(await victim.call(one, 'GET', '/v1/keys')).toBe(401);
  const merchant = { id: 'm_stolen', name: 'Stolen' };
  expect(await victim.call(other, 'POST', '/v1/merchants', merchant)).toBe(401);
  await until(async () => (await victim.call(other, 'GET', '/v1/keys')) === 401, {
    timeoutMs: 5_000,
  });
  await one.operator.get('/v1/merchants/m_stolen').expect(404);
});

test('an operator ends all sessions of a key, in whichever process they began; the key and others’ sessions go on', async () => {
  const { key, api, id: merchantId } = await one.merchant();
  const { body } = await one.operator.get('/v1/keys?limit=1').expect(200);
  const [{ id }] = body.data;
  expect(body.data[0].merchantId).toBe(merchantId);
  const [first, second, operator] = [
    await login(one, key),
    await login(other, key),
    await login(one, OPERATOR_KEY),
  ];
  const ended = await other.operator.delete(`/v1/keys/${id}/sessions`).expect(200);
  expect(ended.body).toEqual({ ended: 2 });
  for (const { call } of [first, second]) {
    await until(async () => (await call(one, 'GET', '/v1/queues')) === 401, { timeoutMs: 5_000 });
    expect(await call(other, 'GET', '/console/session')).toBe(401);
  }
  await api.get('/v1/queues').expect(200);
  expect(await operator.call(other, 'GET', '/v1/keys')).toBe(200);
  await one.operator.delete('/v1/keys/key_01k00000000000000000000000/sessions').expect(404);
});
