import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  checkUrl,
  createGuard,
  DestinationError,
  type Guard,
} from '../../../src/engine/http/destination.ts';
import { type DnsServer, NXDOMAIN, SERVFAIL, startDnsServer } from '../../support/dns-server.ts';

const PUBLIC = { allowPrivateTargets: false };
const PRIVATE = { allowPrivateTargets: true };

const at = (hostname: string) => ({ hostname, protocol: 'https:', port: 443 }) as const;
const urlOf = (hostname: string) => new URL(`https://${hostname}/`);

describe('a URL is accepted', () => {
  it.each([
    'https://example.com/hook',
    'https://example.com:443/hook?a=b&c=%20',
    'https://hooks.example.com:8443',
    'HTTPS://EXAMPLE.COM/',
    'https://bücher.example/支付',
    'https://a_b.example.com/',
    'https://8.8.8.8/',
    'https://[2606:4700::1111]:8443/',
    'https://localhost.example.com/',
    `https://example.com/${'a'.repeat(2028)}`,
  ])('%s', (text) => {
    expect(checkUrl(text, PUBLIC)).toEqual({ ok: true, url: new URL(text) });
  });

  it.each([
    'http://localhost:3000/hook',
    'http://127.0.0.1:8080/',
    'http://[::1]/',
    'https://receiver:9000/',
    'http://10.0.0.1/',
    'http://db.internal/',
  ])('%s, only where private targets are allowed', (text) => {
    expect(checkUrl(text, PRIVATE).ok).toBe(true);
    expect(checkUrl(text, PUBLIC).ok).toBe(false);
  });
});

describe('a URL is refused', () => {
  it.each([
    ...[
      '',
      'example.com',
      '/hook',
      'https:',
      'https://',
      'https:example.com',
      'https:/example.com',
    ],
    ...['https:\\\\example.com\\', 'https://example.com\\@127.0.0.1/', '//example.com/'],
    ...['ftp://example.com/', 'file:///etc/passwd', 'javascript:alert(1)', 'data:,x', 'ws://a.b/'],
    ...[
      ' https://example.com/',
      'https://example.com/ ',
      'https://exa\nmple.com/',
      'https://a.b/\t',
    ],
    ...[
      'https://exam ple.com/',
      'https://example.com/\u0000',
      'https://[::1',
      'https://1.2.3.256/',
    ],
    ...['https://user@example.com/', 'https://user:pw@example.com/', 'https://:pw@example.com/'],
    ...['https://127.0.0.1@example.com/', 'https://example.com@127.0.0.1/'],
    ...['https://example.com/#', 'https://example.com/#part', 'https://example.com#@8.8.8.8/'],
    ...[
      'https://example.com./',
      'https://a..b/',
      'https://.example.com/',
      'https://-a.example.com/',
    ],
    ...[`https://${'a'.repeat(64)}.example.com/`, `https://${'abcdefg.'.repeat(32)}com/`],
    ...['https://exa$mple.com/', "https://exa'mple.com/", 'https://*.example.com/'],
    ...['http://169.254.169.254/', 'https://168.63.129.16/', 'http://[::ffff:169.254.169.254]/'],
    ...['http://0xa9fea9fe/', 'http://[fd00:ec2::254]/', 'http://100.100.100.200/latest/meta-data'],
    `https://example.com/${'a'.repeat(2029)}`,
  ])('%j, everywhere', (text) => {
    expect(checkUrl(text, PUBLIC).ok).toBe(false);
    expect(checkUrl(text, PRIVATE).ok).toBe(false);
  });

  it.each([
    ...['http://example.com/', 'https://example.com:80/', 'https://example.com:22/'],
    ...['https://example.com:0/', 'https://example.com:9200/'],
    ...[
      '0177.0.0.1',
      '0x7f.1',
      '2130706433',
      '127.1',
      '0',
      '①②⑦.⓪.⓪.①',
      '127.0.0.1.',
      '127。0。0。1',
    ],
    ...['017700000001', '0x7f000001', '%31%32%37.0.0.1', '[::]', '[::1]', '[::127.0.0.1]'],
    ...[
      '[0:0:0:0:0:0:0:1]',
      '[::ffff:7f00:1]',
      '[64:ff9b::7f00:1]',
      '[2002:7f00:1::]',
      '[fe80::1]',
    ],
    ...[
      'localhost',
      'LOCALHOST',
      'ⓛocalhost',
      'localhost.',
      'api.localhost',
      'localhost.localdomain',
    ],
    ...['db', 'metadata', 'metadata.google.internal', 'db.internal', 'printer.local', 'nas.lan'],
    ...['router.home.arpa', 'srv.corp', 'x.intranet', 'x.private', 'x.home', 'DB.INTERNAL'],
  ])('%j, where private targets are not allowed', (text) => {
    const url = text.includes('://') ? text : `https://${text}/hook`;
    expect(checkUrl(url, PUBLIC).ok).toBe(false);
  });

  it('with a reason that a caller understands', () => {
    expect(checkUrl('http://example.com/', PUBLIC)).toEqual({
      ok: false,
      reason: 'Only https is called.',
    });
    expect(checkUrl('https://127.1/', PUBLIC)).toEqual({
      ok: false,
      reason: 'This address may not be called.',
    });
  });
});

