import pino from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashKey, newKey, newOperatorKey } from '../../../src/features/accounts/keys/key-format.ts';
import { createKeyRing, type KeyRing } from '../../../src/features/accounts/keys/key-ring.ts';
import { newId } from '../../../src/platform/ids.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { until } from '../../support/until.ts';

const log = pino({ level: 'silent' });
let db: TestDatabase;
let nowMs = 1_000_000;
const rings: KeyRing[] = [];

beforeAll(async () => {
  db = await testDatabase();
});
afterAll(async () => {
  for (const ring of rings) await ring.close();
  await db.drop();
});

/** Another process: a ring with a cache of its own, on a clock that stands still. */
function openRing(): KeyRing {
  const ring = createKeyRing({ database: db.database, log, monotonicMs: () => nowMs });
  rings.push(ring);
  return ring;
}

async function storeKey(data: { expiresInMs?: number } = {}) {
  const key = newKey('producer');
  const id = newId('key');
  const expiresAt = data.expiresInMs === undefined ? null : await inMs(data.expiresInMs);
  await db.database.prisma.apiKey.create({
    data: { id, role: 'producer', name: 'till', hash: hashKey(key), expiresAt },
  });
  return { id, key, expected: { keyId: id, role: 'producer', name: 'till', merchantId: null } };
}

async function inMs(ms: number): Promise<Date> {
  const rows = await db.database.prisma.$queryRaw<{ at: Date }[]>`
    SELECT postrider_now() + ${ms} * interval '1 millisecond' AS at`;
  return rows[0]?.at ?? new Date(0);
}

function signal() {
  let give = () => {};
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { give, given };
}

const revoke = (id: string) =>
  db.database.prisma.apiKey.update({ where: { id }, data: { revokedAt: new Date() } });

