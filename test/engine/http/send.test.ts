import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type AttemptContext,
  createSender,
  type Sender,
  type WebhookRequest,
} from '../../../src/engine/http/send.ts';
import { newSecret } from '../../../src/engine/http/sign.ts';
import { type DnsServer, startDnsServer } from '../../support/dns-server.ts';
import {
  drip,
  type Hostile,
  hangUp,
  type Misdeed,
  pour,
  RECEIVER_TEST_TLS,
  reset,
  say,
  sayAndReset,
  silence,
  startHostile,
} from '../../support/hostile.ts';
import { hold, type Receiver, startReceiver } from '../../support/receiver.ts';

const TIMEOUT_MS = 500;
/** A misdeed that is not cut off goes on for ever; a busy machine is some seconds late. */
const MARGIN_MS = 10_000;
const NOT_REACHED = 'The receiver could not be reached or did not answer in time.';
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const STAMP: AttemptContext = {
  deliveryId: 'dlv_1',
  attempt: 1,
  cycle: 1,
  timeoutMs: TIMEOUT_MS,
  nowMs: Date.UTC(2026, 10, 22, 8, 0, 0),
};

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((part) => part.close()));
});

describe('a receiver gets', () => {
  it('the exact bytes, signatures that the public package verifies, and which attempt it is', async () => {
    const receiver = await startReceiverHere();
    const secrets = [newSecret(), newSecret()];
    const body = '{"name":"支付","amount":1.10}';
    const nowMs = Date.now();
    await senderTo('private').send(
      { ...letterTo(receiver.url('/hook?x=%20y')), body, secrets, headers: { 'X-Shop': 'a b' } },
      { ...STAMP, deliveryId: 'dlv_7', attempt: 3, cycle: 2, nowMs },
    );
    const [request] = receiver.requests;
    expect(request).toMatchObject({ method: 'POST', path: '/hook?x=%20y', body });
    const headers = request?.headers as Record<string, string>;
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      'user-agent': 'Postrider/test',
      'accept-encoding': 'identity',
      'webhook-id': 'ntf_1',
      'webhook-timestamp': String(Math.floor(nowMs / 1000)),
      'postrider-delivery': 'dlv_7',
      'postrider-attempt': '3',
      'postrider-cycle': '2',
      'x-shop': 'a b',
    });
    for (const secret of secrets) {
      expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
    }
  });

  it('our headers where its endpoint wants the same ones, in whatever case', async () => {
    const receiver = await startReceiverHere();
    const names = ['Host', 'WEBHOOK-ID', 'Content-Type', 'content-length', 'Transfer-Encoding'];
    const headers = Object.fromEntries(
      [...names, 'Connection', 'User-Agent', 'Expect', 'Upgrade'].map((name) => [name, 'evil']),
    );
    const answer = await senderTo('private').send({ ...letterTo(receiver.url()), headers }, STAMP);
    expect(answer).toMatchObject({ statusCode: 200 });
    expect(JSON.stringify(receiver.requests[0]?.headers)).not.toContain('evil');
  });

  it('one attempt after the other over one connection', async () => {
    const receiver = await startHostileHere(say(OK));
    const sender = senderTo('private');
    for (let sent = 1; sent <= 5; sent += 1) {
      expect(await sender.send(letterTo(urlOf(receiver)), STAMP)).toMatchObject({ body: 'ok' });
    }
    expect(receiver.requestLines).toHaveLength(5);
    expect(receiver.connections).toBe(1);
  });

  it('a new connection when the last one was closed, announced or not', async () => {
    const sockets: Socket[] = [];
    const receiver = await startHostileHere((socket) => {
      sockets.push(socket);
      socket.write(OK.replace('\r\n', sockets.length === 1 ? '\r\nconnection: close\r\n' : '\r\n'));
    });
    const sender = senderTo('private');
    const send = () => sender.send(letterTo(urlOf(receiver)), STAMP);
    expect(await send()).toMatchObject({ body: 'ok' });
    expect(await send()).toMatchObject({ body: 'ok' });
    expect(receiver.connections).toBe(2);
    const left = once(sockets[1] as Socket, 'close');
    sockets[1]?.end();
    await left;
    expect(await send()).toMatchObject({ body: 'ok' });
    expect(receiver.connections).toBe(3);
  });

  it('kept connections still, after thousands that were not kept', async () => {
    const closing = await startHostileHere((socket) =>
      socket.end(OK.replace('\r\n', '\r\nconnection: close\r\n')),
    );
    const keeping = await startHostileHere(say(OK));
    const sender = senderTo('private');
    for (let host = 0; host < 2_100; host += 1) {
      const answer = await sender.send(
        letterTo(`http://h${host}.localhost:${closing.port}/`),
        STAMP,
      );
      expect(answer).toMatchObject({ body: 'ok' });
    }
    for (let sent = 1; sent <= 3; sent += 1) await sender.send(letterTo(urlOf(keeping)), STAMP);
    expect(keeping.connections).toBe(1);
  });

  it('as many attempts at once as there are', async () => {
    const receiver = await startReceiverHere();
    const gate = hold();
    receiver.answer(gate);
    const sender = senderTo('private');
    const signal = new AbortController().signal;
    const sends = Array.from({ length: 50 }, () =>
      sender.send(letterTo(receiver.url()), { ...STAMP, timeoutMs: 10_000, signal }),
    );
    await receiver.waitFor(50);
    gate.release();
    for (const answer of await Promise.all(sends))
      expect(answer).toMatchObject({ statusCode: 200 });
    expect(receiver.maxInFlight).toBe(50);
  });
});

