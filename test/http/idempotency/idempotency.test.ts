import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Problem } from '../../../src/api/problem.ts';
import type { Reply, Route } from '../../../src/api/route.ts';
import { createIdempotencyStore } from '../../../src/http/idempotency/store.ts';
import { execute, type TestDatabase, testDatabase } from '../../support/database.ts';
import { type Called, get, KEYS, post, type Running, serve, testSealing } from '../harness.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let db: TestDatabase;
let store: ReturnType<typeof createIdempotencyStore>;
const open: Running[] = [];

beforeAll(async () => {
  db = await testDatabase();
  store = createIdempotencyStore(db.database.direct.sql, testSealing());
});
afterEach(async () => {
  for (const running of open.splice(0)) await running.close();
});
afterAll(() => db.drop());

interface Shop extends Running {
  /** The reserved ids of the handler's runs. */
  runs: string[];
  order(key: string, body?: string, more?: { path?: string; bearer?: string }): Promise<Called>;
}

/** A server whose POSTs do `work`; several may share the one store, as processes do. */
async function shop(work: (reservedId: string) => Promise<Reply>): Promise<Shop> {
  const runs: string[] = [];
  const handle: Route['handle'] = async (call) => {
    runs.push(call.reservedId);
    return work(call.reservedId);
  };
  const body = z.strictObject({ n: z.number() });
  // What changes nothing keeps no answers; who is asked is not in the audit log here.
  const audit = { action: 'thing.make' as const, roles: [] };
  const roles = ['operator', 'producer'] as const;
  const running = await serve({
    idempotency: store,
    routes: [
      post('/v1/orders', handle, { body, roles, audit, query: z.object({}) }),
      post('/v1/refunds', handle, { body, roles, audit }),
      get('/v1/orders', handle),
    ],
  });
  open.push(running);
  return {
    ...running,
    runs,
    order: (key, text = '{"n":1}', more = {}) =>
      running.call(more.path ?? '/v1/orders', {
        method: 'POST',
        body: text,
        key: more.bearer ?? KEYS.operator,
        headers: { 'idempotency-key': key },
      }),
  };
}

const created = async (id: string): Promise<Reply> => ({
  status: 201,
  headers: { location: `/v1/orders/${id}` },
  body: { id, secret: 'whsec_SHOWN_ONCE' },
});

function signal() {
  let fire = () => {};
  const fired = new Promise<void>((resolve) => {
    fire = resolve;
  });
  return { fire, fired };
}

describe('a repeat', () => {
  test('gets the first answer, to the byte, and says so', async () => {
    const { order, runs } = await shop(created);
    const key = randomUUID();
    const first = await order(key);
    const again = await order(key);
    expect(runs).toHaveLength(1);
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.status).toBe(201);
    expect(again.text).toBe(first.text);
    for (const name of ['location', 'content-type']) {
      expect(again.headers.get(name)).toBe(first.headers.get(name));
    }
  });

  test('may quote the key', async () => {
    const { order, runs } = await shop(created);
    const key = randomUUID();
    await order(key);
    expect((await order(`"${key}"`)).headers.get('idempotent-replayed')).toBe('true');
    expect(runs).toHaveLength(1);
  });

  test('of an answer without a body has none', async () => {
    const { order } = await shop(async () => ({ status: 204 }));
    const key = randomUUID();
    await order(key);
    const again = await order(key);
    expect([again.status, again.text]).toEqual([204, '']);
  });

  test("gets the first refusal, where it was the caller's fault", async () => {
    const { order, runs } = await shop(async () => {
      throw new Problem(409, 'already_delivered', 'It arrived.');
    });
    const key = randomUUID();
    const first = await order(key);
    const again = await order(key);
    expect(runs).toHaveLength(1);
    expect(again.text).toBe(first.text);
    expect(again.headers.get('content-type')).toBe('application/problem+json');
    expect(again.headers.get('idempotent-replayed')).toBe('true');
  });

  test.each([
    ['a fault of ours', 500, () => new Error('broken')],
    ['"not now"', 503, () => new Problem(503, 'unavailable', 'Later.')],
    ['"too many"', 429, () => new Problem(429, 'rate_limited', 'Later.')],
  ])('after %s runs again, at once, with the same reserved id', async (_name, status, error) => {
    let isBroken = true;
    const { order, runs } = await shop(async (id) => {
      if (isBroken) throw error();
      return created(id);
    });
    const key = randomUUID();
    expect((await order(key)).status).toBe(status);
    isBroken = false;
    expect((await order(key)).status).toBe(201);
    expect((await order(key)).headers.get('idempotent-replayed')).toBe('true');
    expect(runs).toHaveLength(2);
    expect(runs[1]).toBe(runs[0]);
  });
});

