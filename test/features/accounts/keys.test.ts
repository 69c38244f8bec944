import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createKey } from '../../../src/features/accounts/keys/contract.ts';
import { hasKeyShape, newKey } from '../../../src/features/accounts/keys/key-format.ts';
import { createTargets } from '../../../src/features/accounts/signing/destinations.ts';
import { callbackContext } from '../../../src/features/accounts/signing/secret-contexts.ts';
import { type Gateway, startGateway } from './gateway.ts';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const create = (body: object) => gateway.call('POST', '/v1/keys', { body });

describe('the text of a key', () => {
  test('says its role and carries a checksum that one wrong character breaks', () => {
    for (const role of ['operator', 'producer', 'merchant'] as const) {
      const key = newKey(role);
      expect(key).toMatch(new RegExp(`^pr_${role}_[0-9A-Za-z]{39}$`));
      expect(hasKeyShape(key)).toBe(true);
      for (let at = 0; at < key.length; at += 1) {
        const wrong = key.slice(0, at) + (key[at] === 'x' ? 'y' : 'x') + key.slice(at + 1);
        expect(hasKeyShape(wrong), wrong).toBe(false);
      }
      expect(hasKeyShape(`${key} `)).toBe(false);
      expect(hasKeyShape(key.replace(role, role === 'operator' ? 'merchant' : 'operator'))).toBe(
        false,
      );
    }
  });

  test('is never the same twice', () => {
    expect(new Set(Array.from({ length: 1000 }, () => newKey('producer'))).size).toBe(1000);
  });
});

describe('POST /v1/keys', () => {
  test('shows a producer key and its callback secret once, and stores neither of them', async () => {
    const { status, body } = await create({ role: 'producer', name: ' Till 7 ' });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      role: 'producer',
      merchantId: null,
      name: 'Till 7',
      key: expect.stringMatching(/^pr_producer_/),
      callbackSecret: expect.stringMatching(/^whsec_/),
      expiresAt: null,
      revokedAt: null,
      lastUsedAt: null,
    });
    expect(body.id).toMatch(/^key_/);

    const row = await gateway.database.prisma.apiKey.findUniqueOrThrow({ where: { id: body.id } });
    expect(JSON.stringify(row)).not.toContain(body.key);
    expect(JSON.stringify(row)).not.toContain(body.callbackSecret);
    expect(row.hash).toMatch(/^[0-9a-f]{64}$/);
    const opened = gateway.secrets.open(row.callbackSecret ?? '', callbackContext(body.id));
    expect(opened).toBe(body.callbackSecret);

    const listed = await gateway.call('GET', '/v1/keys?limit=100');
    expect(JSON.stringify(listed.body)).not.toContain(body.key);
    expect(JSON.stringify(listed.body)).not.toContain('whsec_');
  });

  test('gives other roles no callback secret', async () => {
    const merchant = await gateway.merchant();
    const made = await create({ role: 'merchant', merchantId: merchant.id, name: 'second' });
    expect(made.body).not.toHaveProperty('callbackSecret');
    expect(await gateway.keyRing.authenticate(made.body.key)).toEqual({
      keyId: made.body.id,
      role: 'merchant',
      name: 'second',
      merchantId: merchant.id,
    });
  });

  test('narrows a producer key to a merchant', async () => {
    const { id } = await gateway.merchant();
    const { body } = await create({ role: 'producer', merchantId: id, name: 'narrow' });
    expect(await gateway.keyRing.authenticate(body.key)).toMatchObject({ merchantId: id });
  });

  test.each([
    ['a merchant key without a merchant', { role: 'merchant', name: 'x' }, 'body.merchantId'],
    [
      'an operator key of a merchant',
      { role: 'operator', name: 'x', merchantId: 'm' },
      'body.merchantId',
    ],
    [
      'an unknown merchant',
      { role: 'producer', name: 'x', merchantId: 'nobody' },
      'body.merchantId',
    ],
    ['an unknown role', { role: 'root', name: 'x' }, 'body.role'],
    ['no name', { role: 'operator' }, 'body.name'],
    ['a blank name', { role: 'operator', name: '  ' }, 'body.name'],
    ['a name of several lines', { role: 'operator', name: 'a\nb' }, 'body.name'],
    [
      'an expiry in the past',
      { role: 'operator', name: 'x', expiresAt: '2020-01-01T00:00:00Z' },
      'body.expiresAt',
    ],
    [
      'an expiry that is no time',
      { role: 'operator', name: 'x', expiresAt: 'soon' },
      'body.expiresAt',
    ],
    ['an unknown field', { role: 'operator', name: 'x', scope: 'all' }, 'body.scope'],
  ])('refuses %s', async (_name, body, path) => {
    const answer = await create(body);
    expect(answer.status).toBe(422);
    expect(answer.body.code).toBe('invalid_request');
    expect(answer.body.errors[0].path).toBe(path);
  });

  test('a repeat after a crash replaces the key that nobody saw', async () => {
    const route = gateway.routes.find(
      ({ method, path }) => `${method} ${path}` === 'post /v1/keys',
    );
    const call = {
      principal: { keyId: 'key_maker' },
      body: createKey.parse({ role: 'operator', name: 'twice' }),
      reservedId: '01939d0e-0000-7000-8000-000000000001',
    };
    const first = await route?.handle(call as never);
    const again = await route?.handle(call as never);
    const [unseen, seen] = [first?.body, again?.body] as { id: string; key: string }[];
    expect(seen?.id).toBe(unseen?.id);
    expect(await gateway.keyRing.authenticate(unseen?.key ?? '')).toBeNull();
    expect(await gateway.keyRing.authenticate(seen?.key ?? '')).not.toBeNull();
  });
});

