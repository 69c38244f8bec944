import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTargets } from '../../../src/features/accounts/signing/destinations.ts';
import {
  callbackContext,
  endpointContext,
  merchantContext,
} from '../../../src/features/accounts/signing/secret-contexts.ts';
import { secretPlaces } from '../../../src/features/accounts/signing/store-reseal.ts';
import { newId } from '../../../src/platform/ids.ts';
import { resealPlaces } from '../../../src/platform/secrets/reseal.ts';
import { createSecretBox, type SecretBox } from '../../../src/platform/secrets/secret-box.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';

const [oldKey, newKey, lostKey] = [randomBytes(32), randomBytes(32), randomBytes(32)];
const box = createSecretBox([oldKey]);
let db: TestDatabase;

beforeAll(async () => {
  db = await testDatabase();
  await db.database.prisma.merchant.create({
    data: { id: 'm', name: 'm', secret: box.seal('whsec_merchant', merchantContext('m')) },
  });
});
afterAll(() => db.drop());

async function storeEndpoint(
  secrets: { secret: string; previousSecret?: string },
  id = newId('ep'),
) {
  await db.database.prisma.receiver.create({ data: { id } });
  await db.database.prisma.endpoint.create({
    data: {
      id,
      merchantId: 'm',
      url: 'https://a.example/',
      types: ['*'],
      headers: {},
      body: 'raw',
      ...secrets,
      ...(secrets.previousSecret && {
        previousSecretExpiresAt: new Date(Date.now() + 24 * 3_600_000),
      }),
    },
  });
  return id;
}

function openTargets(secrets: SecretBox = box) {
  const logged: unknown[] = [];
  const log = { error: (...line: unknown[]) => logged.push(line) };
  return { ...createTargets({ database: db.database, secrets, log: log as never }), logged };
}

describe('targets of a batch', () => {
  test('come by one statement, unknown ids left out', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      const id = newId('ep');
      await storeEndpoint({ secret: box.seal(`whsec_${n}`, endpointContext(id)) }, id);
      ids.push(id);
    }
    let statements = 0;
    const counting = db.database.prisma.$extends({
      query: {
        $queryRaw({ args, query }) {
          statements += 1;
          return query(args);
        },
      },
    });
    const database = { ...db.database, prisma: counting as never };
    const targets = createTargets({ database, secrets: box, log: { error: () => {} } });
    const found = await targets.loadEndpointTargets([...ids, 'ep_absent']);
    expect([...found.keys()].sort()).toEqual(ids.sort());
    expect(statements).toBe(1);
    expect(await targets.loadEndpointTargets([])).toEqual(new Map());
  });

  test('a ciphertext moved from another row opens nothing, cached or not', async () => {
    const [mine, theirs] = [newId('ep'), newId('ep')];
    const sealed = box.seal('whsec_theirs', endpointContext(theirs));
    await storeEndpoint({ secret: sealed }, theirs);
    await storeEndpoint({ secret: sealed }, mine);
    const targets = openTargets();
    await targets.loadEndpointTargets([theirs]);
    const found = await targets.loadEndpointTargets([theirs, mine]);
    expect([...found.keys()]).toEqual([theirs]);
    expect(targets.logged).toHaveLength(1);
    expect(JSON.stringify(targets.logged)).not.toContain('whsec_theirs');
  });

  test('a previous secret that cannot be opened does not stop the current one', async () => {
    const id = newId('ep');
    await storeEndpoint(
      { secret: box.seal('whsec_now', endpointContext(id)), previousSecret: 'v1.broken' },
      id,
    );
    const found = await openTargets().loadEndpointTargets([id]);
    expect(found.get(id)?.secrets).toEqual(['whsec_now']);
  });

  test('a change of the secret is seen at once', async () => {
    const id = newId('ep');
    await storeEndpoint({ secret: box.seal('whsec_1', endpointContext(id)) }, id);
    const targets = openTargets();
    await targets.loadEndpointTargets([id]);
    await db.database.prisma.endpoint.update({
      where: { id },
      data: { secret: box.seal('whsec_2', endpointContext(id)) },
    });
    expect((await targets.loadEndpointTargets([id])).get(id)?.secrets).toEqual(['whsec_2']);
  });
});

describe('changing the encryption key', () => {
  const reseal = (secrets: SecretBox) =>
    resealPlaces(secrets, secretPlaces(db.database.prisma), new AbortController().signal);

  test('a process that stops does not go on with it', async () => {
    const stopped = resealPlaces(box, secretPlaces(db.database.prisma), AbortSignal.abort());
    expect(await stopped).toBeNull();
  });

  test('everything is sealed anew, then the old key may go', async () => {
    const { prisma } = db.database;
    const [rotated, lost, producer] = [newId('ep'), newId('ep'), newId('key')];
    await storeEndpoint(
      {
        secret: box.seal('whsec_now', endpointContext(rotated)),
        previousSecret: box.seal('whsec_before', endpointContext(rotated)),
      },
      rotated,
    );
    const unreadable = createSecretBox([lostKey]).seal('whsec_lost', endpointContext(lost));
    await storeEndpoint({ secret: unreadable }, lost);
    await prisma.apiKey.create({
      data: {
        id: producer,
        role: 'producer',
        name: 'p',
        hash: 'h',
        callbackSecret: box.seal('whsec_back', callbackContext(producer)),
      },
    });

    const both = createSecretBox([newKey, oldKey]);
    const broken = 3; // this one, and two that the tests above broke
    const first = await reseal(both);
    expect(first?.resealed).toBeGreaterThanOrEqual(4);
    expect(first?.unreadable).toBe(broken);
    expect(await reseal(both)).toEqual({ resealed: 0, unreadable: broken });

    const onlyNew = createSecretBox([newKey]);
    const targets = openTargets(onlyNew);
    const found = await targets.loadEndpointTargets([rotated, lost]);
    expect(found.get(rotated)?.secrets).toEqual(['whsec_now', 'whsec_before']);
    expect(found.has(lost)).toBe(false);
    expect(await targets.loadMerchantSecrets(['m', 'nobody'])).toEqual(
      new Map([['m', ['whsec_merchant']]]),
    );
    const key = await prisma.apiKey.findUniqueOrThrow({ where: { id: producer } });
    expect(onlyNew.open(key.callbackSecret ?? '', callbackContext(producer))).toBe('whsec_back');
    const kept = await prisma.endpoint.findUniqueOrThrow({ where: { id: lost } });
    expect(kept.secret).toBe(unreadable);
  });

  test('more rows than a page are all sealed anew', async () => {
    const ids = Array.from({ length: 501 }, () => newId('mch'));
    await db.database.prisma.merchant.createMany({
      data: ids.map((id) => ({
        id,
        name: 'm',
        secret: box.seal(`whsec_${id}`, merchantContext(id)),
      })),
    });
    const secrets = createSecretBox([newKey, oldKey]);
    // Two processes that start together; each does what the other has not done yet.
    const totals = await Promise.all([reseal(secrets), reseal(secrets)]);
    expect(totals.reduce((sum, total) => sum + (total?.resealed ?? 0), 0)).toBe(501);
    const found = await openTargets(createSecretBox([newKey])).loadMerchantSecrets(ids);
    expect(found.size).toBe(501);
  });
});