describe('the same key for another request', () => {
  test.each([
    ['another body', '{"n":2}', '/v1/orders'],
    ['the same JSON written otherwise', '{"n": 1}', '/v1/orders'],
    ['another path', '{"n":1}', '/v1/refunds'],
    ['another query', '{"n":1}', '/v1/orders?waitMs=1'],
  ])('%s → 422 idempotency_key_reused', async (_name, body, path) => {
    const { order, runs } = await shop(created);
    const key = randomUUID();
    await order(key);
    const other = await order(key, body, { path });
    expect([other.status, other.json.code]).toEqual([422, 'idempotency_key_reused']);
    expect(runs).toHaveLength(1);
  });

  test("somebody else's key of the same name is another key", async () => {
    const { order, runs } = await shop(created);
    const key = randomUUID();
    const mine = await order(key);
    const theirs = await order(key, '{"n":2}', { bearer: KEYS.producer });
    expect(theirs.status).toBe(201);
    expect(theirs.text).not.toBe(mine.text);
    expect(runs).toHaveLength(2);
  });

  test('a request that was not valid has not used its key', async () => {
    const { order } = await shop(created);
    const key = randomUUID();
    expect((await order(key, '{"n":"one"}')).status).toBe(422);
    expect((await order(key)).status).toBe(201);
  });
});

test('of 20 at once one runs; the others are told to come back', async () => {
  const started = signal();
  const mayEnd = signal();
  const { order, runs } = await shop(async (id) => {
    started.fire();
    await mayEnd.fired;
    return created(id);
  });
  const key = randomUUID();
  const calls = Array.from({ length: 20 }, () => order(key));
  await started.fired;
  const early: Called[] = [];
  const twentieth = await new Promise<Called>((resolve) => {
    for (const call of calls) {
      void call.then((answer) => {
        early.push(answer);
        if (early.length === 19) mayEnd.fire();
        if (early.length === 20) resolve(answer);
      });
    }
  });
  expect(twentieth.status).toBe(201);
  for (const answer of early.slice(0, 19)) {
    expect([answer.status, answer.json.code]).toEqual([409, 'request_in_progress']);
    expect(answer.headers.get('retry-after')).toBe('1');
  }
  expect(runs).toHaveLength(1);
  expect((await order(key)).text).toBe(twentieth.text);
});

test('many keys at once, each several times: one run a key, and everybody gets its answer', async () => {
  const { order, runs } = await shop(created);
  const keys = Array.from({ length: 100 }, () => randomUUID());
  const crowd = [...keys, ...keys.toReversed(), ...keys].map(async (key) => {
    const { status, json } = await order(key);
    return { key, status, id: json.id };
  });
  const answers = await Promise.all(crowd);
  expect(runs).toHaveLength(100);
  expect(answers.every(({ status }) => status === 201 || status === 409)).toBe(true);
  const ids = new Map(answers.filter(({ id }) => id).map(({ key, id }) => [key, id]));
  expect(new Set(ids.values()).size).toBe(100);
  for (const [key, id] of ids) expect((await order(key)).json.id).toBe(id);
});

