import { afterAll, beforeAll, expect, test } from 'vitest';
import { settleLost } from '../../../src/features/audit/store.ts';
import { OPERATOR_KEY, type TestGateway, testGateway } from '../../support/gateway.ts';

let gateway: TestGateway;
let merchant: Awaited<ReturnType<TestGateway['merchant']>>;
beforeAll(async () => {
  gateway = await testGateway({ roles: ['api'] });
  merchant = await gateway.merchant();
});
afterAll(() => gateway.close());

const log = async (query: string) =>
  (await gateway.operator.get(`/v1/audit-log?${query}&limit=100`).expect(200)).body.data;

/** What is summed up is written at the end of its minute, or when the process ends. */
async function endOfMinute() {
  await gateway.stop();
  await gateway.start();
}

async function rows(): Promise<number> {
  const { rows } = await gateway.db.database.pool.query(
    `SELECT (SELECT count(*) FROM audit_entry) + (SELECT count(*) FROM audit_outcome) + (SELECT count(*) FROM audit_pending) AS n`,
  );
  return Number(rows[0].n);
}

test('four hundred calls for what is absent are two entries, and the second says how many', async () => {
  const before = await rows();
  const ask = (n: number) =>
    merchant.api.patch(`/v1/endpoints/ep_absent_${n}`, { description: 'x' }).expect(404);
  for (let n = 0; n < 200; n += 1) await ask(n);
  await Promise.all(Array.from({ length: 200 }, (_, n) => ask(200 + n)));
  await endOfMinute();
  const entries = await log(`action=endpoint.update&merchantId=${merchant.id}`);
  expect(entries).toMatchObject([
    { object: { id: null }, status: 404, asked: { calls: 399, statuses: { 404: 399 } } },
    { object: { id: 'ep_absent_0' }, status: 404, asked: null },
  ]);
  expect((await rows()) - before).toBe(4);
});

test('what is refused beside what is done hides nothing of it', async () => {
  const path = `/v1/merchants/${merchant.id}/endpoints`;
  const { body } = await merchant.api.post(path, { url: 'http://127.0.0.1:9/' }).expect(201);
  for (let n = 0; n < 10; n += 1) {
    await merchant.api.post('/v1/endpoints/ep_absent/pause').expect(404);
    await merchant.api.post(`/v1/endpoints/${body.id}/pause`).expect(200);
  }
  await endOfMinute();
  const entries = await log(`action=endpoint.pause&merchantId=${merchant.id}`);
  const statuses = entries.map(({ status }: { status: number }) => status);
  expect(statuses.filter((status: number) => status === 200)).toHaveLength(10);
  expect(statuses.filter((status: number) => status === 404)).toHaveLength(2);
});

test('a filter, a reason and a text as long as may come leave an entry of a few KB', async () => {
  const businessKeys = Array.from({ length: 400 }, (_, n) => `${'K'.repeat(100)}-${n}`);
  const { body } = await merchant.api
    .post('/v1/resends', { filter: { businessKeys }, reason: 'again' })
    .expect(202);
  const [entry] = await log(`objectId=${body.id}`);
  expect(entry.asked.filter.businessKeys).toHaveLength(21);
  expect(entry.asked.filter.businessKeys.at(-1)).toBe('… (400 items)');
  const { rows } = await gateway.db.database.pool.query(
    `SELECT max(length(e::text)) AS longest FROM audit_entry AS e`,
  );
  expect(Number(rows[0].longest)).toBeLessThan(20_000);
});

test('logins, those that fail and logouts are in the log, and guessing fills nothing', async () => {
  const session = async (method: string, headers: Record<string, string>, key?: string) =>
    fetch(`${gateway.url}/console/session`, {
      method,
      headers: { ...headers, ...(key !== undefined && { 'content-type': 'application/json' }) },
      ...(key !== undefined && { body: JSON.stringify({ key }) }),
    });
  const begun = await session('POST', {}, OPERATOR_KEY);
  const { csrfToken, keyId } = (await begun.json()) as { csrfToken: string; keyId: string };
  const cookie = begun.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  for (let n = 0; n < 40; n += 1)
    expect((await session('POST', {}, `guess-${n}`)).status).toBe(401);
  expect((await session('DELETE', { cookie, 'x-csrf-token': csrfToken })).status).toBe(204);
  await endOfMinute();
  const entries = await log('objectKind=session');
  expect(entries).toHaveLength(4);
  const of = (action: string, status: number) =>
    entries.filter(
      (each: { action: string; status: number }) =>
        each.action === action && each.status === status,
    );
  const [login] = of('session.begin', 201);
  expect(login).toMatchObject({ actor: { keyId, role: 'operator' }, remoteAddress: '127.0.0.1' });
  expect(of('session.end', 204)).toMatchObject([{ actor: { keyId }, object: login.object }]);
  expect(of('session.begin', 401)).toMatchObject([
    { actor: { role: 'nobody' }, asked: { calls: 39, addresses: { '127.0.0.1': 39 } } },
    { actor: { role: 'nobody' }, asked: null },
  ]);
  expect(JSON.stringify(entries)).not.toContain('guess-');
});

test('a call without an end in the log is one whose process died in it, an hour later for good', async () => {
  const { database } = gateway.db;
  await database.pool.query(
    `INSERT INTO audit_pending (id, action, object_kind, key_id, key_name, key_role, request_id)
     VALUES ('aud_lost', 'queue.put', 'queue', 'key_x', 'x', 'operator', 'lost')`,
  );
  expect(await settleLost(database.prisma, 10)).toBe(0);
  await gateway.db.travel(3_600_001);
  expect(await settleLost(database.prisma, 10)).toBe(1);
  const entries = await log('keyId=key_x');
  expect(entries).toMatchObject([{ id: 'aud_lost', status: null }]);
  const { rowCount } = await database.pool.query(`SELECT 1 FROM audit_entry WHERE id = 'aud_lost'`);
  expect(rowCount).toBe(1);
});
