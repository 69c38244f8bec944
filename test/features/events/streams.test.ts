import { connect } from 'node:net';
import type { Readable } from 'node:stream';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Principal } from '../../../src/api/route.ts';
import { hashKey, newKey } from '../../../src/features/accounts/keys/key-format.ts';
import { createKeyRing } from '../../../src/features/accounts/keys/key-ring.ts';
import { eventRoutes } from '../../../src/features/events/routes.ts';
import type { Placed } from '../../../src/features/events/store.ts';
import { createStreams } from '../../../src/features/events/streams.ts';
import type { Listener, Tail } from '../../../src/features/events/tail.ts';
import { newId } from '../../../src/platform/ids.ts';
import { KEYS, serve } from '../../http/harness.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { until } from '../../support/until.ts';

const KIB = 1024;
const log = pino({ level: 'silent' });
const operator: Principal = { keyId: 'key_o', role: 'operator', name: 'o', merchantId: null };
const everybody = async (ids: string[]) => new Set(ids);

let db: TestDatabase;
const closers: Array<() => unknown> = [];
beforeAll(async () => {
  db = await testDatabase();
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
afterAll(() => db?.drop());

/** A tail that shows what the test hands it, when the test does. */
function handedTail() {
  const listeners = new Set<Listener>();
  const tail: Tail = {
    async listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: async () => {},
  };
  const show = (attempts: Placed[]) => {
    for (const listener of listeners) listener.take(attempts);
  };
  return { tail, listeners, show };
}

/** An attempt whose text is a little longer than `bytes`. */
function attempt(bytes: number): Placed {
  const event = { merchantId: 'm', error: 'x'.repeat(bytes) } as unknown as Placed['event'];
  return { place: { xid: '1', id: newId('att') }, event };
}

/** What a stream has said so far, and when it ended. */
function reading(stream: Readable) {
  const read = { text: '', isOver: false };
  stream.on('data', (chunk) => {
    read.text += chunk;
  });
  stream.on('close', () => {
    read.isOver = true;
  });
  closers.push(() => stream.destroy());
  return read;
}

const beatsIn = (text: string) => text.split('\n\n').filter((block) => block === ':').length;

test('a stream on which nothing happens has a heartbeat', async () => {
  const { tail } = handedTail();
  const streams = createStreams(
    { tail, log, liveKeys: everybody, liveSessions: everybody },
    { heartbeatMs: 20 },
  );
  const one = reading(await streams.open(operator, {}, null));
  const other = reading(await streams.open(operator, {}, null));
  await until(() => beatsIn(one.text) >= 3 && beatsIn(other.text) >= 3);
  expect(one.isOver).toBe(false);
});

test('ends by itself, and is listened for no longer; the others go on', async () => {
  const { tail, listeners } = handedTail();
  const deps = { tail, log, liveKeys: everybody, liveSessions: everybody };
  const short = createStreams(deps, { heartbeatMs: 20, longestMs: 60 });
  const long = createStreams(deps, { heartbeatMs: 20 });
  const ending = reading(await short.open(operator, {}, null));
  const staying = reading(await long.open(operator, {}, null));
  await until(() => ending.isOver);
  expect(listeners.size).toBe(1);
  const before = beatsIn(staying.text);
  await until(() => beatsIn(staying.text) > before + 2);
  expect(staying.isOver).toBe(false);
});

test('ends at the next heartbeat after its key was revoked, wherever that was; not for a fault', async () => {
  const ring = createKeyRing({ database: db.database, log });
  closers.push(() => ring.close());
  const store = async (name: string): Promise<Principal> => {
    const id = newId('key');
    const hash = hashKey(newKey('operator'));
    await db.database.prisma.apiKey.create({ data: { id, role: 'operator', name, hash } });
    return { ...operator, keyId: id };
  };
  const [kept, revoked] = [await store('kept'), await store('revoked')];
  let looks = 0;
  let isBroken = false;
  const liveKeys = async (ids: string[]) => {
    looks += 1;
    if (isBroken) throw new Error('the database is away');
    return ring.liveKeys(ids);
  };
  const { tail } = handedTail();
  const streams = createStreams(
    { tail, log, liveKeys, liveSessions: everybody },
    { heartbeatMs: 20 },
  );
  const staying = reading(await streams.open(kept, {}, null));
  const ending = [
    reading(await streams.open(revoked, {}, null)),
    reading(await streams.open(revoked, {}, null)),
  ];
  await until(() => looks >= 3);

  isBroken = true;
  const seen = looks;
  await until(() => looks >= seen + 3);
  expect(ending.some(({ isOver }) => isOver)).toBe(false);

  isBroken = false;
  // As another process does it: nothing here is told.
  await db.database.prisma.apiKey.update({
    where: { id: revoked.keyId },
    data: { revokedAt: new Date() },
  });
  await until(() => ending.every(({ isOver }) => isOver));
  const after = looks;
  await until(() => looks >= after + 3);
  expect(staying.isOver).toBe(false);
});

test('a stream of the console ends with its session, and the key’s others go on', async () => {
  const { tail } = handedTail();
  const ended = new Set<string>();
  const liveSessions = async (ids: string[]) => new Set(ids.filter((id) => !ended.has(id)));
  const streams = createStreams(
    { tail, log, liveKeys: everybody, liveSessions },
    { heartbeatMs: 20 },
  );
  const left = reading(await streams.open({ ...operator, sessionId: 'left' }, {}, null));
  const stayed = reading(await streams.open({ ...operator, sessionId: 'stayed' }, {}, null));
  const byKey = reading(await streams.open(operator, {}, null));
  await until(() => beatsIn(left.text) >= 2);
  ended.add('left');
  await until(() => left.isOver);
  const beats = beatsIn(stayed.text);
  await until(() => beatsIn(stayed.text) >= beats + 3);
  expect([stayed.isOver, byKey.isOver]).toEqual([false, false]);
});

test('who does not read is let go with little unread; who reads misses nothing meanwhile', async () => {
  const { tail, listeners, show } = handedTail();
  const streams = createStreams({ tail, log, liveKeys: everybody, liveSessions: everybody });
  const server = await serve({ routes: eventRoutes(streams) });
  closers.push(() => server.close());
  const open = () => {
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(
      `GET /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${KEYS.operator}\r\n\r\n`,
    );
    closers.push(() => socket.destroy());
    return socket;
  };
  const deaf = open();
  deaf.pause();
  await until(() => listeners.size === 1);
  const good = open();
  let heard = 0;
  good.on('data', (chunk) => {
    heard += chunk.length;
  });
  await until(() => listeners.size === 2);

  let shown = 0;
  while (listeners.size === 2) {
    // More than sockets hold; the process would hold all of it, were there no end to what it keeps.
    expect(shown).toBeLessThan(64 * KIB * KIB);
    show([attempt(64 * KIB)]);
    shown += 64 * KIB;
    await until(() => heard >= shown);
  }
  expect(listeners.size).toBe(1);
  show([attempt(64 * KIB)]);
  await until(() => heard >= shown + 64 * KIB);
});

test('merchants’ streams leave room for operators, and one merchant’s for other merchants', async () => {
  const { tail } = handedTail();
  const streams = createStreams(
    { tail, log, liveKeys: everybody, liveSessions: everybody },
    { perKey: 2, perMerchant: 3, merchants: 5, inAll: 7 },
  );
  const open = async (keyId: string, merchantId: string | null) => {
    const role = merchantId === null ? 'operator' : 'merchant';
    const stream = await streams.open({ keyId, role, name: keyId, merchantId }, {}, null);
    closers.push(() => stream.destroy());
  };
  const tooMany = { status: 429, code: 'too_many_streams' };
  await open('key_a1', 'a');
  await open('key_a1', 'a');
  await expect(open('key_a1', 'a')).rejects.toMatchObject({
    ...tooMany,
    message: 'A key may have 2 live streams open, and this one has.',
  });
  await open('key_a2', 'a');
  await expect(open('key_a3', 'a')).rejects.toMatchObject({
    ...tooMany,
    message: 'A merchant may have 3 live streams open, and yours has.',
  });
  await open('key_b', 'b');
  await open('key_c', 'c');
  await expect(open('key_d', 'd')).rejects.toMatchObject(tooMany);
  await open('key_o1', null);
  await open('key_o2', null);
  await expect(open('key_o3', null)).rejects.toMatchObject(tooMany);
});
