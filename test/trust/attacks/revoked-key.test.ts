import { afterAll, beforeAll, test } from 'vitest';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
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

/** A key that the other process knows well. */
async function knownKey() {
  const { body } = await one.operator
    .post('/v1/keys', { role: 'operator', name: 'leaver' })
    .expect(201);
  const thief = other.as(body.key);
  await thief.get('/v1/keys').expect(200);
  return { thief, revoke: () => one.operator.delete(`/v1/keys/${body.id}`).expect(204) };
}

test('a key revoked by one process changes nothing through another from that moment on', async () => {
  const { thief, revoke } = await knownKey();
  await revoke();
  await thief.post('/v1/keys', { role: 'operator', name: 'spare' }).expect(401);
  await thief.post('/v1/merchants', { id: 'm_stolen', name: 'Stolen' }).expect(401);
  await one.operator.get('/v1/merchants/m_stolen').expect(404);
});

test('a key revoked by one process reads nothing through another a moment later', async () => {
  const { thief, revoke } = await knownKey();
  await revoke();
  await until(async () => (await thief.get('/v1/keys')).status === 401, { timeoutMs: 5_000 });
});
