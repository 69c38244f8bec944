import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { Client, type Dispatcher } from 'undici';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { OPERATOR_KEY } from '../support/gateway.ts';
import { spawnGatewayOn } from '../support/gateway-process.ts';
import type { GatewayProcess } from '../support/process.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

let db: TestDatabase;
let gateway: GatewayProcess;
let known: Receiver;
let unknown: Receiver;
/** One connection, kept open: a process without descriptors accepts no other. */
let connection: Client;
let merchantId: string;

beforeEach(async () => {
  db = await testDatabase();
  gateway = await spawnGatewayOn(db);
  [known, unknown] = await Promise.all([startReceiver(), startReceiver()]);
  connection = new Client(gateway.url);
  merchantId = (await call('POST', '/v1/merchants', { name: 'Shop' })).body.id;
});
afterEach(async () => {
  await connection.destroy();
  await gateway.kill('SIGKILL');
  await Promise.all([known.close(), unknown.close()]);
  await db.drop();
});

async function call(method: Dispatcher.HttpMethod, path: string, body?: object) {
  const headers = {
    authorization: `Bearer ${OPERATOR_KEY}`,
    ...(body && { 'content-type': 'application/json' }),
  };
  const sent = body === undefined ? null : JSON.stringify(body);
  const answer = await connection.request({ method, path, headers, body: sent });
  // biome-ignore lint/suspicious/noExplicitAny: looked into by the test itself
  return { status: answer.statusCode, body: (await answer.body.json()) as any };
}

async function send(receiver: Receiver, businessKey: string): Promise<string> {
  const notifyUrl = receiver.url();
  const notification = { merchantId, type: 'a.b', businessKey, notifyUrl, payload: {} };
  const { status, body } = await call('POST', '/v1/notifications', notification);
  expect(status).toBe(202);
  return body.id;
}

/** What is open stays open, and nothing more can be. */
function takeDescriptors(): void {
  const taken = new Set(readdirSync(`/proc/${gateway.pid}/fd`).map(Number));
  let lowestFree = 0;
  while (taken.has(lowestFree)) lowestFree += 1;
  limitDescriptors(lowestFree);
}

function limitDescriptors(limit: number): void {
  execFileSync('prlimit', [`--pid=${gateway.pid}`, `--nofile=${limit}:`]);
}

test('a process without descriptors charges no receiver for it, says so, and goes on by itself', async () => {
  await send(known, 'before');
  await known.waitFor(1);
  takeDescriptors();
  const id = await send(unknown, 'without');
  expect(await call('GET', '/readyz')).toMatchObject({
    status: 503,
    body: { process: false, notes: ['This process has no file descriptors left.'] },
  });
  await gateway.says((log) => log.includes('EMFILE') || null);
  limitDescriptors(1_024);
  await unknown.waitFor(1);
  expect((await call('GET', '/readyz')).status).toBe(200);
  const [delivery] = await until(async () => {
    const { body } = await call('GET', `/v1/notifications/${id}`);
    return body.status === 'delivered' && body.deliveries;
  });
  expect(delivery.attemptCount).toBe(1);
});
