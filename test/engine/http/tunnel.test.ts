import { afterEach, describe, expect, test } from 'vitest';
import {
  type AttemptContext,
  createSender,
  type Sender,
  type WebhookRequest,
} from '../../../src/engine/http/send.ts';
import { newSecret } from '../../../src/engine/http/sign.ts';
import { parseDeniedTargets, parseTargetList } from '../../../src/engine/http/target-list.ts';
import { startDnsServer } from '../../support/dns-server.ts';
import { type ForwardProxy, startForwardProxy } from '../../support/forward-proxy.ts';
import { testGateway } from '../../support/gateway.ts';
import { RECEIVER_TEST_TLS, say, startHostile } from '../../support/hostile.ts';
import { startReceiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const STAMP: AttemptContext = {
  deliveryId: 'dlv_1',
  attempt: 1,
  cycle: 1,
  timeoutMs: 5_000,
  nowMs: Date.now(),
};

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((part) => part.close()));
});
async function here<T extends { close(): Promise<void> }>(starting: Promise<T>): Promise<T> {
  const part = await starting;
  open.push(part);
  return part;
}

function senderThrough(
  { url }: Pick<ForwardProxy, 'url'>,
  options: Partial<Parameters<typeof createSender>[0]> = {},
): Sender {
  const sender = createSender({
    allowPrivateTargets: true,
    userAgent: 'test',
    proxy: new URL(url),
    ...options,
  });
  open.push(sender);
  return sender;
}

const letterTo = (url: string): WebhookRequest => ({
  url,
  headers: {},
  body: '{}',
  secrets: [newSecret()],
  webhookId: 'ntf_1',
});

