import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  drip,
  hang,
  hold,
  hugeBody,
  type Receiver,
  redirect,
  reset,
  startReceiver,
} from './receiver.ts';

let receiver: Receiver;

beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(() => receiver.close());

const post = (path = '/', signal?: AbortSignal) =>
  fetch(receiver.url(path), {
    method: 'POST',
    body: 'hello',
    redirect: 'manual',
    ...(signal && { signal }),
  });

test('answers 200, and keeps what came', async () => {
  expect((await post('/a?b=c')).status).toBe(200);
  expect(receiver.requests).toMatchObject([{ method: 'POST', path: '/a?b=c', body: 'hello' }]);
});

test('follows steps, the last one repeating, apart for each path', async () => {
  receiver.answer([500, { status: 201, body: 'made', headers: { 'x-made': 'yes' } }]);
  receiver.answer(({ body }) => (body === 'hello' ? redirect('/elsewhere') : 400), '/moved');
  expect((await post()).status).toBe(500);
  const made = await post();
  expect([made.status, await made.text(), made.headers.get('x-made')]).toEqual([
    201,
    'made',
    'yes',
  ]);
  expect((await post()).status).toBe(201);
  expect((await post('/moved')).headers.get('location')).toBe('/elsewhere');
});

test('resets, hangs, drips, floods', async () => {
  receiver.answer([reset, hang, drip, hugeBody(1_000_000)]);
  await expect(post()).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } });

  const patience = new AbortController();
  const hung = post('/', patience.signal);
  await receiver.waitFor(2);
  patience.abort();
  await expect(hung).rejects.toThrow('abort');

  const dripping = await post();
  const { value } = await dripping.body!.getReader().read();
  expect(value).toHaveLength(1);

  const huge = await post();
  expect((await huge.arrayBuffer()).byteLength).toBe(1_000_000);
});

test('holds requests until released, and knows the high-water mark', async () => {
  const gate = hold({ status: 202 });
  receiver.answer(gate);
  const answers = [post(), post(), post()];
  await receiver.waitFor(3);
  gate.release(1);
  expect((await Promise.race(answers)).status).toBe(202);
  gate.release();
  await Promise.all(answers);
  expect((await post()).status).toBe(202);
  expect(receiver.maxInFlight).toBe(3);
});

test('waits for a request that fits', async () => {
  const third = receiver.waitFor((request) => request.path === '/third');
  await post('/first');
  await post('/third');
  expect((await third).path).toBe('/third');
  await expect(receiver.waitFor(9, 1)).rejects.toThrow('in vain for 9 requests; 2 arrived');
});
