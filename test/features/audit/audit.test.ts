import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apiOf } from '../../support/api.ts';
import { OPERATOR_KEY, type TestGateway, testGateway } from '../../support/gateway.ts';
import { spawnGateway } from '../../support/process.ts';
import { until } from '../../support/until.ts';
import {
  type ApiDocument,
  conforming,
  type Operation,
  readDocument,
  type Schema,
} from '../../trust/document.ts';

/** What only asks, although it is no GET. */
const ONLY_ASKS = ['post /v1/results/query'];

interface Entry {
  id: string;
  action: string;
  status: number | null;
  [name: string]: unknown;
}

let gateway: TestGateway;
let document: ApiDocument;
let merchant: Awaited<ReturnType<TestGateway['merchant']>>;
beforeAll(async () => {
  gateway = await testGateway({ roles: ['api'] });
  document = await readDocument(gateway.url);
  merchant = await gateway.merchant();
});
afterAll(() => gateway?.close());

const log = async (query: string): Promise<Entry[]> =>
  (await gateway.operator.get(`/v1/audit-log?${query}`).expect(200)).body.data;
const makeEndpoint = async (more: object = {}) =>
  (
    await merchant.api
      .post(`/v1/merchants/${merchant.id}/endpoints`, { url: 'http://127.0.0.1:9/', ...more })
      .expect(201)
  ).body;

/** What no schema says: a filter must have something in it. And that a job is to be made. */
const HINTS: Record<string, unknown> = { filter: { queue: 'none' }, dryRun: false };
const hint = (name: string) => (name in HINTS ? fc.constant(HINTS[name]) : undefined);

/** Calls an operation as its description has it, with made-up values. */
function call({ method, path, parameters, body }: Operation, key: string, requestId: string) {
  const make = (schema: Schema) =>
    fc.sample(conforming(schema, document, 'none', hint), { numRuns: 1, seed: 3 })[0];
  const target = path.replace(/\{(\w+)\}/g, (_text, name) =>
    encodeURIComponent(
      String(
        make({ ...parameters.find((each) => each.name === name && each.in === 'path')?.schema }),
      ),
    ),
  );
  const query = parameters
    .filter((each) => each.in === 'query' && each.required)
    .map(({ name, schema }) => `${name}=${encodeURIComponent(String(make(schema)))}`);
  return fetch(`${gateway.url}${target}?${query.join('&')}`, {
    method,
    headers: {
      connection: 'close',
      authorization: `Bearer ${key}`,
      'x-request-id': requestId,
      ...(body !== null && { 'content-type': 'application/json' }),
    },
    ...(body !== null && { body: JSON.stringify(make(body)) }),
  });
}

describe('every operation', () => {
  // The same action as that of one message by its id, which has been refused in this minute already.
  const SUMMED_UP = 'post /v1/messages/complete';

  test('that changes something leaves one entry, done or refused, with its end', async () => {
    const changing = document.operations.filter(
      ({ method, isOpen, name }) => !isOpen && method !== 'GET' && !ONLY_ASKS.includes(name),
    );
    expect(changing.length).toBeGreaterThan(30);
    const kept: { of: string; asked: number; kept: unknown[] }[] = [];
    for (const [index, operation] of changing.entries()) {
      const requestId = `every-${index}`;
      const { status } = await call(operation, OPERATOR_KEY, requestId);
      const entries = (await log('limit=20')).filter((each) => each.requestId === requestId);
      kept.push({ of: operation.name, asked: status, kept: entries.map((each) => each.status) });
    }
    expect(kept).toEqual(
      changing.map((operation, index) => ({
        of: operation.name,
        asked: kept[index]?.asked,
        kept: operation.name === SUMMED_UP ? [] : [kept[index]?.asked],
      })),
    );
  });

  test('that only asks leaves none', async () => {
    const before = (await log('limit=1'))[0]?.id;
    for (const operation of document.operations) {
      // The live events have no end to wait for.
      if (operation.isOpen || operation.name === 'get /v1/events') continue;
      if (operation.method !== 'GET' && !ONLY_ASKS.includes(operation.name)) continue;
      await (await call(operation, OPERATOR_KEY, 'reads')).arrayBuffer();
    }
    expect((await log('limit=1'))[0]?.id).toBe(before);
  });

  test('that a role may not use leaves its refusal', async () => {
    const name = 'not for merchants';
    await merchant.api.put('/v1/queues/default', { preset: 'alipay' }).expect(403);
    const [entry] = await log('action=queue.put&objectId=default');
    expect(entry, name).toMatchObject({
      actor: { role: 'merchant', merchantId: merchant.id },
      status: 403,
      before: null,
      after: null,
      merchantId: merchant.id,
    });
  });
});

