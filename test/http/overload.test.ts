import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { gate } from '../support/gate.ts';
import { until } from '../support/until.ts';
import { type Called, exchange, get, KEYS, post, type Running, serve } from './harness.ts';

let running: Running;
afterEach(() => running.close());

const FLOOR = 100;
const MIB = 2 ** 20;
const HEAD = 'host: x\r\ncontent-type: application/json\r\n';

/** A server whose intake works until `gate` opens. */
async function serveGated(heapLimitBytes?: number) {
  const work = gate();
  let begun = 0;
  const handle = async () => {
    begun += 1;
    await work.opened;
    return { status: 200, body: {} };
  };
  const bodyLimitBytes = MIB;
  const intake = post('/v1/work', handle, { isIntake: true, body: z.unknown(), bodyLimitBytes });
  const quick = get('/v1/quick', async () => ({ status: 200, body: {} }));
  const bounds = { floor: FLOOR, ...(heapLimitBytes !== undefined && { heapLimitBytes }) };
  running = await serve({ routes: [intake, quick] }, {}, bounds);
  return { open: work.open, begun: () => begun };
}

const work = (body?: string) =>
  running.call('/v1/work', { method: 'POST', ...(body !== undefined && { body }) });
const atWork = () => running.admission.look().lanes.map(({ inFlight }) => inFlight);
const workBytes = () => running.admission.look().memory.workBytes;
const jsonOf = (bytes: number) => JSON.stringify('x'.repeat(bytes - 2));
const statuses = (answers: Called[]) => answers.map(({ status }) => status);

test('beyond what is worked on at once a call is told so at once, and all goes on after it', async () => {
  const { open, begun } = await serveGated();
  const calls = Array.from({ length: FLOOR }, () => work());
  await until(() => begun() === FLOOR);

  const headers = { 'x-request-id': 'mine' };
  const refused = await running.call('/v1/work?a=b', { method: 'POST', headers });
  expect(refused.status).toBe(503);
  expect(refused.json).toEqual({
    type: 'about:blank',
    title: 'Service Unavailable',
    status: 503,
    detail: expect.any(String),
    code: 'unavailable',
    instance: '/v1/work',
    requestId: 'mine',
  });
  expect(Object.fromEntries(refused.headers)).toMatchObject({
    'retry-after': '1',
    'cache-control': 'no-store',
    'x-request-id': 'mine',
    'content-type': 'application/problem+json',
  });
  // Neither the other kind of calls nor those who watch are in its way.
  expect((await running.call('/v1/quick')).status).toBe(200);
  expect((await running.call('/healthz')).status).toBe(200);

  open();
  expect(new Set(statuses(await Promise.all(calls)))).toEqual(new Set([200]));
  expect((await work()).status).toBe(200);
  await until(() => atWork().every((count) => count === 0));
  expect([begun(), running.shed.get('queue')]).toEqual([FLOOR + 1, 1]);
});

test('that calls are refused is said once, not for each', async () => {
  const { open, begun } = await serveGated();
  const calls = Array.from({ length: FLOOR }, () => work());
  await until(() => begun() === FLOOR);
  await Promise.all(Array.from({ length: 50 }, () => work()));
  open();
  await Promise.all(calls);
  expect(running.shed.get('queue')).toBe(50);
  const said = running.logged.filter(({ msg }) => String(msg).includes('shed'));
  expect(said).toHaveLength(1);
});

test('a refused call leaves its connection open, also with a body that nobody reads', async () => {
  const { open, begun } = await serveGated();
  const calls = Array.from({ length: FLOOR }, () => work());
  await until(() => begun() === FLOOR);
  const answers = await exchange(
    running.port,
    `POST /v1/work HTTP/1.1\r\n${HEAD}content-length: 300000\r\n\r\n`,
    jsonOf(300_000),
    'HEAD /v1/work HTTP/1.1\r\nhost: x\r\n\r\n',
    'GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
  );
  open();
  await Promise.all(calls);
  const heads = answers.match(/HTTP\/1\.1 \d+/g);
  expect(heads).toEqual(['HTTP/1.1 503', 'HTTP/1.1 405', 'HTTP/1.1 200']);
});

test('pipelined calls whose connection is cut leave nothing behind', async () => {
  const { open, begun } = await serveGated();
  const key = `authorization: Bearer ${KEYS.operator}\r\n`;
  const call = (more: string) => `POST /v1/work HTTP/1.1\r\nhost: x\r\n${more}\r\n`;
  const sockets = Array.from({ length: 5 }, () => {
    const socket = connect(running.port, '127.0.0.1').on('error', () => {});
    socket.write(call(key) + call('').repeat(15));
    return socket;
  });
  await until(() => begun() === 5 && atWork()[0] === 80);
  for (const socket of sockets) socket.destroy();
  // Those at work go on; the answers that waited behind them have nobody to go to.
  await until(() => atWork()[0] === 5);
  open();
  await until(() => atWork()[0] === 0);
});

// With this heap a quarter of a MiB is worked on at a time: four bodies of 12 KiB, but for the calls' own.
const SMALL_HEAP = MIB;
const BODY = jsonOf(11 * 1024);

test('what a caller wanted who left while it waited for memory is not done', async () => {
  const { open, begun } = await serveGated(SMALL_HEAP);
  const calls = Array.from({ length: 4 }, () => work(BODY));
  await until(() => begun() === 4);
  const socket = connect(running.port, '127.0.0.1');
  const head = `POST /v1/work HTTP/1.1\r\n${HEAD}authorization: Bearer ${KEYS.operator}\r\n`;
  socket.write(`${head}content-length: ${BODY.length}\r\n\r\n${BODY}`);
  await until(() => running.admission.look().memory.uploadBytes > 0);
  socket.destroy();
  open();
  expect(statuses(await Promise.all(calls))).toEqual([200, 200, 200, 200]);
  await until(() => workBytes() === 0 && atWork()[0] === 0);
  expect(running.admission.look().memory.uploadBytes).toBe(0);
  expect(begun()).toBe(4);
});

test('what does not fit into memory waits for a while and is refused then', async () => {
  const { open, begun } = await serveGated(SMALL_HEAP);
  const calls = Array.from({ length: 4 }, () => work(BODY));
  await until(() => begun() === 4);
  const refused = await work(BODY);
  expect([refused.status, refused.json.code]).toEqual([503, 'unavailable']);
  expect(refused.headers.get('retry-after')).toBe('1');
  expect(running.shed.get('memory')).toBe(1);
  const waiting = work(BODY);
  await until(() => running.admission.look().memory.uploadBytes > 0);
  open();
  expect(statuses(await Promise.all([...calls, waiting]))).toEqual([200, 200, 200, 200, 200]);
});

test('a body that is alone is taken beyond the bound, unless it could never be worked on', async () => {
  const { open } = await serveGated(SMALL_HEAP);
  open();
  expect((await work(jsonOf(80 * 1024))).status).toBe(200);
  const refused = await work(jsonOf(120 * 1024));
  expect([refused.status, refused.json.code]).toEqual([413, 'payload_too_large']);
  // Short as text, and much as values.
  expect((await work(`[${'0,'.repeat(12_000)}0]`)).status).toBe(413);
});