describe('an answer', () => {
  it.each([200, 201, 204, 304, 400, 404, 410, 429, 500, 503])(
    'of %i comes back',
    async (status) => {
      const receiver = await startReceiverHere();
      receiver.answer({ status, body: status === 204 || status === 304 ? '' : 'so it is' });
      const answer = await senderTo('private').send(letterTo(receiver.url()), STAMP);
      expect(answer).toEqual({
        kind: 'response',
        statusCode: status,
        body: status === 204 || status === 304 ? '' : 'so it is',
        retryAfterMs: null,
        cutOff: null,
        remoteAddress: '127.0.0.1',
        durationMs: expect.any(Number),
        heldMs: expect.any(Number),
      });
    },
  );

  it('may end with the connection', async () => {
    const receiver = await startHostileHere((socket) => socket.end('HTTP/1.0 200 OK\r\n\r\nbye'));
    expect(await sendTo(receiver)).toMatchObject({ statusCode: 200, body: 'bye' });
  });

  it('may have hints before it', async () => {
    const hint = 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n';
    const receiver = await startHostileHere(say(hint + hint + OK));
    expect(await sendTo(receiver)).toMatchObject({ statusCode: 200, body: 'ok' });
  });

  it('is text, whatever bytes it has', async () => {
    const receiver = await startReceiverHere();
    receiver.answer({ body: Buffer.from([0x61, 0, 0xff, 0xe6, 0x94, 0xaf, 0, 0x62]) });
    const answer = await senderTo('private').send(letterTo(receiver.url()), STAMP);
    expect(answer).toMatchObject({ body: 'a\ufffd支b' });
  });

  it('may have 15 KiB of headers and a body in one-byte chunks', async () => {
    const headers = `x-a: ${'a'.repeat(1000)}\r\n`.repeat(15);
    const body = '1\r\nx\r\n'.repeat(16_000);
    const head = `HTTP/1.1 200 OK\r\n${headers}transfer-encoding: chunked\r\n\r\n`;
    const receiver = await startHostileHere(say(`${head}${body}0\r\n\r\n`));
    expect(await sendTo(receiver)).toMatchObject({ statusCode: 200, body: 'x'.repeat(16_000) });
  });

  it.each([16_383, 16_384, 16_385, 1_000_000])(
    'of %i bytes is read up to 16 KiB',
    async (bytes) => {
      const receiver = await startReceiverHere();
      receiver.answer({ body: 'x'.repeat(bytes) });
      const answer = await senderTo('private').send(letterTo(receiver.url()), STAMP);
      expect(answer).toMatchObject({ statusCode: 200, body: 'x'.repeat(Math.min(bytes, 16_384)) });
    },
  );

  it('that goes on after 16 KiB is left at once, with its connection', async () => {
    let left: Promise<unknown> | undefined;
    const receiver = await startHostileHere((socket) => {
      left = once(socket, 'close');
      socket.write(GIGABYTE_BODY + 'x'.repeat(17_000));
    });
    const sender = senderTo('private');
    const answer = await sender.send(letterTo(urlOf(receiver)), STAMP);
    expect(answer).toMatchObject({ statusCode: 200, body: 'x'.repeat(16_384) });
    expect(answer.durationMs).toBeLessThan(TIMEOUT_MS);
    await left;
  });

  it('is not unpacked', async () => {
    const receiver = await startReceiverHere();
    receiver.answer({ body: gzipSync('success'), headers: { 'content-encoding': 'gzip' } });
    const answer = await senderTo('private').send(letterTo(receiver.url()), STAMP);
    expect(answer).toMatchObject({ statusCode: 200, body: expect.not.stringContaining('success') });
  });

  it.each([
    [429, { 'retry-after': '120' }, 120_000],
    [503, { 'retry-after': 'Sun, 22 Nov 2026 08:00:30 GMT', date: '' }, 30_000],
    [
      503,
      { 'retry-after': 'Sat, 01 Jan 2000 00:01:00 GMT', date: 'Sat, 01 Jan 2000 00:00:00 GMT' },
      60_000,
    ],
    [429, { 'retry-after': 'soon' }, null],
    [429, {}, null],
    [200, { 'retry-after': '120' }, null],
    [500, { 'retry-after': '120' }, null],
  ])('of %i with %o asks for %s ms', async (status, headers, retryAfterMs) => {
    const receiver = await startReceiverHere();
    receiver.answer({ status, headers: headers as Record<string, string> });
    const answer = await senderTo('private').send(letterTo(receiver.url()), STAMP);
    expect(answer).toMatchObject({ statusCode: status, retryAfterMs });
  });

  it.each([301, 302, 303, 307, 308])(
    'of %i is an answer, and nobody follows it',
    async (status) => {
      const [receiver, elsewhere] = [await startReceiverHere(), await startReceiverHere()];
      receiver.answer({ status, headers: { location: elsewhere.url() } });
      const answer = await senderTo('private').send(letterTo(receiver.url()), STAMP);
      expect(answer).toMatchObject({ kind: 'response', statusCode: status });
      expect(elsewhere.requests).toHaveLength(0);
    },
  );
});

