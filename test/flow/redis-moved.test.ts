import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { onRedis, ownRedis } from '../support/backends.ts';
import { type TestGateway, testGateway } from '../support/gateway.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import type { RedisServer } from '../support/redis.ts';
import { startTcpProxy, type TcpProxy, through } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';

const placeOf = (url: string) => ({ host: '127.0.0.1', port: Number(new URL(url).port) });

describe.skipIf(inject('redisUrl') === null)('a Redis behind a name', () => {
  let first: RedisServer;
  let second: RedisServer;
  let proxy: TcpProxy;
  let gateway: TestGateway;
  let receiver: Receiver;
  beforeEach(async () => {
    [first, second] = await Promise.all([ownRedis(), ownRedis()]);
    proxy = await startTcpProxy(placeOf(first.url));
    receiver = await startReceiver();
    gateway = await testGateway({
      backend: { kind: 'redis', url: through(proxy, first.url) },
      // Only the timers are to find what is due.
      sweepEveryMs: 600_000,
    });
    await gateway.operator
      .put('/v1/queues/quick', { ladderSeconds: [0, 1], deadlineSeconds: 600, jitter: 0 })
      .expect(200);
  });
  afterEach(async () => {
    await gateway.close();
    await receiver.close();
    await proxy.close();
    await Promise.all([first.stop(), second.stop()]);
  });

  const isReady = async () => (await gateway.operator.get('/readyz')).status === 200;

  async function notify(businessKey: string): Promise<void> {
    const { id } = await gateway.merchant();
    await gateway.operator
      .post(`/v1/merchants/${id}/endpoints`, { url: receiver.url(), queue: 'quick' })
      .expect(201);
    await gateway.operator
      .post('/v1/notifications', { merchantId: id, type: 'a.b', businessKey, payload: {} })
      .expect(202);
  }

  test('that was made a replica while its name moved on: its connections are left, and wakes are set again', async () => {
    expect(await isReady()).toBe(true);
    proxy.lead(placeOf(second.url));
    await onRedis(first.url, (redis) => redis.replicaof('127.0.0.1', placeOf(second.url).port));
    await until(isReady, { timeoutMs: 30_000 });

    receiver.answer([500, 200]);
    await notify('K-1');
    // The second attempt comes by a timer: the sweep is far away.
    await receiver.waitFor(2, 20_000);
    const jobs = await onRedis(second.url, (redis) => redis.keys('bull:postrider-quick:*'));
    expect(jobs.length).toBeGreaterThan(0);
  });

  test('that is a replica and stays one is said to be unfit', async () => {
    await onRedis(first.url, (redis) => redis.replicaof('127.0.0.1', placeOf(second.url).port));
    await until(async () => !(await isReady()));
    expect((await gateway.operator.get('/readyz')).body).toMatchObject({
      database: true,
      queue: false,
    });
    await onRedis(first.url, (redis) => redis.replicaof('NO', 'ONE'));
    await until(isReady, { timeoutMs: 30_000 });
  });

  test('whose connections go silent is left for new ones', async () => {
    proxy.silence();
    await until(isReady, { timeoutMs: 30_000 });
    receiver.answer([500, 200]);
    await notify('K-1');
    await receiver.waitFor(2, 40_000);
  });
});

describe.skipIf(inject('redisUrl') === null)('a Redis of another kind', () => {
  test('a node of a cluster is refused at the start, with the reason', async () => {
    const node = await ownRedis({ 'cluster-enabled': 'yes', dir: '/tmp' });
    await expect(testGateway({ backend: { kind: 'redis', url: node.url } })).rejects.toThrow(
      'The Redis at REDIS_URL is a node of a Redis Cluster',
    );
    await node.stop();
  });
});