describe('through a forward proxy', () => {
  test('the proxy is told the checked address, and the certificate is checked by the name', async () => {
    const dns = await here(startDnsServer());
    dns.answer('receiver.test', ['127.0.0.1']);
    const receiver = await here(startHostile(say(OK), RECEIVER_TEST_TLS));
    const proxy = await here(startForwardProxy({ credentials: 'gateway:s%3Cecret' }));
    const sender = senderThrough(
      { url: proxy.url.replace('s%3Cecret', encodeURIComponent('s%3Cecret')) },
      { dnsServers: [dns.address], ca: RECEIVER_TEST_TLS.cert },
    );
    const url = `https://receiver.test:${receiver.port}/`;
    const answer = await sender.send(letterTo(url), STAMP);
    expect(answer).toMatchObject({ statusCode: 200, remoteAddress: '127.0.0.1', body: 'ok' });
    expect(proxy.asked).toEqual([`127.0.0.1:${receiver.port}`]);
    dns.answer('other.test', ['127.0.0.1']);
    const other = await sender.send(letterTo(`https://other.test:${receiver.port}/`), STAMP);
    expect(other).toMatchObject({ outcome: 'tls_error' });
  });

  test('a connection is kept for the next attempt', async () => {
    const receiver = await here(startReceiver());
    const proxy = await here(startForwardProxy());
    const sender = senderThrough(proxy);
    for (const attempt of [1, 2, 3]) {
      const answer = await sender.send(letterTo(receiver.url()), { ...STAMP, attempt });
      expect(answer).toMatchObject({ statusCode: 200, remoteAddress: '127.0.0.1' });
    }
    expect(proxy.asked).toHaveLength(1);
  });

  test.each([
    ['a name that leads inside', 'https://inside.test/', {}],
    ['a denied network', 'https://outside.test/', { deniedTargets: '93.184.216.0/24' }],
    ['what is not on the list', 'https://outside.test/', { merchantTargets: '198.51.100.7' }],
  ])('the proxy is not even asked for %s', async (_what, url, lists) => {
    const dns = await here(startDnsServer());
    dns.answer('inside.test', ['10.1.2.3']);
    dns.answer('outside.test', ['93.184.216.34']);
    const proxy = await here(startForwardProxy());
    const sender = senderThrough(proxy, {
      allowPrivateTargets: false,
      dnsServers: [dns.address],
      ...('deniedTargets' in lists && { deniedTargets: parseDeniedTargets(lists.deniedTargets) }),
      ...('merchantTargets' in lists && {
        merchantTargets: parseTargetList(lists.merchantTargets),
      }),
    });
    expect(await sender.send(letterTo(url), STAMP)).toMatchObject({ outcome: 'blocked_target' });
    expect(proxy.asked).toEqual([]);
  });

  test('what a producer has inside is called directly', async () => {
    const inside = await here(startReceiver());
    const proxy = await here(startForwardProxy());
    const sender = senderThrough(proxy, {
      allowPrivateTargets: false,
      producerTargets: parseTargetList(`http://${new URL(inside.url()).host}`),
    });
    const letter: WebhookRequest = { ...letterTo(inside.url()), isProducers: true };
    expect(await sender.send(letter, STAMP)).toMatchObject({ statusCode: 200 });
    expect(proxy.asked).toEqual([]);
  });

  test.each([
    [403, 'connection_error'],
    [502, 'connection_error'],
    [504, 'timeout'],
  ])('a proxy that answers %i: the attempt ends with %s', async (status, outcome) => {
    const proxy = await here(startForwardProxy());
    proxy.answer(status);
    const answer = await senderThrough(proxy).send(letterTo('http://127.0.0.1:9/'), STAMP);
    expect(answer).toMatchObject({ outcome });
  });

  test('the next address of a name is tried when the proxy cannot reach the first', async () => {
    const dns = await here(startDnsServer());
    dns.answer('two.test', ['127.0.0.9', '127.0.0.1']);
    const receiver = await here(startReceiver());
    const proxy = await here(startForwardProxy());
    const { port } = new URL(receiver.url());
    const sender = senderThrough(proxy, { dnsServers: [dns.address] });
    const answer = await sender.send(letterTo(`http://two.test:${port}/`), STAMP);
    expect(answer).toMatchObject({ statusCode: 200, remoteAddress: '127.0.0.1' });
    expect(proxy.asked).toEqual([`127.0.0.9:${port}`, `127.0.0.1:${port}`]);
  });

  test('a proxy that says nothing is given up at the deadline, and its connection closed', async () => {
    const proxy = await here(startForwardProxy());
    proxy.answer('silence');
    const answer = await senderThrough(proxy).send(letterTo('http://127.0.0.1:9/'), {
      ...STAMP,
      timeoutMs: 200,
    });
    expect(answer).toMatchObject({ outcome: 'timeout' });
    await until(async () => proxy.open === 0);
  });

  test.each([
    ['is gone', 'http://127.0.0.1:9'],
    ['wants other credentials', null],
  ])('a proxy that %s is our own fault, not the receiver’s', async (_what, url) => {
    const proxy = await here(startForwardProxy({ credentials: 'gateway:secret' }));
    const sender = senderThrough({ url: url ?? proxy.url.replace('secret', 'wrong') });
    await expect(sender.send(letterTo('http://127.0.0.1:9/'), STAMP)).rejects.toMatchObject({
      code: 'EPROXY',
    });
  });
});

test('while the proxy is gone no attempt is used up, and deliveries go on once it is back', async () => {
  const first = await startForwardProxy();
  const { port } = new URL(first.url);
  await first.close();
  const gateway = await here(testGateway({ proxy: first.url }));
  const receiver = await here(startReceiver());
  const merchant = await gateway.merchant();
  const producer = await gateway.producer();
  const { body } = await producer.api
    .post('/v1/notifications', {
      merchantId: merchant.id,
      type: 'order.paid',
      businessKey: 'ORDER-1',
      payload: {},
      notifyUrl: receiver.url('/hook'),
    })
    .expect(202);
  const id = body.deliveries[0].id;
  await until(async () => {
    const { rows } = await gateway.db.database.pool.query(
      'SELECT status, attempt_count FROM delivery WHERE id = $1',
      [id],
    );
    return rows[0]?.status === 'pending' && rows[0];
  });
  await here(startForwardProxy({ port: Number(port) }));
  await receiver.waitFor(1, 30_000);
  const { body: log } = await until(async () => {
    const answer = await gateway.operator.get(`/v1/deliveries/${id}/attempts`);
    return answer.body.data.length > 0 && answer;
  });
  expect(log.data.map(({ outcome }: { outcome: string }) => outcome)).toEqual(['success']);
});