describe('a key', () => {
  test('is known; a stranger, a typing error and nonsense are not', async () => {
    const ring = openRing();
    const { key, expected } = await storeKey();
    expect(await ring.authenticate(key)).toEqual(expected);
    for (const wrong of [
      newKey('producer'),
      `${key}x`,
      key.toUpperCase(),
      'pr_',
      '',
      'x'.repeat(512),
    ]) {
      expect(await ring.authenticate(wrong)).toBeNull();
    }
  });

  test('that is mistyped is refused without the database', async () => {
    const ring = createKeyRing({ database: { prisma: null } as never, log });
    const key = newKey('merchant');
    expect(await ring.authenticate(key.slice(0, -1) + (key.endsWith('x') ? 'y' : 'x'))).toBeNull();
    await expect(ring.authenticate(key)).rejects.toThrow();
  });

  test('that another process revoked is refused within a minute', async () => {
    const ring = openRing();
    const { id, key } = await storeKey();
    expect(await ring.authenticate(key)).not.toBeNull();
    await revoke(id);
    nowMs += 29_000;
    expect(await ring.authenticate(key)).not.toBeNull();
    nowMs += 2_000;
    expect(await ring.authenticate(key)).toBeNull();
  });

  test('that another process revoked is refused at once where something is to change', async () => {
    const ring = openRing();
    const { id, key, expected } = await storeKey();
    expect(await ring.authenticate(key, true)).toEqual(expected);
    await revoke(id);
    expect(await ring.authenticate(key, true)).toBeNull();
    expect(await ring.authenticate(key)).toBeNull();
  });

  test('that another process revoked is forgotten when revocations are followed', async () => {
    const ring = openRing();
    const [gone, stays] = [await storeKey(), await storeKey()];
    await ring.authenticate(gone.key);
    await ring.authenticate(stays.key);
    await revoke(gone.id);
    await ring.followRevocations();
    expect(await ring.authenticate(gone.key)).toBeNull();
    expect(await ring.authenticate(stays.key)).toEqual(stays.expected);
  });

  test('that is used all the time is looked up again all the same', async () => {
    const ring = openRing();
    const { id, key } = await storeKey();
    await ring.authenticate(key);
    await revoke(id);
    for (let second = 0; second < 31; second += 1) {
      nowMs += 1_000;
      await ring.authenticate(key);
    }
    expect(await ring.authenticate(key)).toBeNull();
  });

  test.each(['after', 'before'])(
    'that is revoked while it is looked up is refused to those who ask %s the lookup ends',
    async (when) => {
      const { id, key } = await storeKey();
      const [read, answer] = [signal(), signal()];
      // The first lookup has read the row; its answer is still on the way when the key is revoked.
      const slow = db.database.prisma.$extends({
        query: {
          async $queryRaw({ args, query }) {
            const rows = await query(args);
            read.give();
            await answer.given;
            return rows;
          },
        },
      });
      const ring = createKeyRing({ database: { ...db.database, prisma: slow as never }, log });
      const early = ring.authenticate(key);
      await read.given;
      await revoke(id);
      ring.forget(hashKey(key));
      const meanwhile = when === 'before' ? ring.authenticate(key) : null;
      answer.give();
      expect(await early).not.toBeNull();
      expect(await meanwhile).toBeNull();
      expect(await ring.authenticate(key)).toBeNull();
      await ring.close();
    },
  );

  test('expires on time, cached or not', async () => {
    const ring = openRing();
    const { key } = await storeKey({ expiresInMs: 10_000 });
    expect(await ring.authenticate(key)).not.toBeNull();
    nowMs += 9_000;
    expect(await ring.authenticate(key)).not.toBeNull();
    nowMs += 1_001;
    expect(await ring.authenticate(key)).toBeNull();

    const spent = await storeKey({ expiresInMs: -1 });
    expect(await ring.authenticate(spent.key)).toBeNull();
  });

  test('that was wrong may become right a little later', async () => {
    const ring = openRing();
    const key = newKey('operator');
    expect(await ring.authenticate(key)).toBeNull();
    await db.database.prisma.apiKey.create({
      data: { id: newId('key'), role: 'operator', name: 'late', hash: hashKey(key) },
    });
    expect(await ring.authenticate(key)).toBeNull();
    nowMs += 5_001;
    expect(await ring.authenticate(key)).not.toBeNull();
  });

  test('that many ask for at once is looked up once', async () => {
    const { key, expected } = await storeKey();
    let queries = 0;
    const counting = db.database.prisma.$extends({
      query: {
        $queryRaw({ args, query }) {
          queries += 1;
          return query(args);
        },
      },
    });
    const ring = createKeyRing({ database: { ...db.database, prisma: counting as never }, log });
    const answers = await Promise.all(Array.from({ length: 50 }, () => ring.authenticate(key)));
    expect(answers).toEqual(Array(50).fill(expected));
    expect(queries).toBe(1);
    await ring.close();
  });
});

describe('the last use', () => {
  const lastUse = async (id: string) =>
    (await db.database.prisma.apiKey.findUniqueOrThrow({ where: { id } })).lastUsedAt;

  test('is noted by itself, for many keys together', async () => {
    const ring = openRing();
    const keys = [await storeKey(), await storeKey()];
    for (const { key } of keys) await ring.authenticate(key);
    const [one, other] = await Promise.all(
      keys.map(({ id }) => until(() => lastUse(id), { what: 'a note of the last use' })),
    );
    expect(one).toEqual(other);
  });

  test('is noted when the process ends, and at most once a minute', async () => {
    const ring = openRing();
    const { id, key } = await storeKey();
    await ring.authenticate(key);
    await ring.close();
    const first = await lastUse(id);
    expect(first).not.toBeNull();

    await db.travel(59_000);
    nowMs += 59_000;
    await ring.authenticate(key);
    await ring.close();
    expect(await lastUse(id)).toEqual(first);

    await db.travel(2_000);
    nowMs += 2_000;
    await ring.authenticate(key);
    await ring.close();
    expect((await lastUse(id))?.getTime()).toBeGreaterThan((first?.getTime() ?? 0) + 60_000);
  });

  test('is not noted again when another process has just done so', async () => {
    const [ring, other] = [openRing(), openRing()];
    const { id, key } = await storeKey();
    await Promise.all([ring.authenticate(key), other.authenticate(key)]);
    await ring.close();
    const first = await lastUse(id);
    await db.travel(30_000);
    await other.close();
    expect(await lastUse(id)).toEqual(first);
  });

  test('that cannot be noted harms nobody', async () => {
    const { key } = await storeKey();
    const broken = db.database.prisma.$extends({
      query: {
        $executeRaw() {
          throw new Error('connection lost');
        },
      },
    });
    const ring = createKeyRing({ database: { ...db.database, prisma: broken as never }, log });
    expect(await ring.authenticate(key)).not.toBeNull();
    await ring.close();
  });
});

