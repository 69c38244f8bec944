import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSender, type Sender } from '../../src/engine/http/send.ts';
import { createLagMeter } from '../../src/engine/lag.ts';

/** A receiver in a thread of its own, which answers after 200 ms, or never. It says when it has a request. */
const RECEIVER = `
  const { createServer } = require('node:http');
  const { parentPort } = require('node:worker_threads');
  const server = createServer((request, response) => {
    request.resume();
    parentPort.postMessage('request');
    if (request.url === '/answers') setTimeout(() => response.end('ok'), 200);
  });
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;

const TIMEOUT_MS = 1000;
let thread: Worker;
let port: number;
let sender: Sender;
beforeAll(async () => {
  thread = new Worker(RECEIVER, { eval: true });
  [port] = await once(thread, 'message');
  sender = createSender({ allowPrivateTargets: true, userAgent: 'test' });
});
afterAll(async () => {
  await sender.close();
  await thread.terminate();
});

const send = (path: string) =>
  sender.send(
    {
      url: `http://127.0.0.1:${port}${path}`,
      headers: {},
      body: '{}',
      secrets: [`whsec_${'A'.repeat(44)}`],
      webhookId: 'w',
    },
    { deliveryId: 'd', attempt: 1, cycle: 1, timeoutMs: TIMEOUT_MS, nowMs: Date.now() },
  );

/** Nothing else runs in this process meanwhile. */
function standStill(ms: number): void {
  const endsAt = performance.now() + ms;
  while (performance.now() < endsAt);
}

test('an answer that came while this process stood still counts, and its lag weighs nothing', async () => {
  const answered = send('/answers');
  await once(thread, 'message');
  standStill(3 * TIMEOUT_MS);
  const answer = await answered;
  expect(answer).toMatchObject({ kind: 'response', statusCode: 200 });
  expect(answer.durationMs).toBeGreaterThan(2 * TIMEOUT_MS);
  expect(answer.heldMs).toBeLessThan(TIMEOUT_MS);
});

test('a receiver that says nothing gets its whole time besides, and no more', async () => {
  const answered = send('/hangs');
  await once(thread, 'message');
  standStill(TIMEOUT_MS / 2);
  const answer = await answered;
  expect(answer).toMatchObject({ kind: 'failure', outcome: 'timeout' });
  expect(answer.durationMs).toBeGreaterThanOrEqual(1.4 * TIMEOUT_MS);
  expect(answer.heldMs).toBeGreaterThanOrEqual(0.9 * TIMEOUT_MS);
});

test('lag is measured only while somebody wants to know', async () => {
  const meter = createLagMeter();
  standStill(100);
  expect(meter.lagMs()).toBe(0);
  meter.begin();
  standStill(200);
  expect(meter.lagMs()).toBeGreaterThan(100);
  meter.end();
  const before = meter.lagMs();
  standStill(100);
  expect(meter.lagMs()).toBe(before);
});