describe('an entry', () => {
  test('says who, what, when, why, before and after', async () => {
    const { id } = await makeEndpoint({ description: 'old' });
    const from = new Date(Date.now() - 60_000).toISOString();
    await gateway.operator.patch(`/v1/endpoints/${id}`, { description: 'new' }).expect(200);
    await merchant.api.delete(`/v1/endpoints/${id}`).expect(204);
    const entries = await log(`objectKind=endpoint&objectId=${id}&from=${from}`);
    expect(entries).toMatchObject([
      {
        action: 'endpoint.delete',
        actor: { role: 'merchant', merchantId: merchant.id, name: expect.any(String) },
        before: { description: 'new' },
        after: null,
        status: 204,
      },
      {
        id: expect.stringMatching(/^aud_[0-9a-z]{26}$/),
        action: 'endpoint.update',
        actor: { role: 'operator', merchantId: null },
        object: { kind: 'endpoint', id },
        merchantId: merchant.id,
        before: { description: 'old', status: 'active' },
        after: { description: 'new', status: 'active' },
        status: 200,
        remoteAddress: '127.0.0.1',
      },
      { action: 'endpoint.create', before: null, after: { description: 'old' }, status: 201 },
    ]);
    expect(await log(`objectId=${id}&to=${from}`)).toEqual([]);
  });

  test('is found by actor, action, object, merchant; pages neither skip nor repeat', async () => {
    const { id } = await makeEndpoint();
    for (const verb of ['pause', 'resume', 'pause', 'resume']) {
      await merchant.api.post(`/v1/endpoints/${id}/${verb}`).expect(200);
    }
    const [latest] = await log(`objectId=${id}&limit=1`);
    const { keyId } = (latest as { actor: { keyId: string } } & Entry).actor;
    expect(await log(`objectId=${id}&keyId=${keyId}`)).toHaveLength(5);
    expect(await log(`objectId=${id}&merchantId=${merchant.id}`)).toHaveLength(5);
    expect(await log(`objectId=${id}&merchantId=m_other`)).toEqual([]);
    expect(await log(`objectId=${id}&action=endpoint.pause,endpoint.create`)).toHaveLength(3);
    const seen: string[] = [];
    let cursor = '';
    do {
      const { body } = await gateway.operator
        .get(`/v1/audit-log?objectId=${id}&limit=2${cursor}`)
        .expect(200);
      seen.push(...body.data.map((each: Entry) => each.action));
      cursor = body.nextCursor === null ? '' : `&cursor=${body.nextCursor}`;
      await merchant.api.post(`/v1/endpoints/${id}/pause`).expect(200);
    } while (cursor !== '');
    expect(seen.map((action) => action.split('.')[1])).toEqual([
      'resume',
      'pause',
      'resume',
      'pause',
      'create',
    ]);
  });

  test('is one, however often a call is repeated under its Idempotency-Key', async () => {
    const { id } = await makeEndpoint();
    const once = { 'idempotency-key': 'rotate-once' };
    for (let n = 0; n < 3; n += 1) {
      await merchant.api.post(`/v1/endpoints/${id}/rotate-secret`, {}, once).expect(200);
    }
    expect(await log(`objectId=${id}&action=endpoint.rotate-secret`)).toHaveLength(1);
  });

  test('holds no key, no secret, no payload, no header, no query of an address', async () => {
    const canary = 'canary-5f1d0c';
    const { body: made } = await gateway.operator
      .post('/v1/merchants', { name: 'Shop' })
      .expect(201);
    const endpoint = await makeEndpoint({
      url: `http://127.0.0.1:9/hook?token=${canary}`,
      headers: { 'x-token': canary },
    });
    const { body: key } = await gateway.operator
      .post('/v1/keys', { role: 'producer', name: 'orders' })
      .expect(201);
    const rotated = (await merchant.api.post(`/v1/endpoints/${endpoint.id}/rotate-secret`, {}))
      .body;
    const notification = { merchantId: merchant.id, type: 'a.b', businessKey: 'K' };
    const secretly = {
      ...notification,
      payload: { card: canary },
      notifyUrl: `http://127.0.0.1:9/?${canary}`,
    };
    const { body: sent } = await gateway.operator.post('/v1/notifications', secretly).expect(202);
    await gateway.operator.post(`/v1/notifications/${sent.id}/cancel`).expect(200);
    const { rows } = await gateway.db.database.pool.query(
      `SELECT e::text AS entry FROM audit_entry AS e UNION ALL SELECT o::text FROM audit_outcome AS o`,
    );
    const all = rows.map(({ entry }) => entry).join('\n');
    expect(all).toContain(endpoint.id);
    expect(all).toContain('x-token');
    const secrets = [
      canary,
      made.key,
      made.secret,
      endpoint.secret,
      key.key,
      key.callbackSecret,
      rotated.secret,
    ];
    expect(secrets.filter((secret) => all.includes(secret))).toEqual([]);
  });
});

