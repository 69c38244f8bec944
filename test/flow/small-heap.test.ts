import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { OPERATOR_KEY } from '../support/gateway.ts';
import { spawnGatewayOn } from '../support/gateway-process.ts';
import type { GatewayProcess } from '../support/process.ts';

// Without bounds on what is worked on at once, two of these batches end a process with this heap.
const NODE_OPTIONS = '--max-old-space-size=128';
const BATCHES = 8;
const MINUTE = 60_000;

let db: TestDatabase;
let gateway: GatewayProcess;

beforeAll(async () => {
  db = await testDatabase();
  gateway = await spawnGatewayOn(db, undefined, { NODE_OPTIONS, ROLES: 'api' });
  await post('/v1/merchants', { id: 'm_small', name: 'Small' });
});
afterAll(async () => {
  await gateway?.kill();
  await db?.drop();
});

async function post(path: string, body: unknown): Promise<{ status: number; text: string }> {
  const response = await fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${OPERATOR_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
}

const event = (text: string) => ({
  merchantId: 'm_small',
  type: 'a',
  businessKey: 'K',
  payload: { text },
});

test('a small heap takes one large batch after the other, and says 503 to the rest', {
  timeout: 2 * MINUTE,
}, async () => {
  const batch = { notifications: Array.from({ length: 500 }, () => event('x'.repeat(16_000))) };
  const answers = await Promise.all(
    Array.from({ length: BATCHES }, () => post('/v1/notifications/batch', batch)),
  );
  const statuses = answers.map(({ status }) => status);
  expect(statuses.filter((status) => status !== 202 && status !== 503)).toEqual([]);
  expect(statuses).toContain(202);
  // Alone it is always taken, and the process is the same one.
  const { status, text } = await post('/v1/notifications/batch', batch);
  expect(status).toBe(202);
  const { data } = JSON.parse(text) as { data: { status: number }[] };
  expect(data.filter((item) => item.status !== 202)).toEqual([]);
  expect((await post('/v1/notifications', event('small'))).status).toBe(202);
});