describe('a process that died in the middle', () => {
  test('a minute later another takes over, with the same reserved id', async () => {
    const started = signal();
    const dying = await shop(async () => {
      started.fire();
      return new Promise<Reply>(() => {});
    });
    const key = randomUUID();
    const lost = dying.order(key).catch(() => 'connection lost');
    await started.fired;
    await dying.close();
    expect(await lost).toBe('connection lost');

    const next = await shop(created);
    expect((await next.order(key)).json.code).toBe('request_in_progress');
    await db.travel(61_000);
    const answers = await Promise.all(Array.from({ length: 5 }, () => next.order(key)));
    expect(next.runs).toEqual(dying.runs);
    const answered = answers.filter((answer) => answer.status === 201);
    expect(answered.length).toBeGreaterThan(0);
    expect(new Set(answered.map((answer) => answer.text)).size).toBe(1);
  });

  test('should it not be dead after all, the first answer stays', async () => {
    const started = signal();
    const mayEnd = signal();
    const slow = await shop(async () => {
      started.fire();
      await mayEnd.fired;
      return { status: 200, body: 'slow' };
    });
    const key = randomUUID();
    const overdue = slow.order(key);
    await started.fired;
    await db.travel(61_000);
    const quick = await shop(async () => ({ status: 201, body: 'quick' }));
    expect((await quick.order(key)).json).toBe('quick');
    mayEnd.fire();
    expect((await overdue).json).toBe('slow');
    expect((await quick.order(key)).json).toBe('quick');
  });

  test('a late failure does not open the lock of its successor', async () => {
    const claim = { scope: 'key_late', key: randomUUID(), fingerprint: 'f' };
    const first = await store.claim(claim);
    await db.travel(61_000);
    const second = await store.claim(claim);
    if (first.kind !== 'ours' || second.kind !== 'ours') throw new Error('Both were to run.');
    expect(second.lock.reservedId).toBe(first.lock.reservedId);
    await store.release(claim, first.lock);
    expect(await store.claim(claim)).toEqual({ kind: 'running' });
    await store.release(claim, second.lock);
    expect((await store.claim(claim)).kind).toBe('ours');
  });

  test('an answer that cannot be kept is given all the same', async () => {
    const { order, runs, logged } = await shop(async (id) => {
      await execute(db.url, 'ALTER TABLE idempotency_key RENAME TO away');
      return created(id);
    });
    const key = randomUUID();
    expect((await order(key)).status).toBe(201);
    await execute(db.url, 'ALTER TABLE away RENAME TO idempotency_key');
    expect(logged.map((line) => line.msg)).toContain(
      'the answer to an Idempotency-Key was not kept',
    );
    expect((await order(key)).json.code).toBe('request_in_progress');
    expect(runs).toHaveLength(1);
  });
});

test('nothing of an answer can be read in the table', async () => {
  const { order } = await shop(created);
  const first = await order(randomUUID());
  const rows = await db.database.pool.query(
    'SELECT idempotency_key::text AS row FROM idempotency_key WHERE status_code = 201',
  );
  const table = rows.rows.map(({ row }) => row).join('\n');
  expect(table).not.toBe('');
  expect(table).not.toContain('whsec_');
  expect(table).not.toContain(Buffer.from('whsec_SHOWN').toString('base64').slice(0, -2));
  expect(table).not.toContain(`/v1/orders/${first.json.id}`);
});

test.each(['', '""', 'has blank', 'x'.repeat(256), 'caf\u00e9', 'a, b'])(
  'Idempotency-Key: %j → 422',
  async (key) => {
    const { order, runs } = await shop(created);
    const answer = await order(key);
    expect([answer.status, answer.json.code]).toEqual([422, 'invalid_request']);
    expect(runs).toHaveLength(0);
  },
);

test('without a key each call runs, with an id of its own; on a GET the header says nothing', async () => {
  const { call, runs } = await shop(created);
  for (let n = 0; n < 2; n += 1) await call('/v1/orders', { body: '{"n":1}' });
  const headers = { 'idempotency-key': 'x' };
  for (let n = 0; n < 2; n += 1) await call('/v1/orders', { headers });
  expect(new Set(runs).size).toBe(4);
});

test('keys are kept for a day and forgotten after two, in small batches', async () => {
  const { order } = await shop(created);
  await store.removeExpired(1000);
  const keys = Array.from({ length: 5 }, () => randomUUID());
  await db.travel(-49 * HOUR);
  for (const key of keys.slice(0, 3)) await order(key);
  await db.travel(25 * HOUR);
  for (const key of keys.slice(3)) await order(key);
  await db.travel(24 * HOUR);
  expect(await store.removeExpired(2)).toBe(2);
  expect(await store.removeExpired(2)).toBe(1);
  expect(await store.removeExpired(2)).toBe(0);
  expect((await order(keys[0] ?? '')).headers.get('idempotent-replayed')).toBeNull();
  expect((await order(keys[4] ?? '')).headers.get('idempotent-replayed')).toBe('true');
});
