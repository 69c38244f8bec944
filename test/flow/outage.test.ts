import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Known, receivingEnd, resultsOf } from '../protocols/notification/receiving-end.ts';
import { type TestGateway, testGateway } from '../support/gateway.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

const DAY_MS = 86_400_000;

describe('the story of an outage', () => {
  let gateway: TestGateway;
  let producer: Awaited<ReturnType<TestGateway['producer']>>;
  let merchant: Awaited<ReturnType<TestGateway['merchant']>>;
  let receiver: Receiver;
  beforeAll(async () => {
    gateway = await testGateway();
    producer = await gateway.producer();
    await gateway.operator
      .put('/v1/queues/short', { ladderSeconds: [0, 1], deadlineSeconds: 600, jitter: 0 })
      .expect(200);
    await gateway.operator
      .put('/v1/queues/latest-only', { preset: 'wechatpay', supersede: true })
      .expect(200);
  });
  afterAll(() => gateway.close());
  beforeEach(async () => {
    receiver = await startReceiver();
    merchant = await gateway.merchant();
    await merchant.api
      .post(`/v1/merchants/${merchant.id}/endpoints`, { url: receiver.url() })
      .expect(201);
  });
  afterEach(() => receiver.close());

  /** What the producer knows, by business key: the end of the story must be the same. */
  let truth: Map<string, Known>;
  const send = async (businessKey: string, version: number, queue: string) => {
    const { body } = await producer.api
      .post('/v1/notifications', {
        merchantId: merchant.id,
        type: 'payment.changed',
        businessKey,
        eventId: `${businessKey}-${version}`,
        result: { status: `S${version}`, version, amount: '9.90', currency: 'CNY' },
        payload: { businessKey },
        queue,
      })
      .expect(202);
    const before = truth.get(businessKey);
    if (before === undefined || version > before.version) {
      const { id, occurredAt } = body;
      truth.set(businessKey, { id, status: `S${version}`, version, occurredAt });
    }
    return body.id;
  };
  const nothingUnderWay = () =>
    until(
      async () => {
        const { body } = await merchant.api.get('/v1/deliveries?status=pending,sending');
        return body.data.length === 0;
      },
      { timeoutMs: 15_000 },
    );

  test('down for longer than every ladder, it ends with exactly the producer’s truth', async () => {
    truth = new Map();
    const end = receivingEnd(merchant.api);
    let up = true;
    receiver.answer((request) => {
      if (!up) return 503;
      end.takePushed(request.body);
      return 200;
    });

    // Good times: everything is pushed, and the receiver has nothing to catch up with.
    for (const queue of ['default', 'short', 'latest-only']) await send(`${queue}-1`, 1, queue);
    await nothingUnderWay();
    expect(await end.catchUp()).toEqual([]);
    expect(end.known).toEqual(truth);

    // Down for three days. Orders change, new ones come, some out of order, one event twice.
    up = false;
    const missed: string[] = [];
    for (const queue of ['default', 'short']) {
      missed.push(await send(`${queue}-1`, 3, queue));
      missed.push(await send(`${queue}-1`, 2, queue));
      missed.push(await send(`${queue}-2`, 1, queue));
    }
    await send('latest-only-1', 2, 'latest-only');
    missed.push(await send('latest-only-1', 4, 'latest-only'));
    await send('latest-only-1', 3, 'latest-only');
    missed.push(await send('latest-only-2', 1, 'latest-only'));
    await receiver.waitFor(4);
    await gateway.db.travel(3 * DAY_MS);
    await nothingUnderWay();
    expect(end.known).not.toEqual(truth);
    const failed = await merchant.api.get('/v1/deliveries?status=failed&limit=100').expect(200);
    expect(failed.body.data).toHaveLength(missed.length);

    // Back again: feed and confirmation are enough, and the results say the same.
    up = true;
    expect((await end.catchUp()).toSorted()).toEqual(missed.toSorted());
    expect(end.known).toEqual(truth);
    expect(await resultsOf(merchant.api, [...truth.keys()])).toEqual(truth);
    expect(await end.catchUp()).toEqual([]);
    const { body } = await merchant.api.get('/v1/notifications?undelivered=true').expect(200);
    expect(body.data).toEqual([]);

    // And life goes on: what comes now is pushed.
    await send('default-1', 4, 'default');
    await gateway.db.travel(120_000);
    await until(() => end.known.get('default-1')?.version === 4);
    await nothingUnderWay();
    expect(end.known).toEqual(truth);
  });

  test('while it pages, the ladder and new notifications go on, and each comes at least once', async () => {
    truth = new Map();
    const end = receivingEnd(merchant.api);
    let up = false;
    receiver.answer((request) => {
      if (!up) return 503;
      end.takePushed(request.body);
      return 200;
    });
    for (let n = 0; n < 15; n += 1) await send(`order-${n}`, 1, 'short');
    await until(async () => {
      const { body } = await merchant.api.get('/v1/deliveries?status=failed&limit=100');
      return body.data.length > 0;
    });
    up = true;
    const sending = (async () => {
      for (let n = 0; n < 15; n += 1) await send(`order-${n}`, 2, 'short');
    })();
    await end.catchUp();
    await sending;
    await gateway.db.travel(120_000);
    await nothingUnderWay();
    await end.catchUp();
    expect(end.known).toEqual(truth);
    expect(await resultsOf(merchant.api, [...truth.keys()])).toEqual(truth);
  });
});
