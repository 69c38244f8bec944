import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CALLS, type CallName } from '../../../src/api/key-scope.ts';
import type { Api } from '../../support/api.ts';
import { OPERATOR_KEY, type TestGateway, testGateway } from '../../support/gateway.ts';
import { type Operation, readDocument } from '../document.ts';

let gateway: TestGateway;
const logged: string[] = [];
beforeAll(async () => {
  gateway = await testGateway({
    roles: ['api'],
    trustProxy: '127.0.0.1',
    onLog: (line) => logged.push(line),
  });
});
afterAll(() => gateway.close());

async function make(body: object): Promise<{ id: string; key: string; api: Api }> {
  const made = await gateway.operator.post('/v1/keys', { name: 'scoped', ...body }).expect(201);
  return { id: made.body.id, key: made.body.key, api: gateway.as(made.body.key) };
}

async function ask({ method, path }: Pick<Operation, 'method' | 'path'>, key: string) {
  const leave = new AbortController();
  const answer = await fetch(`${gateway.url}${path.replaceAll(/\{\w+\}/g, 'x')}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      connection: 'close',
      ...(method !== 'GET' && { 'content-type': 'application/json' }),
    },
    ...(method !== 'GET' && { body: '{}' }),
    signal: leave.signal,
  });
  const { status } = answer;
  const type = answer.headers.get('content-type') ?? '';
  // The live events never end.
  if (type.startsWith('text/event-stream')) {
    leave.abort();
    return { status, code: null };
  }
  const text = await answer.text();
  return { status, code: type.startsWith('application/problem') ? JSON.parse(text).code : null };
}

describe('the calls of a key', () => {
  test('open what they name, and nothing else: every operation of the API, by every role that has it', async () => {
    // biome-ignore lint/suspicious/noExplicitAny: a foreign document
    const document = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as any;
    const { operations } = await readDocument(gateway.url);
    const needed = ({ method, path }: Operation): CallName | null =>
      document.paths[path][method.toLowerCase()]['x-call'] ?? null;
    const { id: merchantId } = await gateway.merchant();
    const keys = new Map<string, string>();
    const keyWith = async (role: string, calls: readonly CallName[]) => {
      const name = `${role} ${calls}`;
      const known = keys.get(name);
      if (known !== undefined) return known;
      const { key } = await make({ role, calls, ...(role === 'merchant' && { merchantId }) });
      keys.set(name, key);
      return key;
    };
    const seen = new Set<CallName>();
    const unscoped: string[] = [];
    for (const operation of operations.filter(({ roles }) => roles !== null)) {
      const call = needed(operation);
      if (call === null) {
        unscoped.push(operation.name);
        continue;
      }
      seen.add(call);
      for (const role of operation.roles ?? []) {
        const name = `${operation.name} by a ${role}`;
        const others = CALLS.filter((each) => each !== call);
        const refused = await ask(operation, await keyWith(role, others));
        expect({ name, ...refused }).toEqual({ name, status: 403, code: 'out_of_scope' });
        const { status } = await ask(operation, await keyWith(role, [call]));
        expect([401, 403], `${name}: ${status}`).not.toContain(status);
      }
    }
    // About the calling key alone.
    expect(unscoped.sort()).toEqual(['get /v1/keys/self', 'post /v1/keys/self/rotate']);
    expect([...seen].sort()).toEqual([...CALLS].sort());
  }, 60_000);

  test('that were refused are in the audit log', async () => {
    const { id, api } = await make({ role: 'operator', calls: ['queues:read'] });
    await api.get('/v1/queues').expect(200);
    await api.delete('/v1/queues/default').expect(403);
    const { body } = await gateway.operator.get(`/v1/audit-log?keyId=${id}`).expect(200);
    expect(body.data).toMatchObject([{ action: 'queue.delete', status: 403 }]);
  });

  test('are none that there is not, and not nothing', async () => {
    for (const calls of [[], ['queues'], ['queues:*'], ['QUEUES:read'], 'queues:read']) {
      const wrong = { role: 'operator', name: 'x', calls };
      await gateway.operator.post('/v1/keys', wrong).expect(422);
    }
  });
});

describe('a key that is itself narrowed', () => {
  test('makes no key that may do more than it', async () => {
    const keeper = await make({
      role: 'operator',
      calls: ['keys:write', 'queues:read'],
      networks: ['127.0.0.0/8', '10.1.0.0/16'],
    });
    const wish = (more: object) =>
      keeper.api.post('/v1/keys', {
        role: 'operator',
        name: 'made',
        calls: ['queues:read'],
        networks: ['127.0.0.1'],
        ...more,
      });
    for (const more of [
      { calls: null },
      { calls: ['queues:read', 'queues:write'] },
      { networks: null },
      { networks: ['127.0.0.0/7'] },
      { networks: ['127.0.0.1', '192.0.2.1'] },
      { networks: ['::1'] },
    ]) {
      const { body } = await wish(more).expect(403);
      expect(body.code).toBe('out_of_scope');
    }
    await wish({}).expect(201);
    await wish({ networks: ['127.0.0.0/8', '10.1.2.0/24'] }).expect(201);
  });
});

describe('the networks of a key', () => {
  const HOME = '198.51.100.7';
  const AWAY = '203.0.113.9';
  const from = async (address: string, key: string, path = '/v1/queues') => {
    const answer = await fetch(`${gateway.url}${path}`, {
      headers: { authorization: `Bearer ${key}`, 'x-forwarded-for': address },
    });
    const text = await answer.text();
    return { status: answer.status, text: text.replace(/"requestId":"[^"]*"/, '') };
  };

  test('are the only ones it works from; elsewhere it is a wrong key like any other', async () => {
    const { id, key } = await make({
      role: 'operator',
      networks: ['198.51.100.0/24', '2001:db8::/32'],
    });
    expect((await from(HOME, key)).status).toBe(200);
    expect((await from(`::ffff:${HOME}`, key)).status).toBe(200);
    expect((await from('2001:db8::5', key)).status).toBe(200);
    expect((await from(HOME, key, '/metrics')).status).toBe(200);
    // Also now that it is known, and where the proxy says nothing.
    const unknown = `${OPERATOR_KEY}-not`;
    for (const path of ['/v1/queues', '/metrics', '/v1/events']) {
      const away = await from(AWAY, key, path);
      expect(away).toEqual(await from(AWAY, unknown, path));
      expect(away.status).toBe(401);
    }
    await gateway.as(key).get('/v1/queues').expect(401);
    await gateway.as(key).post('/v1/merchants', { name: 'x' }).expect(401);
    const stray = logged.filter((line) => line.includes('outside of its networks'));
    expect(stray.some((line) => line.includes(id) && line.includes(AWAY))).toBe(true);
    expect(stray.join()).not.toContain(key);
  });

  test('hold for the console, too: its login, and a session that was carried elsewhere', async () => {
    const { key } = await make({ role: 'operator', networks: [HOME] });
    const login = (address: string) =>
      fetch(`${gateway.url}/console/session`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-forwarded-for': address },
        body: JSON.stringify({ key }),
      });
    expect((await login(AWAY)).status).toBe(401);
    const session = await login(HOME);
    expect(session.status).toBe(201);
    const cookie = session.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    for (const path of ['/v1/queues', '/console/session']) {
      const at = async (address: string) => {
        const headers = { cookie, 'x-forwarded-for': address };
        return (await fetch(`${gateway.url}${path}`, { headers })).status;
      };
      expect(await at(HOME)).toBe(200);
      expect(await at(AWAY)).toBe(401);
    }
  });

  test('are addresses and networks, and not nothing', async () => {
    for (const networks of [
      [],
      ['home'],
      ['10.0.0.0/33'],
      ['010.0.0.1'],
      ['::ffff:10.0.0.1/104'],
    ]) {
      const wrong = { role: 'operator', name: 'x', networks };
      await gateway.operator.post('/v1/keys', wrong).expect(422);
    }
  });
});

describe('the merchants of a producer’s key', () => {
  const notification = (merchantId: string, businessKey: string) => ({
    merchantId,
    type: 'payment.succeeded',
    businessKey,
    payload: { for: merchantId },
  });

  test('are the only ones it sends to, and whether there are others is not told', async () => {
    const [ours, theirs] = [await gateway.merchant(), await gateway.merchant()];
    const { api } = await make({ role: 'producer', merchants: [ours.id] });
    await api.post('/v1/notifications', notification(ours.id, 'o1')).expect(202);
    for (const merchantId of [theirs.id, 'm_nobody']) {
      const { body } = await api
        .post('/v1/notifications', notification(merchantId, 'o1'))
        .expect(403);
      expect(body.code).toBe('out_of_scope');
      expect(body.detail.replaceAll(merchantId, '…')).toBe(
        'The key may not send to the merchant ….',
      );
      const message = {
        checkUrl: 'http://127.0.0.1:1/check',
        completion: 'http',
        notification: notification(merchantId, 'o2'),
      };
      await api.post('/v1/messages', message).expect(403);
    }
    const batch = [notification(theirs.id, 'o3'), notification(ours.id, 'o3')];
    const { body } = await api
      .post('/v1/notifications/batch', { notifications: batch })
      .expect(202);
    expect(body.data).toMatchObject([
      { status: 403, problem: { code: 'out_of_scope' } },
      { status: 202 },
    ]);
    const { rows } = await gateway.db.database.pool.query(
      'SELECT count(*)::int AS count FROM notification WHERE merchant_id = $1',
      [theirs.id],
    );
    expect(rows).toEqual([{ count: 0 }]);
  });

  test('are the only ones it looks up, in every list and by every id', async () => {
    const [ours, theirs] = [await gateway.merchant(), await gateway.merchant()];
    const { id, key } = await make({ role: 'producer' });
    const before = gateway.as(key);
    const sent: Record<string, { notification: string; delivery: string; message: string }> = {};
    for (const merchantId of [ours.id, theirs.id]) {
      const { body } = await before
        .post('/v1/notifications', {
          ...notification(merchantId, 'order'),
          notifyUrl: 'http://127.0.0.1:1/hook',
        })
        .expect(202);
      const message = await before
        .post('/v1/messages', {
          checkUrl: 'http://127.0.0.1:1/check',
          completion: 'http',
          notification: notification(merchantId, 'order'),
        })
        .expect(201);
      const [delivery] = body.deliveries;
      sent[merchantId] = { notification: body.id, delivery: delivery.id, message: message.body.id };
    }
    // What it sent while it might: narrowed afterwards, so that the filters alone keep it apart.
    await gateway.db.database.pool.query('UPDATE api_key SET merchants = $2 WHERE id = $1', [
      id,
      [ours.id],
    ]);
    await gateway.stop();
    await gateway.start();
    const api = gateway.as(key);
    const lists = [
      '/v1/notifications',
      '/v1/notifications?undelivered=true',
      `/v1/notifications?merchantId=${ours.id},${theirs.id}`,
      `/v1/notifications?undelivered=true&merchantId=${ours.id},${theirs.id}`,
      '/v1/notifications?search=order',
      '/v1/deliveries',
      '/v1/deliveries?status=pending',
      `/v1/deliveries?merchantId=${ours.id},${theirs.id}`,
      '/v1/messages',
      `/v1/messages?merchantId=${ours.id},${theirs.id}`,
    ];
    for (const path of lists) {
      const { body } = await api.get(path).expect(200);
      const whose = body.data.map((each: Record<string, unknown>) => each.merchantId);
      expect({ path, whose }).toEqual({ path, whose: [ours.id] });
    }
    for (const [merchantId, status] of [
      [ours.id, 200],
      [theirs.id, 404],
    ] as const) {
      const { notification, delivery, message } = sent[merchantId] ?? {};
      await api.get(`/v1/notifications/${notification}`).expect(status);
      await api.get(`/v1/notifications/${notification}/body`).expect(status);
      await api.get(`/v1/deliveries/${delivery}`).expect(status);
      await api.get(`/v1/deliveries/${delivery}/attempts`).expect(status);
      await api.get(`/v1/deliveries/${delivery}/schedule`).expect(status);
      await api.get(`/v1/messages/${message}`).expect(status);
      await api.get(`/v1/results/order?merchantId=${merchantId}`).expect(status);
      const found = await api
        .post(`/v1/results/query?merchantId=${merchantId}`, { businessKeys: ['order'] })
        .expect(200);
      expect(found.body.data[0].found).toBe(status === 200);
      await api.post(`/v1/messages/${message}/confirm`).expect(status);
      await api.post(`/v1/notifications/${notification}/cancel`).expect(status);
    }
  });

  test('are for producers alone, exist, and leave no second word on whose it is', async () => {
    const { id } = await gateway.merchant();
    for (const wrong of [
      { role: 'operator', merchants: [id] },
      { role: 'merchant', merchantId: id, merchants: [id] },
      { role: 'producer', merchantId: id, merchants: [id] },
      { role: 'producer', merchants: [id, 'm_nobody'] },
      { role: 'producer', merchants: [] },
    ]) {
      const { body } = await gateway.operator.post('/v1/keys', { name: 'x', ...wrong }).expect(422);
      expect(body.errors[0].path).toBe('body.merchants');
    }
    const { id: keyId } = await make({ role: 'producer', merchants: [id, id] });
    const { body } = await gateway.operator.get('/v1/keys?limit=1').expect(200);
    expect(body.data).toMatchObject([{ id: keyId, merchants: [id], calls: null, networks: null }]);
  });
});
