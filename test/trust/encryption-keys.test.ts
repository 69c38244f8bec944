import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type GatewayOptions, type TestGateway, testGateway } from '../support/gateway.ts';
import { until } from '../support/until.ts';

const [oldKey, newKey, otherKey] = [randomBytes(32), randomBytes(32), randomBytes(32)];
/** More than one page of resealing. */
const MANY = 130;

let lines: Record<string, unknown>[] = [];
const options: GatewayOptions = {
  // What an API alone has sealed, it seals anew itself: its workers may have started before it.
  roles: ['api'],
  encryptionKeys: [oldKey],
  onLog: (line) => lines.push(JSON.parse(line)),
};
let gateway: TestGateway;

beforeAll(async () => {
  gateway = await testGateway(options);
});
afterAll(() => gateway?.close());

async function restartWith(...encryptionKeys: Buffer[]): Promise<void> {
  await gateway.stop();
  lines = [];
  options.encryptionKeys = encryptionKeys;
  await gateway.start();
}

const create = (id: string) =>
  gateway.operator.post('/v1/merchants', { id, name: id }, { 'idempotency-key': `create-${id}` });

async function merchants(): Promise<string[]> {
  const { rows } = await gateway.db.database.pool.query('SELECT id FROM merchant ORDER BY id');
  return rows.map(({ id }) => id);
}

test('once the log says that all is sealed anew, the old key may go: answers are still replayed', async () => {
  const ids = Array.from({ length: MANY }, (_, n) => `m_${n}`);
  const first = await Promise.all(ids.map((id) => create(id).expect(201)));

  await restartWith(newKey, oldKey);
  const done = await until(() => lines.find(({ resealed }) => resealed !== undefined));
  // For each merchant its secret and the answer that showed it.
  expect(done).toMatchObject({ level: 30, resealed: 2 * MANY, unreadable: 0 });
  expect(done.msg).toContain('may be dropped');

  await restartWith(newKey);
  const again = await Promise.all(ids.map((id) => create(id).expect(201)));
  expect(again.map(({ text }) => text)).toEqual(first.map(({ text }) => text));
  expect(again.every(({ headers }) => headers.get('idempotent-replayed') === 'true')).toBe(true);
});

test('an answer that nobody can open is never made a second time', async () => {
  await create('m_once').expect(201);
  const before = await merchants();
  await restartWith(otherKey);
  for (let n = 0; n < 2; n += 1) {
    const refused = await create('m_once').expect(409);
    expect(refused.body.code).toBe('request_in_progress');
    expect(refused.headers.get('retry-after')).toBe('60');
  }
  expect(await merchants()).toEqual(before);
  const logged = lines.find(({ msg }) => String(msg).includes('Idempotency-Key'));
  expect(logged).toMatchObject({ level: 50 });
  expect(JSON.stringify(lines)).not.toContain('create-m_once');

  // It was not lost, only shut.
  await restartWith(newKey);
  const again = await create('m_once').expect(201);
  expect(again.headers.get('idempotent-replayed')).toBe('true');
});

test('while processes with other keys run side by side, each opens what the others seal', async () => {
  await restartWith(oldKey, newKey);
  const behind = await testGateway({
    roles: ['api'],
    db: gateway.db,
    encryptionKeys: [newKey, oldKey],
  });
  try {
    const here = await create('m_here').expect(201);
    const body = { id: 'm_here', name: 'm_here' };
    const headers = { 'idempotency-key': 'create-m_here' };
    const there = await behind.operator.post('/v1/merchants', body, headers).expect(201);
    expect(there.text).toBe(here.text);
  } finally {
    await behind.close();
  }
});
