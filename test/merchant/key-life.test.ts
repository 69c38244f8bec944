import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readExpiringKeys } from '../../src/operations/metrics/store.ts';
import { type Gateway, startGateway } from './gateway.ts';

const DAY_MS = 86_400_000;
const THIRTY_DAYS = 30;

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({ keyDays: THIRTY_DAYS });
});
afterAll(() => gateway.close());

async function make(body: object) {
  const made = await gateway.call('POST', '/v1/keys', {
    body: { role: 'operator', name: 'mortal', ...body },
  });
  expect(made.status).toBe(201);
  return made.body;
}
const daysLeft = ({ createdAt, expiresAt }: { createdAt: string; expiresAt: string }) =>
  (Date.parse(expiresAt) - Date.parse(createdAt)) / DAY_MS;

describe('the end of a key', () => {
  test('is that of KEY_DEFAULT_DAYS where nothing is said, of a merchant’s first key as well', async () => {
    const made = await make({});
    expect(made.lifetimeDays).toBe(THIRTY_DAYS);
    expect(daysLeft(made)).toBe(THIRTY_DAYS);
    await gateway.merchant();
    const [first] = (await gateway.call('GET', '/v1/keys?limit=1')).body.data;
    expect(first).toMatchObject({ name: 'first key', lifetimeDays: THIRTY_DAYS });
    expect(daysLeft(first)).toBe(THIRTY_DAYS);
  });

  test('is the one that was asked for, none included', async () => {
    const inDays = await make({ expiresInDays: 7 });
    expect(inDays.lifetimeDays).toBe(7);
    expect(daysLeft(inDays)).toBe(7);
    expect(await make({ expiresAt: null })).toMatchObject({ expiresAt: null, lifetimeDays: null });
    const fixed = { expiresAt: '2999-01-01T00:00:00.000Z' };
    expect(await make(fixed)).toMatchObject({ ...fixed, lifetimeDays: null });
  });

  test.each([{ expiresInDays: 0 }, { expiresInDays: 3651 }, { expiresInDays: 7, expiresAt: null }])(
    'is not %j',
    async (body) => {
      const wrong = { role: 'operator', name: 'x', ...body };
      const answer = await gateway.call('POST', '/v1/keys', { body: wrong });
      expect(answer.status).toBe(422);
      expect(answer.body.errors[0].path).toBe('body.expiresInDays');
    },
  );

  test('is seen coming: in the list by a filter, and counted where the key is in use', async () => {
    const counted = await readExpiringKeys(gateway.database.prisma);
    const soon = await make({ expiresInDays: 13 });
    const later = await make({ expiresInDays: 15 });
    const revoked = await make({ expiresInDays: 13 });
    expect((await gateway.call('DELETE', `/v1/keys/${revoked.id}`)).status).toBe(204);
    const ids = async (days: number) => {
      const path = `/v1/keys?limit=100&expiresWithinDays=${days}`;
      return (await gateway.call('GET', path)).body.data.map(({ id }: { id: string }) => id);
    };
    expect(await ids(14)).toContain(soon.id);
    expect(await ids(14)).not.toContain(later.id);
    expect(await ids(14)).not.toContain(revoked.id);
    expect(await ids(15)).toContain(later.id);
    // In use by nobody: nobody will be cut off.
    expect(await readExpiringKeys(gateway.database.prisma)).toEqual(counted);
    for (const { key } of [soon, later]) {
      expect((await gateway.call('GET', '/v1/keys', { key })).status).toBe(200);
    }
    await gateway.keyRing.close();
    const after = await readExpiringKeys(gateway.database.prisma);
    expect(after).toEqual({ ...counted, operator: counted.operator + 1 });
  });
});
