import { once } from 'node:events';
import { type IncomingMessage, get as request } from 'node:http';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { openApiDocument } from '../../src/http/openapi/document.ts';
import { until } from '../support/until.ts';
import { get, KEYS, post, type Running, serve } from './harness.ts';

const headers = { 'content-type': 'text/plain; charset=utf-8', 'x-rows': '3' };
const streams: Readable[] = [];
const PIECE = 'x'.repeat(64 * 1024);
let pieces = 0;

const streaming = (path: string, source: () => AsyncGenerator<string>) =>
  get(path, async () => {
    const stream = Readable.from(source(), { objectMode: false });
    streams.push(stream);
    return { status: 200, headers, stream };
  });

const takesText = post(
  '/v1/lists',
  async ({ body, rawBody }) => ({ status: 200, body: { body: body ?? 'none', rawBody } }),
  {
    body: z.strictObject({ list: z.array(z.string()) }).optional(),
    textTypes: ['text/csv'],
    bodyLimitBytes: 1024,
  },
);

const routes = [
  streaming('/v1/three', async function* () {
    for (const each of ['one\n', '二\n', 'three\n']) yield each;
  }),
  streaming('/v1/endless', async function* () {
    for (;;) {
      pieces += 1;
      yield PIECE;
    }
  }),
  streaming('/v1/broken', async function* () {
    yield PIECE;
    throw new Error('the source dried up');
  }),
  takesText,
];

let running: Running;
beforeAll(async () => {
  running = await serve({ routes });
});
afterAll(() => running.close());

async function open(path: string): Promise<IncomingMessage> {
  const call = request(`http://127.0.0.1:${running.port}${path}`, {
    headers: { authorization: `Bearer ${KEYS.operator}` },
  });
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  return response;
}

const lastLine = (route: string) => running.logged.findLast((line) => line.route === route);

describe('an answer that is streamed', () => {
  test('arrives whole, with its headers', async () => {
    const answer = await running.call('/v1/three');
    expect([answer.status, answer.text]).toEqual([200, 'one\n二\nthree\n']);
    expect(answer.headers.get('content-type')).toBe(headers['content-type']);
    expect(answer.headers.get('x-rows')).toBe('3');
    expect(answer.headers.get('x-request-id')).toBeTruthy();
  });

  test('to HEAD ends unread', async () => {
    const answer = await running.call('/v1/endless', { method: 'HEAD' });
    expect([answer.status, answer.text]).toEqual([200, '']);
    await until(() => streams.at(-1)?.destroyed);
    expect(pieces).toBeLessThan(3);
  });

  test('is made no faster than it is read, and ends when the caller leaves', async () => {
    const before = pieces;
    const response = await open('/v1/endless');
    await once(response, 'readable');
    // No more of it is made once every buffer on the way is full.
    let seen = pieces;
    let quietLooks = 0;
    await until(() => {
      quietLooks = pieces === seen ? quietLooks + 1 : 0;
      seen = pieces;
      return quietLooks >= 5;
    });
    expect(pieces - before).toBeLessThan(500);
    response.destroy();
    await until(() => streams.at(-1)?.destroyed);
    await until(() => lastLine('/v1/endless')?.aborted);
    expect(running.logged.filter((line) => line.msg === 'request failed')).toEqual([]);
  });

  test('that breaks off is cut off, so that nobody takes it for whole', async () => {
    const response = await open('/v1/broken');
    response.resume();
    await expect(once(response, 'end')).rejects.toThrow('aborted');
    await until(() => lastLine('/v1/broken')?.msg === 'request');
    const fault = running.logged.find((line) => line.msg === 'request failed');
    expect(fault).toMatchObject({ route: '/v1/broken', err: { error: 'Error' } });
  });
});

describe('a route that takes text besides JSON', () => {
  const csv = { 'content-type': 'text/csv' };
  const send = (body: string | Uint8Array, headers: Record<string, string>) =>
    running.call('/v1/lists', { body, headers });

  test('gets it as it is, and JSON as ever', async () => {
    const text = '\uFEFFa,"b"\r\n二\r\n';
    expect((await send(text, csv)).json).toEqual({ body: 'none', rawBody: text });
    const other = { 'content-type': 'Text/CSV; Charset=UTF-8; header=present' };
    expect((await send('a', other)).json).toEqual({ body: 'none', rawBody: 'a' });
    const json = await send('{"list":["a"]}', { 'content-type': 'application/json' });
    expect(json.json.body).toEqual({ list: ['a'] });
  });

  test.each<[string, number, string | Uint8Array, Record<string, string>]>([
    ['another charset', 415, 'a', { 'content-type': 'text/csv; charset=gbk' }],
    ['another type', 415, 'a', { 'content-type': 'text/plain' }],
    ['compressed', 415, 'a', { ...csv, 'content-encoding': 'gzip' }],
    ['not UTF-8', 422, Uint8Array.of(0x61, 0xff), csv],
    ['too much', 413, 'a'.repeat(1025), csv],
    ['JSON with a fault', 422, '{"list":1}', { 'content-type': 'application/json' }],
  ])('%s → %i', async (_name, status, body, headers) => {
    const answer = await send(body, headers);
    expect(answer.status).toBe(status);
    if (status === 415) {
      expect(answer.headers.get('accept-post')).toBe('application/json, text/csv');
    }
  });

  test('is described so', () => {
    const also = get('/v1/three', async () => ({ status: 200 }), { alsoAnswers: ['text/csv'] });
    const text = { 'text/csv': { schema: { type: 'string' } } };
    // biome-ignore lint/suspicious/noExplicitAny: the test looks into the document freely
    const { paths }: any = openApiDocument([takesText, also], '1');
    const { requestBody } = paths['/v1/lists'].post;
    expect(requestBody.required).toBe(true);
    expect(requestBody.content).toMatchObject(text);
    expect(requestBody.content['application/json'].schema.properties.list).toBeTypeOf('object');
    const { responses } = paths['/v1/three'].get;
    expect(responses[200].content).toMatchObject({ 'application/json': {}, ...text });
    expect(responses[406].$ref).toBe('#/components/responses/NotAcceptable');
  });
});
