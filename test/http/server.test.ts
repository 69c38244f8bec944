import { Agent, get as httpGet, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { createServer } from '../../src/http/server.ts';
import { until } from '../support/until.ts';
import { echo, exchange, get, KEYS, type Running, serve } from './harness.ts';

let running: Running;
afterEach(() => running.close());

const POST = `POST /v1/echo HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${KEYS.operator}\r\ncontent-type: application/json\r\n`;

/** Status and parsed body of a whole answer on the wire. */
function read(answer: string) {
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), head: head.toLowerCase(), json: JSON.parse(body) };
}

/** Resolves with how long the server left the connection open, and what it said. */
async function timed(...parts: string[]) {
  const startedAt = performance.now();
  const answer = await exchange(running.port, ...parts);
  return { ...read(answer), lastedMs: performance.now() - startedAt };
}

describe('slow and broken clients', () => {
  test('headers that do not end', async () => {
    running = await serve({ routes: [echo] }, { headersTimeoutMs: 300, requestTimeoutMs: 5000 });
    const { status, json, lastedMs } = await timed('GET /healthz HTTP/1.1\r\nhost: x\r\n');
    expect([status, json.code]).toEqual([408, 'request_timeout']);
    expect(lastedMs).toBeLessThan(3000);
  });

  test('a body that does not end', async () => {
    running = await serve({ routes: [echo] }, { headersTimeoutMs: 200, requestTimeoutMs: 400 });
    const { status, json, lastedMs } = await timed(`${POST}content-length: 100\r\n\r\n{"a":`);
    expect([status, json.code]).toEqual([408, 'request_timeout']);
    expect(lastedMs).toBeLessThan(3000);
  });

  test.each([
    [
      'headers of 20 KB',
      `GET / HTTP/1.1\r\nhost: x\r\nx-big: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
      'headers_too_large',
    ],
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', 400, 'malformed_request'],
    [
      'two lengths',
      `${POST}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`,
      400,
      'malformed_request',
    ],
    [
      'length and chunks',
      `${POST}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}`,
      400,
      'malformed_request',
    ],
    ['a bad chunk', `${POST}transfer-encoding: chunked\r\n\r\nzz\r\n`, 400, 'malformed_request'],
  ])('%s → a problem', async (_name, request, status, code) => {
    running = await serve({ routes: [echo] });
    const answer = await timed(request);
    expect([answer.status, answer.json.code]).toEqual([status, code]);
    expect(answer.head).toContain('content-type: application/problem+json');
    expect(answer.head).toContain(`x-request-id: ${answer.json.requestId}`);
    expect((await running.call('/healthz')).status).toBe(200);
  });

  test('a client that leaves within its body disturbs nobody', async () => {
    running = await serve({ routes: [echo] });
    const socket = connect(running.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`${POST}content-length: 100\r\n\r\n{"a":`);
    await until(() => running.admission.look().memory.uploadBytes > 0);
    socket.resetAndDestroy();
    const line = await until(() => running.logged.find((entry) => entry.route === '/v1/echo'));
    expect(line).toMatchObject({ aborted: true });
    expect((await running.call('/healthz')).status).toBe(200);
  });

  test('connections beyond the cap are closed at once', async () => {
    running = await serve({}, { maxConnections: 2 });
    const held = [await connected(running.port), await connected(running.port)];
    const third = connect(running.port, '127.0.0.1');
    third.on('error', () => {});
    await closed(third);
    for (const socket of held) socket.destroy();
    await until(async () => (await running.call('/healthz')).status === 200);
  });
});

describe('closing', () => {
  test('running requests end; idle and silent connections do not hold it up', async () => {
    let finish = (): void => {};
    const mayFinish = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let isRunning = false;
    const slow = get('/v1/slow', async () => {
      isRunning = true;
      await mayFinish;
      return { status: 200, body: 'done' };
    });
    running = await serve({ routes: [slow] });
    const silent = await connected(running.port);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    await ask('/healthz', agent);
    const answer = ask('/v1/slow');
    await until(() => isRunning);
    const closing = running.server.close(10_000);
    await expect(ask('/healthz')).rejects.toThrow('ECONNREFUSED');
    finish();
    expect(await answer).toBe('"done"');
    const startedAt = performance.now();
    await closing;
    expect(performance.now() - startedAt).toBeLessThan(2000);
    silent.destroy();
    agent.destroy();
  });

  test('at the deadline what still runs is cut off', async () => {
    let isRunning = false;
    const never = get('/v1/never', () => {
      isRunning = true;
      return new Promise(() => {});
    });
    running = await serve({ routes: [never] });
    const answer = ask('/v1/never').catch(() => 'cut off');
    await until(() => isRunning);
    await running.server.close(100);
    expect(await answer).toBe('cut off');
  });

  test('a port that is taken is an error to whoever starts', async () => {
    running = await serve({});
    const second = createServer(() => {});
    await expect(second.listen(running.port, '127.0.0.1')).rejects.toThrow('EADDRINUSE');
  });
});

function ask(path: string, agent?: Agent): Promise<string> {
  const headers = { authorization: `Bearer ${KEYS.operator}` };
  return new Promise((resolve, reject) => {
    const options = { port: running.port, host: '127.0.0.1', path, headers, agent };
    httpGet(options, (response: IncomingMessage) => {
      text(response).then(resolve, reject);
    }).on('error', reject);
  });
}

function connected(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket)).on('error', reject);
  });
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.on('close', () => resolve()));
}