describe('a name is resolved', () => {
  let dns: DnsServer;
  let guard: Guard;
  let canary: Canary;

  beforeAll(async () => {
    [dns, canary] = await Promise.all([startDnsServer(), startCanary()]);
    guard = createGuard({ ...PUBLIC, dnsServers: [dns.address] });
  });
  afterEach(() => {
    expect(canary.connections).toBe(0);
  });
  afterAll(async () => {
    guard.close();
    await Promise.all([dns.close(), canary.close()]);
  });

  it('to its addresses, both families in turn', async () => {
    dns.answer('both.test', ['8.8.8.8', '8.8.4.4', '2606:4700::1111']);
    expect(await guard.resolve(at('both.test'))).toEqual([
      { address: '8.8.8.8', family: 4 },
      { address: '2606:4700::1111', family: 6 },
      { address: '8.8.4.4', family: 4 },
    ]);
  });

  it('once for many who ask at the same time', async () => {
    dns.answer('crowd.test', ['8.8.8.8']);
    await Promise.all(Array.from({ length: 500 }, () => guard.resolve(at('crowd.test'))));
    expect(dns.questions.filter((question) => question.endsWith('crowd.test'))).toHaveLength(2);
  });

  it('to eight addresses at most', async () => {
    dns.answer(
      'many.test',
      Array.from({ length: 60 }, (_, index) => `8.8.8.${index}`),
    );
    expect(await guard.resolve(at('many.test'))).toHaveLength(8);
  });

  it('although one family fails', async () => {
    dns.answer('half.test', ['8.8.8.8']);
    expect(await guard.resolve(at('half.test'))).toEqual([{ address: '8.8.8.8', family: 4 }]);
  });

  it.each([
    ['loopback', ['127.0.0.1']],
    ['IPv6 loopback', ['::1']],
    ['a private address', ['10.1.2.3']],
    ['cloud metadata', ['169.254.169.254']],
    ['a mapped address', ['::ffff:127.0.0.1']],
    ['a NAT64 address', ['64:ff9b::7f00:1']],
    ['a 6to4 address', ['2002:7f00:1::']],
    ['nowhere', ['0.0.0.0']],
    ['a public and a private address', ['8.8.8.8', '127.0.0.1']],
    ['a public IPv4 and a private IPv6 address', ['8.8.8.8', 'fd00::1']],
    [
      'sixty addresses, the last one private',
      [...Array.from({ length: 59 }, (_, n) => `8.8.8.${n}`), '127.0.0.1'],
    ],
    ['a private address, late', { addresses: ['10.0.0.6'], delayMs: 300 }],
    ['an alias of a private name', { cname: 'db.internal', addresses: ['10.0.0.5'] }],
  ])('and blocked when it leads to %s', async (what, answer) => {
    const name = `${what.replaceAll(/[^a-z0-9]+/gi, '-').toLowerCase()}.test`;
    dns.answer(name, answer);
    await expect(guard.resolve(at(name))).rejects.toMatchObject({ outcome: 'blocked_target' });
    expect(await connectTo(guard, name, canary.port)).toMatchObject({ outcome: 'blocked_target' });
    expect(await guard.checkReachable(urlOf(name))).toBe(false);
  });

  it.each([
    ['does not exist', NXDOMAIN],
    ['has no address', []],
    ['breaks its server', SERVFAIL],
    ['is met with silence', 'silence' as const],
  ])('and is a DNS error when it %s, which a registration survives', async (what, answer) => {
    const name = `${what.replaceAll(' ', '-')}.test`;
    dns.answer(name, answer);
    await expect(guard.resolve(at(name))).rejects.toMatchObject({ outcome: 'dns_error' });
    expect(await connectTo(guard, name, canary.port)).toMatchObject({ outcome: 'dns_error' });
    expect(await guard.checkReachable(urlOf(name))).toBe(true);
  });

  it('public at registration and private at delivery: no connection', async () => {
    dns.answer('rebind.test', ['8.8.8.8'], ['127.0.0.1']);
    const registration = createGuard({ ...PUBLIC, dnsServers: [dns.address] });
    expect(await registration.checkReachable(urlOf('rebind.test'))).toBe(true);
    expect(await connectTo(guard, 'rebind.test', canary.port)).toMatchObject({
      outcome: 'blocked_target',
    });
    registration.close();
  });

  it.each(['127.0.0.1', '::1', '::ffff:127.0.0.1', '0.0.0.0', '::'])(
    'not at all when it is the literal %s, which is checked nevertheless',
    async (literal) => {
      expect(await connectTo(guard, literal, canary.port)).toMatchObject({
        outcome: 'blocked_target',
      });
    },
  );
});

