import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createAnswerHeads } from '../../../src/engine/http/answer-heads.ts';
import {
  type AttemptContext,
  createSender,
  type Sender,
  type WebhookRequest,
} from '../../../src/engine/http/send.ts';
import { judge } from '../../../src/engine/rules/outcome.ts';
import { ODD_ANSWERS, sayOddly } from '../../support/odd-answers.ts';

const STAMP: AttemptContext = {
  deliveryId: 'dlv_1',
  attempt: 1,
  cycle: 1,
  timeoutMs: 1_000,
  nowMs: Date.now(),
};
const servers: Server[] = [];
const senders: Sender[] = [];

afterEach(async () => {
  for (const sender of senders.splice(0)) await sender.close();
  for (const server of servers.splice(0)) server.close();
});

/** Answers each request on a connection by the next of these; counts connections and requests. */
async function serve(answers: readonly ((socket: Socket) => void)[]) {
  const seen = { connections: 0, requests: 0 };
  const server = createServer((socket) => {
    seen.connections += 1;
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      if (!chunk.toString('latin1').startsWith('POST')) return;
      seen.requests += 1;
      answers[Math.min(seen.requests, answers.length) - 1]?.(socket);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return { seen, url: `http://127.0.0.1:${port}/` };
}

function sender(): Sender {
  const made = createSender({ allowPrivateTargets: true, userAgent: 'test' });
  senders.push(made);
  return made;
}

const letterTo = (url: string): WebhookRequest => ({
  url,
  headers: {},
  body: '{}',
  secrets: [`whsec_${Buffer.alloc(32, 1).toString('base64')}`],
  webhookId: 'ntf_1',
});
const say = (text: string) => (socket: Socket) => void socket.write(text);
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

describe('an answer', () => {
  it.each(ODD_ANSWERS)('$name', async (odd) => {
    const { url } = await serve([sayOddly(odd, 'ok')]);
    const answer = await sender().send(letterTo(url), STAMP);
    expect(answer).toMatchObject({ kind: 'response', statusCode: odd.statusCode });
    expect('body' in answer && answer.body).toBe(odd.statusCode === 204 ? '' : 'ok');
    expect(judge(answer, { body: 'any' })).toBe('success');
  });

  it('that stops within its body is known by its status, and says what is missing', async () => {
    const { url } = await serve([say('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nsuccess')]);
    const answer = await sender().send(letterTo(url), { ...STAMP, timeoutMs: 300 });
    expect(answer).toMatchObject({ statusCode: 200, body: 'success', cutOff: 'timeout' });
    expect(judge(answer, { body: { equals: 'success' } })).toBe('timeout');
    expect(judge(answer, { body: 'any' })).toBe('timeout');
  });

  it('with two lengths that differ is none', async () => {
    const two = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok';
    const { url } = await serve([say(two)]);
    expect(await sender().send(letterTo(url), STAMP)).toMatchObject({
      outcome: 'connection_error',
    });
  });

  it('that is 100 Continue without end ends', async () => {
    const { url } = await serve([
      (socket) => {
        const more = () => {
          if (!socket.destroyed) socket.write('HTTP/1.1 100 Continue\r\n\r\n'.repeat(100), more);
        };
        more();
      },
    ]);
    expect(await sender().send(letterTo(url), STAMP)).toMatchObject({
      outcome: 'connection_error',
    });
  });

  it('is the same in whatever pieces it comes', () => {
    for (const odd of ODD_ANSWERS) {
      const bytes = odd.bytes('ok');
      const inOne = createAnswerHeads().pass(Buffer.from(bytes)).toString();
      const heads = createAnswerHeads();
      const pieces = [...Buffer.from(bytes)].map((byte) => heads.pass(Buffer.from([byte])));
      expect(Buffer.concat(pieces).toString()).toBe(inOne);
    }
  });
});

describe('a kept connection that dies before a byte of the answer', () => {
  const hangUp = (socket: Socket) => void socket.destroy();

  it('is no failure: the request goes over a fresh one, in the same attempt', async () => {
    const { seen, url } = await serve([say(OK), hangUp, say(OK)]);
    const over = sender();
    expect(await over.send(letterTo(url), STAMP)).toMatchObject({ statusCode: 200 });
    expect(await over.send(letterTo(url), STAMP)).toMatchObject({ statusCode: 200 });
    expect(seen).toEqual({ connections: 2, requests: 3 });
  });

  it('is tried once more, not again and again', async () => {
    const { seen, url } = await serve([say(OK), hangUp]);
    const over = sender();
    await over.send(letterTo(url), STAMP);
    expect(await over.send(letterTo(url), STAMP)).toMatchObject({ outcome: 'connection_error' });
    expect(seen).toEqual({ connections: 2, requests: 3 });
  });

  it('counts when a byte has come, or the connection was new', async () => {
    const begun = (socket: Socket) => void socket.end('HTTP/1.1 2');
    const { seen, url } = await serve([say(OK), begun, hangUp]);
    const over = sender();
    await over.send(letterTo(url), STAMP);
    expect(await over.send(letterTo(url), STAMP)).toMatchObject({ outcome: 'connection_error' });
    expect(await over.send(letterTo(url), STAMP)).toMatchObject({ outcome: 'connection_error' });
    expect(seen.requests).toBe(3);
  });
});
