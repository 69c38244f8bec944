import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, test } from 'vitest';
import { until } from '../../support/until.ts';
import { get, KEYS, type Running, serve } from '../harness.ts';

const UNREAD_TIMEOUT_MS = 1_000;
const MIB = 2 ** 20;
/** More than the kernel holds for both ends together. */
const LARGE = 'x'.repeat(32 * MIB);

let running: Running;
const sockets: Socket[] = [];

function* endless() {
  for (;;) yield 'x'.repeat(64 * 1024);
}

beforeAll(async () => {
  running = await serve(
    {
      routes: [
        get('/v1/large', async () => ({ status: 200, body: LARGE })),
        get('/v1/export', async () => ({
          status: 200,
          headers: { 'content-type': 'text/csv' },
          stream: Readable.from(endless(), { objectMode: false }),
        })),
        get(
          '/v1/live',
          async () => ({
            status: 200,
            headers: { 'content-type': 'text/event-stream' },
            stream: Readable.from(endless(), { objectMode: false }),
          }),
          { streamType: 'text/event-stream' },
        ),
        get('/v1/some', async () => ({ status: 200, body: 'x'.repeat(2 * MIB) })),
      ],
    },
    { unreadTimeoutMs: UNREAD_TIMEOUT_MS },
  );
});
beforeEach(() => {
  running.logged.length = 0;
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await running?.close();
});

/** Asks, and reads only when told to. */
async function ask(path: string, times = 1): Promise<Socket> {
  const socket = connect(running.port, '127.0.0.1').pause();
  sockets.push(socket);
  socket.on('error', () => {});
  const call = `GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${KEYS.operator}\r\n\r\n`;
  await new Promise<void>((resolve) => socket.write(call.repeat(times), () => resolve()));
  return socket;
}

/** A connection whose answer is larger than what the kernel takes closes only when it is cut off. */
const ended = () => running.logged.filter(({ msg }) => msg === 'request').length;

test.each(['/v1/large', '/v1/export', '/v1/live'])(
  '%s: whoever does not read is cut off',
  async (path) => {
    for (let n = 0; n < 5; n += 1) await ask(path);
    await until(() => ended() === 5, { what: 'the end of all five' });
  },
);

test('whoever reads a little now and again is not', async () => {
  const socket = await ask('/v1/large');
  let heard = 0;
  socket.on('data', (bytes: Buffer) => {
    heard += bytes.length;
  });
  for (let n = 0; n < 12; n += 1) {
    socket.pause();
    await pause(UNREAD_TIMEOUT_MS / 4);
    socket.resume();
    await pause(2);
  }
  socket.resume();
  await until(() => heard > LARGE.length, { what: 'the whole answer' });
});

/** Those that will never be answered. */
const abandoned = () => running.logged.filter(({ aborted }) => aborted === true).length;

test('of many calls on one connection that reads nothing, few are answered into our memory', async () => {
  await ask('/v1/some', 200);
  await until(() => abandoned() > 0, { what: 'the end of the connection' });
  await until(() => running.admission.look().memory.workBytes === 0);
});
