import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { OPERATOR_KEY, type TestGateway, testGateway } from '../support/gateway.ts';
import { until } from '../support/until.ts';
import { type Client, openClient } from './client.ts';

/** Of each kind. */
const MANY = 150;
const DRIP_EVERY_MS = 300;
/** A third of the default, so that nobody here waits for it. */
const HEADERS_TIMEOUT_MS = 3_000;
/** Roomy: a busy machine takes its time to look at hundreds of connections. */
const GONE_WITHIN_MS = 20_000;

let gateway: TestGateway;
let client: Client;
const held: { socket: Socket; heard: string; isClosed: boolean }[] = [];
const timers: NodeJS.Timeout[] = [];

beforeAll(async () => {
  gateway = await testGateway({
    roles: ['api'],
    serverLimits: { headersTimeoutMs: HEADERS_TIMEOUT_MS },
  });
  client = openClient(() => gateway.url, 4);
});
afterAll(async () => {
  for (const timer of timers) clearInterval(timer);
  for (const { socket } of held) socket.destroy();
  await client?.close();
  await gateway?.close();
});

/** Connections that say this much, and then a byte now and again; without a byte: nothing more. */
async function hold(count: number, start: string, byte: string) {
  const port = Number(new URL(gateway.url).port);
  const ours = await Promise.all(
    Array.from({ length: count }, async () => {
      const socket = connect(port, '127.0.0.1');
      const entry = { socket, heard: '', isClosed: false };
      socket.on('error', () => {});
      socket.on('close', () => {
        entry.isClosed = true;
      });
      socket.on('data', (chunk) => {
        entry.heard += chunk.toString('latin1');
      });
      await new Promise<void>((resolve) => socket.once('connect', resolve));
      if (start !== '') socket.write(start);
      return entry;
    }),
  );
  held.push(...ours);
  const drip = () =>
    ours.filter(({ isClosed }) => !isClosed).map(({ socket }) => socket.write(byte));
  if (byte !== '') timers.push(setInterval(drip, DRIP_EVERY_MS));
  return ours;
}

/** How long a caller waits who does what one should, the longest of a hundred. */
async function longestMs(): Promise<number> {
  const lasted: number[] = [];
  for (let n = 0; n < 100; n += 1) {
    const headers = { authorization: `Bearer ${OPERATOR_KEY}` };
    const answer = await client.ask({ method: 'GET', target: '/v1/queues', headers });
    expect(answer.status).toBe(200);
    lasted.push(answer.durationMs);
  }
  return Math.max(...lasted);
}

test('hundreds of clients that never come to the point hinder nobody', async () => {
  const head = `POST /v1/merchants HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${OPERATOR_KEY}\r\n`;
  const silent = await hold(MANY, '', '');
  const inHeaders = await hold(MANY, `${head}x-slow: `, 'x');
  const inBody = await hold(
    MANY,
    `${head}content-type: application/json\r\ncontent-length: 9999\r\n\r\n{"`,
    'x',
  );
  expect(await longestMs()).toBeLessThan(2000);
  const late = [...silent, ...inHeaders];
  await until(() => late.every(({ isClosed }) => isClosed), {
    timeoutMs: GONE_WITHIN_MS,
    what: 'the end of all that have not come to the end of their headers',
  });
  for (const { heard } of inHeaders) {
    expect(heard).toContain('HTTP/1.1 408');
    expect(heard).toContain('"code":"request_timeout"');
  }
  // Bodies may take their time yet, and are still nobody's trouble.
  expect(inBody.filter(({ isClosed }) => isClosed)).toEqual([]);
  expect(await longestMs()).toBeLessThan(2000);
}, 40_000);
