import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Api, apiOf } from '../../support/api.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { type DnsServer, startDnsServer } from '../../support/dns-server.ts';
import { OPERATOR_KEY } from '../../support/gateway.ts';
import { mayHaveOwnEtc, type OwnEtc, ownEtc } from '../../support/own-etc.ts';
import { type GatewayProcess, spawnGateway } from '../../support/process.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';

// With CI=true nothing may be left out.
const isLeftOut = process.env.CI !== 'true' && !mayHaveOwnEtc();
/** An address of loopback that nobody else answers DNS at. */
const DNS_ADDRESS = '127.0.53.153';
const HOSTS = `
127.0.0.1 localhost
127.0.0.1 merchant.test shop hooks.example.com
169.254.169.254 metadata.test
`;
const RESOLV_CONF = `
nameserver ${DNS_ADDRESS}
search corp.test
options timeout:1 attempts:1
`;

/** A whole gateway on a machine with a hosts file and a DNS server of its own. */
describe.skipIf(isLeftOut)('names', () => {
  let dns: DnsServer;
  let receiver: Receiver;
  let etc: OwnEtc;

  beforeAll(async () => {
    dns = await startDnsServer(DNS_ADDRESS, 53);
    receiver = await startReceiver();
    etc = ownEtc({ hosts: HOSTS, 'resolv.conf': RESOLV_CONF });
  });
  afterAll(async () => {
    await receiver?.close();
    await dns?.close();
    etc?.remove();
  });

  function start(db: TestDatabase, env: Record<string, string>): Promise<GatewayProcess> {
    return spawnGateway({
      under: etc.under,
      env: {
        DATABASE_URL: db.url,
        ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
        OPERATOR_KEY,
        ...env,
      },
    });
  }

  /** Has one notification sent to an address. */
  async function notify(api: Api, url: string): Promise<{ endpoint: string; delivery: string }> {
    const { body: key } = await api.post('/v1/keys', { role: 'producer', name: 'p' }).expect(201);
    const producer = apiOf(() => gateway.url, key.key);
    const { body: merchant } = await api.post('/v1/merchants', { name: 'm' }).expect(201);
    const { body: endpoint } = await api
      .post(`/v1/merchants/${merchant.id}/endpoints`, { url, types: ['*'] })
      .expect(201);
    const { body: sent } = await producer
      .post('/v1/notifications', {
        merchantId: merchant.id,
        type: 'a.b',
        businessKey: 'ORDER-1',
        payload: {},
      })
      .expect(202);
    return { endpoint: endpoint.id, delivery: sent.deliveries[0].id };
  }

  async function firstAttempt(api: Api, delivery: string) {
    let attempt: { outcome: string; remoteAddress: string | null } | undefined;
    await until(async () => {
      const { body } = await api.get(`/v1/deliveries/${delivery}/attempts`).expect(200);
      attempt = body.data[0];
      return attempt !== undefined;
    });
    return attempt;
  }

  const at = (name: string) => receiver.url('/hook').replace('127.0.0.1', name);
  let db: TestDatabase;
  let gateway: GatewayProcess;
  let operator: Api;
  const open = async (env: Record<string, string>) => {
    db = await testDatabase();
    gateway = await start(db, env);
    operator = apiOf(() => gateway.url, OPERATOR_KEY);
  };
  const close = async () => {
    await gateway?.kill();
    await db?.drop();
  };

  describe('where private targets are allowed, are those of the system', () => {
    beforeAll(() => open({ ALLOW_PRIVATE_TARGETS: 'true' }));
    afterAll(close);

    test.each([
      ['of the hosts file', 'merchant.test'],
      ['of the hosts file, although it could be a public one', 'hooks.example.com'],
      ['of the hosts file, in one word', 'shop'],
      ['of a search domain, in one word', 'orders'],
      ['of this machine', 'localhost'],
      ['of this machine, which DNS is not asked for', 'api.localhost'],
    ])('a name %s: %s', async (_what, name) => {
      dns.answer('orders.corp.test', ['127.0.0.1']);
      const { delivery } = await notify(operator, at(name));
      const attempt = await firstAttempt(operator, delivery);
      expect(attempt).toMatchObject({ outcome: 'success', remoteAddress: '127.0.0.1' });
      expect(receiver.requests.at(-1)?.headers.host).toBe(new URL(at(name)).host);
    });

    test('that lead to this machine are asked of nobody', () => {
      expect(dns.questions.filter((question) => question.includes('localhost'))).toEqual([]);
    });

    test('that lead nowhere are DNS errors', async () => {
      const { delivery } = await notify(operator, at('nowhere.test'));
      expect(await firstAttempt(operator, delivery)).toMatchObject({ outcome: 'dns_error' });
    });

    test('that lead to cloud metadata stay blocked', async () => {
      const { body: merchant } = await operator.post('/v1/merchants', { name: 'm' }).expect(201);
      const endpoint = { url: 'http://metadata.test/', types: ['*'] };
      await operator.post(`/v1/merchants/${merchant.id}/endpoints`, endpoint).expect(422);
    });

    test('whose DNS is silent hold up neither files nor, for long, each other', async () => {
      const { body: merchant } = await operator.post('/v1/merchants', { name: 'm' }).expect(201);
      const register = (name: string) =>
        operator
          .post(`/v1/merchants/${merchant.id}/endpoints`, { url: at(name), types: ['*'] })
          .expect(201);
      // A second each, two at once: 20 s if all of them were waited for.
      const names = Array.from({ length: 40 }, (_, n) => `silent-${n}.test`);
      for (const name of names) dns.answer(name, 'silence');
      const startedAt = performance.now();
      const registered = Promise.all(names.map(register));
      // Of a day that is open, whose rows go through a file.
      const today = new Date().toISOString().slice(0, 10);
      await operator.get(`/v1/statements/${today}?merchantId=${merchant.id}`).expect(200);
      await register('localhost');
      expect(performance.now() - startedAt).toBeLessThan(4000);
      await registered;
      expect(performance.now() - startedAt).toBeLessThan(15_000);
      await register('merchant.test');
    }, 30_000);
  });

  describe('where they are not, are those of DNS alone', () => {
    beforeAll(() => open({}));
    afterAll(close);

    test('the hosts file says nothing', async () => {
      // By the hosts file it would lead to loopback, and be blocked.
      const { delivery } = await notify(operator, 'https://hooks.example.com/');
      expect(await firstAttempt(operator, delivery)).toMatchObject({ outcome: 'dns_error' });
      expect(dns.questions).toContain('A hooks.example.com');
      expect(dns.questions).not.toContain('A hooks.example.com.corp.test');
    });
  });
});