describe('keys that are no longer good', () => {
  test('a revoked one is refused at once, also when it is cached; revoking again changes nothing', async () => {
    const { body } = await create({ role: 'operator', name: 'leaver' });
    expect((await gateway.call('GET', '/v1/keys', { key: body.key })).status).toBe(200);

    expect((await gateway.call('DELETE', `/v1/keys/${body.id}`)).status).toBe(204);
    expect((await gateway.call('GET', '/v1/keys', { key: body.key })).status).toBe(401);
    const [first] = (await gateway.call('GET', '/v1/keys')).body.data;
    expect(first).toMatchObject({ id: body.id, revokedAt: expect.any(String) });

    await gateway.travel(60_000);
    expect((await gateway.call('DELETE', `/v1/keys/${body.id}`)).status).toBe(204);
    const [again] = (await gateway.call('GET', '/v1/keys')).body.data;
    expect(again.revokedAt).toBe(first.revokedAt);
  });

  test('an unknown one cannot be revoked', async () => {
    const answer = await gateway.call('DELETE', '/v1/keys/key_00000000000000000000000001');
    expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });

  test('one that has expired is refused', async () => {
    const [{ now } = { now: new Date() }] = await gateway.database.prisma.$queryRaw<
      { now: Date }[]
    >`SELECT postrider_now() AS now`;
    const expiresAt = new Date(now.getTime() + 3_600_000).toISOString();
    const { body } = await create({ role: 'operator', name: 'temp', expiresAt });
    expect(body.expiresAt).toBe(expiresAt);
    expect((await gateway.call('GET', '/v1/keys', { key: body.key })).status).toBe(200);
    await gateway.travel(3_600_000);
    gateway.keyRing.forget((await hashOf(body.id)) ?? '');
    expect((await gateway.call('GET', '/v1/keys', { key: body.key })).status).toBe(401);
  });
});

test('the list is paged, newest first, without skips or repeats', async () => {
  for (let n = 0; n < 5; n += 1) await create({ role: 'operator', name: `page ${n}` });
  const first = await gateway.call('GET', '/v1/keys?limit=2');
  expect(first.body.data.map((key: { name: string }) => key.name)).toEqual(['page 4', 'page 3']);
  await create({ role: 'operator', name: 'arrived meanwhile' });
  const next = await gateway.call('GET', `/v1/keys?limit=2&cursor=${first.body.nextCursor}`);
  expect(next.body.data.map((key: { name: string }) => key.name)).toEqual(['page 2', 'page 1']);
});

describe('POST /v1/keys/{id}/rotate-secret', () => {
  const rotate = (id: string, body: object = {}) =>
    gateway.call('POST', `/v1/keys/${id}/rotate-secret`, { body });
  const signing = async (id: string) => {
    const { database, secrets } = gateway;
    const log = { error() {} };
    const targets = createTargets({ database, secrets, log });
    return (await targets.loadCallbackSecrets([id])).get(id);
  };

  test('both of a producer’s secrets sign until the overlap ends, the new one first', async () => {
    const { id, callbackSecret } = (await create({ role: 'producer', name: 'p' })).body;
    const { status, body } = await rotate(id, { overlapSeconds: 60 });
    expect(status).toBe(200);
    expect(await signing(id)).toEqual([body.secret, callbackSecret]);
    expect((await rotate(id)).body.code).toBe('secrets_overlap');
    await gateway.travel(60_001);
    expect(await signing(id)).toEqual([body.secret]);
  });

  test('other keys have none to rotate', async () => {
    const { id } = (await create({ role: 'operator', name: 'o' })).body;
    expect((await rotate(id)).status).toBe(404);
    expect((await rotate('key_unknown')).status).toBe(404);
  });
});

test('only operators come near', async () => {
  const producer = (await create({ role: 'producer', name: 'p' })).body;
  const merchant = await gateway.merchant();
  for (const { key } of [producer, merchant]) {
    for (const [method, path] of [
      ['GET', '/v1/keys'],
      ['POST', '/v1/keys'],
      ['POST', `/v1/keys/${producer.id}/rotate-secret`],
      ['DELETE', `/v1/keys/${producer.id}`],
      ['GET', '/v1/merchants'],
      ['POST', '/v1/merchants'],
      ['GET', `/v1/merchants/${merchant.id}`],
      ['PATCH', `/v1/merchants/${merchant.id}`],
      ['POST', `/v1/merchants/${merchant.id}/rotate-secret`],
      ['PUT', '/v1/queues/mine'],
      ['DELETE', '/v1/queues/mine'],
    ] as const) {
      const body = method === 'POST' || method === 'PUT' || method === 'PATCH' ? {} : undefined;
      const answer = await gateway.call(method, path, { key, body });
      expect(answer.status, `${method} ${path}`).toBe(403);
    }
  }
});

async function hashOf(id: string): Promise<string | undefined> {
  return (await gateway.database.prisma.apiKey.findUnique({ where: { id } }))?.hash;
}