describe('the log', () => {
  test.each(['audit_entry', 'audit_outcome'])('%s cannot be changed, by anybody', async (table) => {
    const { pool } = gateway.db.database;
    const column = table === 'audit_entry' ? 'action' : 'status';
    const statements = [
      `UPDATE ${table} SET ${column} = ${column}`,
      `UPDATE ${table} SET ${column} = ${column} WHERE false`,
      `DELETE FROM ${table}`,
      `TRUNCATE ${table} CASCADE`,
    ];
    const client = await pool.connect();
    try {
      // Where triggers are off, too.
      for (const mode of ['origin', 'replica']) {
        await client.query(`SET session_replication_role = ${mode}`);
        for (const statement of statements) {
          await expect(client.query(statement)).rejects.toThrow('the audit log is append-only');
        }
      }
    } finally {
      await client.query('RESET session_replication_role');
      client.release();
    }
  });

  test('has the end of a call before the caller hears of it', async () => {
    const { id } = await makeEndpoint();
    const client = await gateway.db.database.pool.connect();
    try {
      await client.query('BEGIN; LOCK TABLE audit_outcome IN EXCLUSIVE MODE');
      let answered = false;
      const pausing = merchant.api.post(`/v1/endpoints/${id}/pause`);
      void pausing.then(() => {
        answered = true;
      });
      const isPaused = async () =>
        (await gateway.operator.get(`/v1/endpoints/${id}`)).body.status === 'paused';
      await until(isPaused);
      const waits = `SELECT 1 FROM pg_locks WHERE relation = 'audit_outcome'::regclass AND NOT granted`;
      await until(async () => (await client.query(waits)).rowCount === 1);
      expect(answered).toBe(false);
      expect(await log(`objectId=${id}&action=endpoint.pause`)).toMatchObject([{ status: null }]);
      await client.query('COMMIT');
      await pausing.expect(200);
      expect(await log(`objectId=${id}&action=endpoint.pause`)).toMatchObject([{ status: 200 }]);
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
  });

  test('knows of a call whose process was killed in it', { timeout: 40_000 }, async () => {
    const { id } = await makeEndpoint();
    const { url, database } = gateway.db;
    const killed = await spawnGateway({
      env: {
        DATABASE_URL: url,
        ROLES: 'api',
        ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
        OPERATOR_KEY,
        ALLOW_PRIVATE_TARGETS: 'true',
        LOG_LEVEL: 'warn',
      },
    });
    const client = await database.pool.connect();
    try {
      await client.query('BEGIN');
      await client.query('SELECT 1 FROM endpoint WHERE id = $1 FOR UPDATE', [id]);
      await client.query('SELECT 1 FROM receiver WHERE id = $1 FOR UPDATE', [id]);
      const calling = apiOf(() => killed.url, OPERATOR_KEY).post(`/v1/endpoints/${id}/pause`);
      const lost = calling.catch(() => 'lost');
      const entries = () => log(`objectId=${id}&action=endpoint.pause`);
      await until(async () => (await entries()).length === 1);
      await killed.kill('SIGKILL');
      expect(await lost).toBe('lost');
      expect(await entries()).toMatchObject([
        { actor: { role: 'operator' }, before: { status: 'active' }, after: null, status: null },
      ]);
    } finally {
      await client.query('ROLLBACK');
      client.release();
      await killed.kill('SIGKILL');
    }
  });
});
