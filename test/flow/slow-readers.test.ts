import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Api, apiOf } from '../support/api.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { OPERATOR_KEY } from '../support/gateway.ts';
import { spawnGatewayOn } from '../support/gateway-process.ts';
import type { GatewayProcess } from '../support/process.ts';

const SOCKETS = 40;
const CALLS_EACH = 25;
const MIB = 2 ** 20;
/** The answers together are four gigabytes. */
const MOST_MORE_BYTES = 700 * MIB;

let db: TestDatabase;
let gateway: GatewayProcess;
let operator: Api;
const sockets: Socket[] = [];

beforeAll(async () => {
  db = await testDatabase();
  gateway = await spawnGatewayOn(db, undefined, { ROLES: 'api' });
  operator = apiOf(() => gateway.url, OPERATOR_KEY);
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await gateway?.kill();
  await db?.drop();
});

const residentBytes = () =>
  1024 *
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))?.[1] ?? 0);

const event = (merchantId: string, businessKey: string, text: string) => ({
  merchantId,
  type: 'a.b',
  businessKey,
  payload: { text },
});

test('forty connections that ask for gigabytes and read nothing cost little, and no neighbour notices', async () => {
  const keys: string[] = [];
  for (const id of ['m_1', 'm_2', 'm_3', 'm_neighbour']) {
    const { body } = await operator.post('/v1/merchants', { id, name: id }).expect(201);
    keys.push(body.key);
  }
  const names = Array.from({ length: 100 }, (_, n) => `K-${n}`);
  for (const id of ['m_1', 'm_2', 'm_3']) {
    const notifications = names.map((name) => event(id, name, 'x'.repeat(50_000)));
    await operator.post('/v1/notifications/batch', { notifications }).expect(202);
  }
  const before = residentBytes();
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, residentBytes());
  }, 50);
  const body = JSON.stringify({ businessKeys: names });
  const { port } = new URL(gateway.url);
  for (let n = 0; n < SOCKETS; n += 1) {
    const call =
      `POST /v1/results/query HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${keys[n % 3]}\r\n` +
      `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    const socket = connect(Number(port), '127.0.0.1').pause();
    sockets.push(socket);
    socket.on('error', () => {});
    socket.write(call.repeat(CALLS_EACH));
  }
  const endsAt = performance.now() + 15_000;
  for (let n = 0; performance.now() < endsAt; n += 1) {
    const { status } = await operator.post('/v1/notifications', event('m_neighbour', `N-${n}`, ''));
    expect(status).toBe(202);
  }
  clearInterval(watch);
  expect(most - before).toBeLessThan(MOST_MORE_BYTES);
});