describe('the configured operator key', () => {
  const bootstrap = 'key_00000000000000000000000000';

  test('may have any shape', async () => {
    for (const given of ['correct horse battery staple', 'pr_operator_not-a-real-checksum-1']) {
      const ring = openRing();
      expect(await ring.authenticate(given)).toBeNull();
      await ring.ensureOperatorKey(given);
      expect(await ring.authenticate(given)).toEqual({
        keyId: bootstrap,
        role: 'operator',
        name: 'bootstrap',
        merchantId: null,
      });
    }
  });

  test('takes the place of the one before it', async () => {
    const [earlier, later] = [newOperatorKey(), newOperatorKey()];
    await openRing().ensureOperatorKey(earlier);
    await openRing().ensureOperatorKey(later);
    const ring = openRing();
    expect(await ring.authenticate(earlier)).toBeNull();
    expect(await ring.authenticate(later)).not.toBeNull();
  });

  test('is good for many processes that start at once', async () => {
    const key = newOperatorKey();
    await db.database.prisma.apiKey.deleteMany({ where: { id: bootstrap } });
    const started = Array.from({ length: 8 }, () => openRing());
    await Promise.all(started.map((ring) => ring.ensureOperatorKey(key)));
    for (const ring of started) expect(await ring.authenticate(key)).not.toBeNull();
  });

  test('stays revoked, whatever was configured in between', async () => {
    const [key, later] = [newOperatorKey(), newOperatorKey()];
    await openRing().ensureOperatorKey(key);
    await revoke(bootstrap);
    for (let start = 0; start < 2; start += 1) {
      const ring = openRing();
      expect(await ring.ensureOperatorKey(key)).toBe(false);
      expect(await ring.authenticate(key)).toBeNull();
    }
    const ring = openRing();
    expect(await ring.ensureOperatorKey(later)).toBe(true);
    expect(await ring.authenticate(later)).not.toBeNull();
    expect(await openRing().ensureOperatorKey(key)).toBe(false);
    expect(await openRing().authenticate(key)).toBeNull();
    // A key that cannot be used takes nobody's place.
    expect(await openRing().authenticate(later)).not.toBeNull();
  });

  test('that was only replaced may be configured again', async () => {
    const [key, later] = [newOperatorKey(), newOperatorKey()];
    for (const each of [key, later, key]) {
      expect(await openRing().ensureOperatorKey(each)).toBe(true);
    }
    expect(await openRing().authenticate(key)).not.toBeNull();
    expect(await openRing().authenticate(later)).toBeNull();
  });

  test('may be one made through the API, which ends the earlier configured one', async () => {
    const [earlier, made] = [newOperatorKey(), newOperatorKey()];
    await openRing().ensureOperatorKey(earlier);
    const id = newId('key');
    await db.database.prisma.apiKey.create({
      data: { id, role: 'operator', name: 'made', hash: hashKey(made) },
    });
    const ring = openRing();
    await ring.ensureOperatorKey(made);
    expect(await ring.authenticate(made)).toMatchObject({ keyId: id });
    expect(await ring.authenticate(earlier)).toBeNull();

    // Going back in the configuration is no revocation.
    expect(await openRing().ensureOperatorKey(earlier)).toBe(true);
    expect(await openRing().authenticate(made)).not.toBeNull();

    await revoke(id);
    expect(await openRing().ensureOperatorKey(made)).toBe(false);
    expect(await openRing().authenticate(earlier)).not.toBeNull();
  });

  test('cannot be a key of another role', async () => {
    const { key } = await storeKey();
    expect(await openRing().ensureOperatorKey(key)).toBe(false);
  });
});