describe('where private targets are allowed', () => {
  let dns: DnsServer;
  let guard: Guard;
  let canary: Canary;

  beforeAll(async () => {
    [dns, canary] = await Promise.all([startDnsServer(), startCanary()]);
    guard = createGuard({ ...PRIVATE, dnsServers: [dns.address] });
  });
  afterAll(async () => {
    guard.close();
    await Promise.all([dns.close(), canary.close()]);
  });

  it('the canary is reached: through a name, localhost and a literal', async () => {
    dns.answer('private.test', ['127.0.0.1']);
    for (const name of ['private.test', 'localhost', 'api.localhost', '127.0.0.1']) {
      const before = canary.connections;
      expect(await connectTo(guard, name, canary.port)).toBe('127.0.0.1');
      expect(canary.connections).toBe(before + 1);
    }
    expect(dns.questions.some((question) => question.includes('localhost'))).toBe(false);
  });

  it('the connection goes to the address that was checked, and DNS is asked once', async () => {
    dns.answer('pinned.test', ['127.0.0.1'], ['127.0.0.2']);
    expect(await connectTo(guard, 'pinned.test', canary.port)).toBe('127.0.0.1');
    expect(dns.questions.filter((question) => question === 'A pinned.test')).toHaveLength(1);
  });

  it('the next address is tried when one does not answer', async () => {
    dns.answer('two.test', ['127.0.0.3', '127.0.0.1']);
    expect(await connectTo(guard, 'two.test', canary.port)).toBe('127.0.0.1');
  });

  it('cloud metadata stays out of reach', async () => {
    dns.answer('metadata.test', ['169.254.169.254']);
    expect(await connectTo(guard, 'metadata.test', 80)).toMatchObject({
      outcome: 'blocked_target',
    });
    expect(await connectTo(guard, '169.254.169.254', 80)).toMatchObject({
      outcome: 'blocked_target',
    });
  });
});

interface Canary {
  readonly port: number;
  readonly connections: number;
  close(): Promise<void>;
}

/** Counts who connects. */
async function startCanary(): Promise<Canary> {
  let connections = 0;
  const server: Server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    async close() {
      server.close();
      await once(server, 'close');
    },
  };
}

/** The address that was connected to, or why there was no connection. */
function connectTo(
  guard: Guard,
  hostname: string,
  port: number,
): Promise<string | DestinationError> {
  return new Promise((resolve, reject) => {
    const target = { hostname, host: hostname, protocol: 'http:', port: String(port) };
    guard.connect(target, (error: Error | null, socket: Socket | null) => {
      if (error instanceof DestinationError) resolve(error);
      else if (socket === null) reject(error);
      else {
        const address = socket.remoteAddress ?? '';
        socket.once('close', () => resolve(address)).resume();
      }
    });
  });
}