describe('no answer', () => {
  it('says the same of what is refused, blocked and silent', async () => {
    const silent = await startHostileHere(silence);
    const refusing = await startHostile(silence);
    await refusing.close();
    const sender = senderTo('private');
    const [timeout, refused, blocked] = await Promise.all([
      sender.send(letterTo(urlOf(silent)), STAMP),
      sender.send(letterTo(urlOf(refusing)), STAMP),
      sender.send(letterTo('http://169.254.169.254/'), STAMP),
    ]);
    expect(timeout).toMatchObject({ outcome: 'timeout', error: NOT_REACHED });
    expect(refused).toMatchObject({ outcome: 'connection_error', error: NOT_REACHED });
    expect(blocked).toMatchObject({
      outcome: 'blocked_target',
      error: NOT_REACHED,
      remoteAddress: null,
    });
  });

  it.each([
    ['an unknown authority', 'receiver.test', {}],
    ['another name in the certificate', 'other.test', { ca: RECEIVER_TEST_TLS.cert }],
  ])('is a TLS error with %s', async (_what, name, options) => {
    const dns = await startDnsHere();
    dns.answer(name, ['127.0.0.1']);
    const receiver = await startHostileHere(say(OK), RECEIVER_TEST_TLS);
    const sender = senderTo('private', { dnsServers: [dns.address], ...options });
    const answer = await sender.send(letterTo(`https://${name}:${receiver.port}/`), STAMP);
    expect(answer).toMatchObject({ outcome: 'tls_error', remoteAddress: '127.0.0.1' });
    expect(receiver.requestLines).toHaveLength(0);
  });

  it('is not what a certified name gets, over a checked address', async () => {
    const dns = await startDnsHere();
    // Nobody listens at the first one; the second answer of DNS comes too late to matter.
    dns.answer('receiver.test', ['127.0.0.9', '127.0.0.1'], ['127.0.0.2']);
    const receiver = await startHostileHere(say(OK), RECEIVER_TEST_TLS);
    const sender = senderTo('private', { dnsServers: [dns.address], ca: RECEIVER_TEST_TLS.cert });
    const answer = await sender.send(letterTo(`https://receiver.test:${receiver.port}/`), STAMP);
    expect(answer).toMatchObject({ statusCode: 200, remoteAddress: '127.0.0.1' });
  });

  it('is a TLS error where plain HTTP is spoken', async () => {
    const receiver = await startReceiverHere();
    const url = receiver.url().replace('http:', 'https:');
    expect(await senderTo('private').send(letterTo(url), STAMP)).toMatchObject({
      outcome: 'tls_error',
    });
  });

  it('is a DNS error where there is no such name', async () => {
    const dns = await startDnsHere();
    const sender = senderTo('public', { dnsServers: [dns.address] });
    expect(await sender.send(letterTo('https://nowhere.test/'), STAMP)).toMatchObject({
      outcome: 'dns_error',
      remoteAddress: null,
    });
  });

  it('is a timeout when DNS is slower than the deadline', async () => {
    const dns = await startDnsHere();
    dns.answer('slow.test', 'silence');
    const sender = senderTo('public', { dnsServers: [dns.address] });
    const answer = await sender.send(letterTo('https://slow.test/'), STAMP);
    expect(answer).toMatchObject({ outcome: 'timeout' });
    expect(answer.durationMs).toBeLessThan(TIMEOUT_MS + MARGIN_MS);
  });

  it('leaves no connection behind, not even one that is still being made', async () => {
    const closed: Promise<unknown>[] = [];
    const server = createServer((socket) => {
      closed.push(once(socket.resume(), 'close'));
      socket.on('error', () => {});
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    // It takes the connection and never shakes hands.
    const answer = await senderTo('private').send(letterTo(`https://127.0.0.1:${port}/`), STAMP);
    expect(answer).toMatchObject({ outcome: 'timeout', remoteAddress: '127.0.0.1' });
    expect(closed).toHaveLength(1);
    await Promise.all(closed);
    server.close();
  });
});

describe.runIf(process.platform === 'linux')('nothing connects to a private address', () => {
  // Any of 127/8 is loopback on Linux; elsewhere the only one may be taken.
  const address = `127.${[1, 2, 3].map(() => 1 + Math.floor(Math.random() * 250)).join('.')}`;

  it('by any name or literal, on the ports that are called', async () => {
    const [dns, canary] = [await startDnsHere(), await startCanary(address)];
    const v6 = '2606:4700::1111';
    dns.answer('direct.test', [address]);
    dns.answer('mixed.test', ['8.8.8.8', address]);
    dns.answer('family.test', [v6, address]);
    dns.answer('alias.test', { cname: 'db.internal', addresses: [address] });
    dns.answer('many.test', [...Array.from({ length: 59 }, (_, n) => `8.8.8.${n}`), address]);
    dns.answer('late.test', { addresses: [address], delayMs: 200 });
    const names = ['direct', 'mixed', 'family', 'alias', 'many', 'late'].map(
      (name) => `${name}.test`,
    );
    const hosts = [
      ...names,
      address,
      `[::ffff:${address}]`,
      String(numberOf(address)),
      'localhost',
    ];

    const guarded = senderTo('public', { dnsServers: [dns.address] });
    for (const host of hosts) {
      const answer = await guarded.send(letterTo(`https://${host}:8443/`), STAMP);
      expect([host, answer]).toMatchObject([
        host,
        { outcome: 'blocked_target', error: NOT_REACHED, remoteAddress: null },
      ]);
    }
    expect(canary.connections).toBe(0);

    // The trap itself works.
    const unguarded = senderTo('private', { dnsServers: [dns.address] });
    await unguarded.send(letterTo('https://direct.test:8443/'), STAMP);
    expect(canary.connections).toBe(1);
  });

  function numberOf(text: string): number {
    return text.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
  }
});

const GIGABYTE_BODY = `HTTP/1.1 200 OK\r\ncontent-length: ${1024 ** 3}\r\n\r\n`;
const CHUNKED = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';

/** name, misdeed, what comes of it */
const MISDEEDS: readonly [string, Misdeed, object][] = [
  ['silence', silence, { outcome: 'timeout' }],
  ['a status and then silence', say('HTTP/1.1 200 OK\r\n'), { outcome: 'timeout' }],
  [
    'headers and then silence',
    say('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n'),
    { statusCode: 200, cutOff: 'timeout' },
  ],
  [
    'half a body',
    say('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab'),
    { statusCode: 200, cutOff: 'timeout' },
  ],
  ['a status that drips', drip('HTTP/1.1 200 O', 'K', 20), { outcome: 'timeout' }],
  ['headers that drip', drip('HTTP/1.1 200 OK\r\n', 'a', 20), { outcome: 'timeout' }],
  ['a body that drips', drip(GIGABYTE_BODY, 'x', 20), { statusCode: 200, cutOff: 'timeout' }],
  ['hanging up', hangUp, { outcome: 'connection_error' }],
  ['a reset', reset, { outcome: 'connection_error' }],
  ['a reset in the body', sayAndReset(GIGABYTE_BODY), { cutOff: 'connection_error' }],
  ['garbage', say('SSH-2.0-OpenSSH_9.2\r\n\r\n'), { outcome: 'connection_error' }],
  [
    'an upgrade',
    say('HTTP/1.1 101 Switching\r\nupgrade: ws\r\nconnection: upgrade\r\n\r\n'),
    { outcome: 'connection_error' },
  ],
  [
    'two lengths',
    say('HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc'),
    { outcome: 'connection_error' },
  ],
  ['endless headers', pour('HTTP/1.1 200 OK\r\n', 'x-a: b\r\n'), { outcome: 'connection_error' }],
  ['a huge header', pour('HTTP/1.1 200 OK\r\nx-a: ', 'b'), { outcome: 'connection_error' }],
  ['a huge header name', pour('HTTP/1.1 200 OK\r\n', 'x'), { outcome: 'connection_error' }],
  ['an endless status', pour('HTTP/1.1 200 ', 'OK'), { outcome: 'connection_error' }],
  [
    '100 Continue for ever',
    pour('', 'HTTP/1.1 100 Continue\r\n\r\n'),
    { outcome: 'connection_error' },
  ],
  [
    '103 Early Hints for ever',
    pour('', 'HTTP/1.1 103 Early Hints\r\n\r\n'),
    { outcome: 'connection_error' },
  ],
  [
    '103 with headers for ever',
    pour('HTTP/1.1 103 Early Hints\r\n', 'x-a: b\r\n'),
    { outcome: 'connection_error' },
  ],
  ['a gigabyte', pour(GIGABYTE_BODY, 'x'), { statusCode: 200, body: 'x'.repeat(16_384) }],
  [
    'an endless body',
    pour('HTTP/1.1 200 OK\r\n\r\n', 'x'),
    { statusCode: 200, body: 'x'.repeat(16_384) },
  ],
  [
    'tiny chunks for ever',
    pour(CHUNKED, '1\r\nx\r\n'),
    { statusCode: 200, body: 'x'.repeat(16_384) },
  ],
  ['an endless chunk extension', pour(`${CHUNKED}1;`, 'x'), { cutOff: 'connection_error' }],
  [
    'an endless trailer',
    pour(`${CHUNKED}1\r\nx\r\n0\r\n`, 'x-a: b\r\n'),
    { cutOff: 'connection_error' },
  ],
  ['a gzip bomb', gzipBomb(), { statusCode: 200, body: expect.any(String) }],
  ['answers for ever', pour('', OK), { statusCode: 200, body: 'ok' }],
];

describe('a hostile receiver with', () => {
  it.each(MISDEEDS)(
    '%s holds an attempt no longer than its deadline',
    async (_what, misdeed, expected) => {
      const receiver = await startHostileHere(misdeed);
      const startedAt = performance.now();
      const answer = await sendTo(receiver);
      expect(performance.now() - startedAt).toBeLessThan(TIMEOUT_MS + MARGIN_MS);
      expect(answer).toMatchObject(expected);
      expect(receiver.requestLines).toHaveLength(1);
    },
  );

  it('a redirect to itself is asked once', async () => {
    const receiver: Receiver = await startReceiverHere();
    receiver.answer({ status: 302, headers: { location: receiver.url() } });
    expect(await senderTo('private').send(letterTo(receiver.url()), STAMP)).toMatchObject({
      statusCode: 302,
    });
    expect(receiver.requests).toHaveLength(1);
  });

  it('a gigabyte behind TLS is read up to 16 KiB', async () => {
    const dns = await startDnsHere();
    dns.answer('receiver.test', ['127.0.0.1']);
    const receiver = await startHostileHere(pour(GIGABYTE_BODY, 'x'), RECEIVER_TEST_TLS);
    const sender = senderTo('private', { dnsServers: [dns.address], ca: RECEIVER_TEST_TLS.cert });
    const answer = await sender.send(letterTo(`https://receiver.test:${receiver.port}/`), STAMP);
    expect(answer).toMatchObject({ statusCode: 200, body: 'x'.repeat(16_384) });
  });

  it('all of it, ten times over and at once, costs no memory and no time of a good one', async () => {
    const sender = senderTo('private');
    const [good, ...hostile] = await Promise.all([
      startHostileHere(say(OK)),
      ...MISDEEDS.map(([, misdeed]) => startHostileHere(misdeed)),
    ]);
    const attackers = Array.from({ length: 10 }, () => hostile).flat();
    // The parser loads itself with the first answer.
    await sender.send(letterTo(urlOf(good)), STAMP);
    const before = memory();
    const startedAt = performance.now();
    const attacks = Promise.all(
      attackers.map((receiver) => sender.send(letterTo(urlOf(receiver)), STAMP)),
    );
    expect(await sender.send(letterTo(urlOf(good)), STAMP)).toMatchObject({ statusCode: 200 });
    const answers = await attacks;
    expect(performance.now() - startedAt).toBeLessThan(TIMEOUT_MS + MARGIN_MS);
    expect(answers).toHaveLength(10 * MISDEEDS.length);
    const after = memory();
    expect(after.heapMiB - before.heapMiB).toBeLessThan(50);
    expect(after.rssMiB - before.rssMiB).toBeLessThan(50);
  });
});

describe('giving up', () => {
  it('rejects with the reason of the signal and hangs up', async () => {
    const receiver = await startReceiverHere();
    receiver.answer(hold());
    const stop = new AbortController();
    const sender = senderTo('private');
    const stamp = { ...STAMP, timeoutMs: 60_000, signal: stop.signal };
    const sends = Array.from({ length: 20 }, () => sender.send(letterTo(receiver.url()), stamp));
    await receiver.waitFor(20);
    const reason = new Error('shutting down');
    stop.abort(reason);
    for (const result of await Promise.allSettled(sends)) {
      expect(result).toEqual({ status: 'rejected', reason });
    }
    await expect(sender.send(letterTo(receiver.url()), stamp)).rejects.toBe(reason);
    expect(receiver.requests).toHaveLength(20);
  });

  it('is what closing does, to what is in flight and to what comes later', async () => {
    const receiver = await startReceiverHere();
    receiver.answer(hold());
    const sender = senderTo('private');
    const sending = sender.send(letterTo(receiver.url()), { ...STAMP, timeoutMs: 60_000 });
    const rejected = expect(sending).rejects.toThrow('closed');
    await receiver.waitFor(1);
    await sender.close();
    await rejected;
    await expect(sender.send(letterTo(receiver.url()), STAMP)).rejects.toThrow('closed');
  });
});

function senderTo(
  targets: 'public' | 'private',
  options: { dnsServers?: string[]; ca?: string } = {},
): Sender {
  const allowPrivateTargets = targets === 'private';
  const sender = createSender({ allowPrivateTargets, userAgent: 'Postrider/test', ...options });
  open.push(sender);
  return sender;
}

function letterTo(url: string): WebhookRequest {
  return { url, headers: {}, body: '{}', secrets: [newSecret()], webhookId: 'ntf_1' };
}

function sendTo(receiver: Hostile) {
  return senderTo('private').send(letterTo(urlOf(receiver)), STAMP);
}

function urlOf(receiver: Hostile): string {
  return `http://127.0.0.1:${receiver.port}/hook`;
}

async function startReceiverHere(): Promise<Receiver> {
  const receiver = await startReceiver();
  open.push(receiver);
  return receiver;
}

async function startHostileHere(
  misdeed: Misdeed,
  tls?: typeof RECEIVER_TEST_TLS,
): Promise<Hostile> {
  const receiver = await startHostile(misdeed, tls);
  open.push(receiver);
  return receiver;
}

async function startDnsHere(): Promise<DnsServer> {
  const dns = await startDnsServer();
  open.push(dns);
  return dns;
}

/** Counts who connects to port 8443 of that address. */
async function startCanary(address: string): Promise<{ readonly connections: number }> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  server.listen(8443, address);
  await once(server, 'listening');
  open.push({ close: async () => void server.close() });
  return {
    get connections() {
      return connections;
    },
  };
}

/** A gigabyte of zeros, declared and packed. */
function gzipBomb(): Misdeed {
  const packed = gzipSync(Buffer.alloc(64 * 1024 * 1024));
  const head = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\n';
  return (socket) => {
    socket.write(`${head}content-length: ${16 * packed.length}\r\n\r\n`);
    for (let part = 0; part < 16; part += 1) socket.write(packed);
  };
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function memory() {
  collectGarbage();
  const { heapUsed, rss } = process.memoryUsage();
  return { heapMiB: heapUsed / 2 ** 20, rssMiB: rss / 2 ** 20 };
}
