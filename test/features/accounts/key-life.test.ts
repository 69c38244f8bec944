import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createKeyRing } from '../../../src/features/accounts/keys/key-ring.ts';
import { readExpiringKeys } from '../../../src/features/metrics/store.ts';
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

describe('a rotation', () => {
  const asked = (path: string) => (key: string, body?: object, headers?: Record<string, string>) =>
    gateway.call(path.startsWith('/v1/keys/self/') ? 'POST' : 'GET', path, {
      key,
      ...(body && { body }),
      ...(headers && { headers }),
    });
  const self = asked('/v1/keys/self');
  const rotate = asked('/v1/keys/self/rotate');

  test('gives another text to the same key: scope and id stay, both work until the overlap’s end', async () => {
    const { id: merchantId } = await gateway.merchant();
    const scope = {
      calls: ['notifications:write'],
      merchants: [merchantId],
      networks: ['127.0.0.1'],
    };
    const made = await make({ role: 'producer', ...scope, expiresAt: null });
    const before = await self(made.key);
    expect(before.body).toMatchObject({
      id: made.id,
      ...scope,
      isReplaced: false,
      rotatedAt: null,
    });

    const { status, body } = await rotate(made.key);
    expect(status).toBe(200);
    expect(body.key).toMatch(/^pr_producer_/);
    expect(body.key).not.toBe(made.key);
    expect(body.expiresAt).toBeNull();
    expect((await self(made.key)).body).toMatchObject({ id: made.id, isReplaced: true });
    const now = (await self(body.key)).body;
    const { rotatedAt, previousKeyExpiresAt } = now;
    const changed = { rotatedAt, previousKeyExpiresAt, lastUsedAt: now.lastUsedAt };
    expect(now).toEqual({ ...before.body, ...changed });
    expect(Date.parse(previousKeyExpiresAt) - Date.parse(rotatedAt)).toBe(DAY_MS);

    await gateway.travel(DAY_MS + 1000);
    expect(await gateway.keyRing.authenticate(made.key, true, '127.0.0.1')).toBeNull();
    expect((await self(body.key)).status).toBe(200);
    await gateway.travel(-DAY_MS - 1000);
  });

  test('needs no call of its own in the scope, and cannot change one', async () => {
    const { key } = await make({ role: 'producer', calls: ['notifications:read'] });
    for (const wider of [{ calls: null }, { role: 'operator' }, { expiresAt: null }]) {
      expect((await rotate(key, wider)).status).toBe(422);
    }
    expect((await rotate(key)).status).toBe(200);
  });

  test('gives a lifetime anew, and moves no fixed end; the text before never outlives its own', async () => {
    const rolling = await make({ role: 'producer', expiresInDays: 2 });
    const fixed = await make({
      role: 'producer',
      expiresAt: new Date(Date.now() + 2 * DAY_MS).toISOString(),
    });
    await gateway.travel(DAY_MS);
    const longest = { overlapSeconds: 30 * 86_400 };
    const again = (await rotate(rolling.key, longest)).body;
    expect(Date.parse(again.expiresAt)).toBeGreaterThan(Date.parse(rolling.expiresAt) + DAY_MS / 2);
    expect(again.previousKeyExpiresAt).toBe(rolling.expiresAt);
    const same = (await rotate(fixed.key, longest)).body;
    expect(same.expiresAt).toBe(fixed.expiresAt);
    expect(same.previousKeyExpiresAt).toBe(fixed.expiresAt);
    await gateway.travel(-DAY_MS);
  });

  test('is the new text’s matter from then on: who kept the old one cannot take the key over', async () => {
    const { key } = await make({ role: 'producer' });
    const first = (await rotate(key)).body;
    for (const body of [{}, { overlapSeconds: 0 }]) {
      expect((await rotate(key, body)).body.code).toBe('key_replaced');
    }
    expect((await rotate(first.key)).body.code).toBe('keys_overlap');
    const second = await rotate(first.key, { overlapSeconds: 0 });
    expect(second.status).toBe(200);
    for (const old of [key, first.key]) expect((await self(old)).status).toBe(401);
    expect((await self(second.body.key)).status).toBe(200);
  });

  test('ends with the key: revoked, both texts are refused at once', async () => {
    const made = await make({ role: 'producer' });
    const { key } = (await rotate(made.key)).body;
    expect((await self(made.key)).status).toBe(200);
    expect((await self(key)).status).toBe(200);
    expect((await gateway.call('DELETE', `/v1/keys/${made.id}`)).status).toBe(204);
    expect((await self(made.key)).status).toBe(401);
    expect((await self(key)).status).toBe(401);
  });

  test('whose answer was lost is asked for again by its Idempotency-Key, with the old text; nothing keeps the new one', async () => {
    const made = await make({ role: 'producer' });
    const headers = { 'idempotency-key': 'rotate-1' };
    const lost = await rotate(made.key, {}, headers);
    const again = await rotate(made.key, {}, headers);
    expect(again.body).toEqual(lost.body);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    const { rows } = await gateway.database.pool.query(
      `SELECT t::text AS text FROM idempotency_key AS t UNION ALL SELECT t::text FROM audit_entry AS t
       UNION ALL SELECT t::text FROM audit_outcome AS t UNION ALL SELECT t::text FROM api_key AS t`,
    );
    expect(rows.length).toBeGreaterThan(2);
    expect(JSON.stringify(rows)).not.toContain(lost.body.key);
  });

  test('that a crash cut off is done again: the text that nobody saw is replaced, the old one goes on', async () => {
    const made = await make({ role: 'producer' });
    const route = gateway.routes.find(({ path }) => path === '/v1/keys/self/rotate');
    const call = (isReplaced: boolean) => ({
      principal: { keyId: made.id, role: 'producer', name: 'x', ...(isReplaced && { isReplaced }) },
      body: { overlapSeconds: 60 },
      reservedId: '01939d0e-0000-7000-8000-000000000002',
    });
    const first = (await route?.handle(call(false) as never))?.body as { key: string };
    const again = (await route?.handle(call(true) as never))?.body as { key: string };
    expect(await gateway.keyRing.authenticate(first.key, true)).toBeNull();
    expect(await gateway.keyRing.authenticate(again.key, true)).toMatchObject({ keyId: made.id });
    expect(await gateway.keyRing.authenticate(made.key, true)).toMatchObject({ isReplaced: true });
  });

  test('is in the audit log, and not for operators, who make keys anyway', async () => {
    const made = await make({ role: 'producer' });
    expect((await rotate(made.key, { overlapSeconds: 5 })).status).toBe(200);
    const { rows } = await gateway.database.pool.query(
      `SELECT action, object_id, status, asked FROM audit_entry AS e
         JOIN audit_outcome AS o ON o.entry_id = e.id WHERE key_id = $1`,
      [made.id],
    );
    expect(rows).toEqual([
      { action: 'key.rotate', object_id: made.id, status: 200, asked: { overlapSeconds: 5 } },
    ]);
    const operator = await make({});
    expect((await rotate(operator.key)).status).toBe(403);
    expect((await self(operator.key)).body.role).toBe('operator');
  });

  test('in one process is known in the others within a moment', async () => {
    const { key } = await make({ role: 'producer' });
    const other = createKeyRing({
      database: gateway.database,
      log: { warn: () => {} } as never,
    });
    expect(await other.authenticate(key)).not.toBeNull();
    expect((await rotate(key, { overlapSeconds: 0 })).status).toBe(200);
    expect(await other.authenticate(key, true)).toBeNull();
    await other.followRevocations();
    expect(await other.authenticate(key)).toBeNull();
    await other.close();
  });
});
