import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { startReceiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';

describe('the result of a business key', () => {
  let gateway: TestGateway;
  let merchant: Awaited<ReturnType<TestGateway['merchant']>>;
  let producer: Awaited<ReturnType<TestGateway['producer']>>;
  beforeAll(async () => {
    gateway = await testGateway();
    merchant = await gateway.merchant();
    producer = await gateway.producer();
  });
  afterAll(() => gateway.close());

  const notify = async (businessKey: string, more: object = {}) =>
    (
      await producer.api
        .post('/v1/notifications', {
          merchantId: merchant.id,
          type: 'payment.changed',
          businessKey,
          payload: {},
          ...more,
        })
        .expect(202)
    ).body;
  const result = async (businessKey: string) =>
    (await merchant.api.get(`/v1/results/${encodeURIComponent(businessKey)}`).expect(200)).body;

  test('is the highest version, in whatever order the versions came', async () => {
    for (const version of [2, 3, 1]) {
      await notify('order/1 ü', {
        result: { status: `S${version}`, version, amount: '100.00', currency: 'CNY' },
        payload: { version },
      });
    }
    const body = await result('order/1 ü');
    expect(body).toMatchObject({
      businessKey: 'order/1 ü',
      merchantId: merchant.id,
      latest: {
        type: 'payment.changed',
        result: { status: 'S3', version: 3, amount: '100.00', currency: 'CNY' },
        payload: { version: 3 },
      },
    });
    const versions = body.history.map(
      (each: { result: { version: number } }) => each.result.version,
    );
    expect(versions).toEqual([3, 2, 1]);
    expect(body.history[0].notificationId).toBe(body.latest.notificationId);
    expect(body.history[0]).not.toHaveProperty('payload');
    expect(body.deliveries).toHaveLength(3);
    expect(body.deliveries[0]).toMatchObject({
      notificationId: body.latest.notificationId,
      status: 'skipped',
      reason: 'no_endpoint',
    });
  });

  test('among equal versions the one that occurred last counts, then the one accepted last', async () => {
    const at = (minute: number) => `2026-11-22T08:0${minute}:00.000Z`;
    await notify('equal', { occurredAt: at(2), payload: { n: 1 } });
    await notify('equal', { occurredAt: at(1), payload: { n: 2 } });
    expect((await result('equal')).latest.payload).toEqual({ n: 1 });
    await notify('equal', { occurredAt: at(2), payload: { n: 3 } });
    expect((await result('equal')).latest.payload).toEqual({ n: 3 });
  });

  test('has a result of null where the producer said none', async () => {
    await notify('plain');
    expect((await result('plain')).latest.result).toBeNull();
  });

  test('carries the payload as the producer wrote it', async () => {
    const payload = '{"order": 12345678901234567890, "rate" : 1.10}';
    await producer.api
      .post(
        '/v1/notifications',
        `{"merchantId":"${merchant.id}","type":"a.b","businessKey":"exact","payload":${payload}}`,
      )
      .expect(202);
    expect((await merchant.api.get('/v1/results/exact')).text).toContain(`"payload":${payload}}`);
    const { text } = await merchant.api.post('/v1/results/query', { businessKeys: ['exact'] });
    expect(text).toContain(`"payload":${payload}}`);
  });

  test('shows at most a hundred states of its history', async () => {
    const notifications = Array.from({ length: 120 }, (_, version) => ({
      merchantId: merchant.id,
      type: 'a.b',
      businessKey: 'long',
      result: { status: 'S', version },
      payload: {},
    }));
    await producer.api.post('/v1/notifications/batch', { notifications }).expect(202);
    const body = await result('long');
    expect(body.latest.result.version).toBe(119);
    expect(body.history).toHaveLength(100);
    expect(body.history.at(-1).result.version).toBe(20);
  });

  test('is absent: 404; an unfit key: 422', async () => {
    const answer = await merchant.api.get('/v1/results/nothing').expect(404);
    expect(answer.body.code).toBe('not_found');
    await merchant.api.get(`/v1/results/${'x'.repeat(129)}`).expect(422);
  });

  test('many are asked for at once, and answered in that order', async () => {
    await notify('many-1', { payload: { n: 1 } });
    await notify('many-2', { payload: { n: 2 } });
    const businessKeys = ['many-2', 'none', 'many-1', 'many-2'];
    const { body } = await merchant.api.post('/v1/results/query', { businessKeys }).expect(200);
    expect(body.remaining).toEqual([]);
    expect(body.data).toMatchObject([
      { businessKey: 'many-2', found: true, latest: { payload: { n: 2 } } },
      { businessKey: 'none', found: false },
      { businessKey: 'many-1', found: true, latest: { payload: { n: 1 } } },
    ]);
    expect(body.data[1]).toEqual({ businessKey: 'none', found: false });
    const tooMany = Array.from({ length: 501 }, (_, n) => `k${n}`);
    await merchant.api.post('/v1/results/query', { businessKeys: tooMany }).expect(422);
    await merchant.api.post('/v1/results/query', { businessKeys: [] }).expect(422);
  });

  test('an answer for many ends where it is large, and says what is left', async () => {
    const fat = 'x'.repeat(60_000);
    const keys = Array.from({ length: 150 }, (_, n) => `fat-${n}`);
    for (const key of keys) await notify(key, { payload: { fat } });
    const ask = async (businessKeys: string[]) => {
      const { text, body } = await merchant.api
        .post('/v1/results/query', { businessKeys }, { 'idempotency-key': 'the-same' })
        .expect(200);
      expect(text.length).toBeLessThan(8 * 1024 * 1024);
      return body;
    };
    const first = await ask(keys);
    expect(first.data).toHaveLength(100);
    expect(first.remaining).toEqual(keys.slice(100));
    // Under the same Idempotency-Key: what changes nothing is not kept.
    const second = await ask(first.remaining);
    expect([second.data.length, second.remaining]).toEqual([50, []]);
  });

  test.each([
    ['three bytes each', (key: string) => key],
    ['escapes', (key: string) => key.replaceAll('单', '\\u5355')],
  ])('five hundred of the longest keys fit, in characters of %s', async (_name, written) => {
    const keys = Array.from({ length: 500 }, (_, n) => `${n}`.padEnd(128, '单'));
    const text = written(JSON.stringify({ businessKeys: keys }));
    const { body } = await merchant.api.post('/v1/results/query', text).expect(200);
    expect(body.data.map((each: { businessKey: string }) => each.businessKey)).toEqual(keys);
  });

  describe('with an ETag', () => {
    const known = (etag: string) =>
      merchant.api.get('/v1/results/tagged', { 'if-none-match': etag });
    const etag = async () =>
      (await merchant.api.get('/v1/results/tagged').expect(200)).headers.get('etag') ?? '';

    test('answers 304 for as long as nothing changes', async () => {
      await notify('tagged', { result: { status: 'A', version: 1 } });
      const first = await etag();
      expect(first).toMatch(/^"[\w-]{43}"$/);
      const answer = await known(first).expect(304);
      expect(answer.text).toBe('');
      expect(answer.headers.get('etag')).toBe(first);
      expect(answer.headers.get('cache-control')).toBe('private, no-cache');
      await known(`"other", W/${first}`).expect(304);
      await known('*').expect(304);
      await known('"other"').expect(200);
    });

    test('answers anew when another state comes, also an older one', async () => {
      const before = await etag();
      await notify('tagged', { result: { status: 'A', version: 0 } });
      await known(before).expect(200);
    });

    test('answers anew when a delivery changes', async () => {
      const before = await etag();
      const { body } = await merchant.api.get('/v1/notifications?businessKey=tagged');
      await merchant.api.post(`/v1/notifications/${body.data[0].id}/ack`).expect(200);
      const after = await known(before).expect(200);
      expect(after.headers.get('etag')).not.toBe(before);
    });

    test('of the latest alone changes with the result, whatever becomes of deliveries', async () => {
      const path = '/v1/results/polled?fields=latest';
      const { id } = await notify('polled', { result: { status: 'A', version: 1 } });
      const first = await merchant.api.get(path).expect(200);
      expect(Object.keys(first.body)).toEqual(['businessKey', 'merchantId', 'latest']);
      const etag = { 'if-none-match': first.headers.get('etag') ?? '' };
      await merchant.api.post(`/v1/notifications/${id}/ack`).expect(200);
      await merchant.api.get(path, etag).expect(304);
      await notify('polled', { result: { status: 'B', version: 2 } });
      await merchant.api.get(path, etag).expect(200);
    });
  });

  test.each(['.', '..', 'a/b', '%2e', '?', '#', '支付'])('is found by the key %j', async (key) => {
    const { id } = await notify(key);
    const path = `/v1/results?businessKey=${encodeURIComponent(key)}`;
    const { body } = await merchant.api.get(path).expect(200);
    expect(body).toMatchObject({ businessKey: key, latest: { notificationId: id } });
  });

  test('follows a delivery on its way', async () => {
    const receiver = await startReceiver();
    try {
      const own = await gateway.merchant();
      await own.api.post(`/v1/merchants/${own.id}/endpoints`, { url: receiver.url() }).expect(201);
      await notify('live', { merchantId: own.id });
      const delivery = await until(async () => {
        const { body } = await own.api.get('/v1/results/live');
        return body.deliveries?.[0]?.status === 'delivered' && body.deliveries[0];
      });
      expect(delivery).toMatchObject({ attemptCount: 1, nextAttemptAt: null, url: receiver.url() });
    } finally {
      await receiver.close();
    }
  });

  describe('who may see it', () => {
    test('operators and producers say whose it is', async () => {
      await notify('whose');
      for (const api of [gateway.operator, producer.api]) {
        const answer = await api.get('/v1/results/whose').expect(422);
        expect(answer.body.errors[0].path).toBe('query.merchantId');
        await api.post('/v1/results/query', { businessKeys: ['whose'] }).expect(422);
        await api.get(`/v1/results/whose?merchantId=${merchant.id}`).expect(200);
        const many = await api.post(`/v1/results/query?merchantId=${merchant.id}`, {
          businessKeys: ['whose'],
        });
        expect(many.body.data[0].found).toBe(true);
      }
      await merchant.api.get(`/v1/results/whose?merchantId=${merchant.id}`).expect(200);
    });

    test('another merchant’s looks exactly like an absent one', async () => {
      await notify('whose');
      const other = await gateway.merchant();
      const ask = async (path: string) => {
        const { status, body } = await other.api.get(path);
        return { status, code: body.code, detail: body.detail };
      };
      const absent = await ask('/v1/results/no-such-key');
      expect(absent.status).toBe(404);
      expect(await ask('/v1/results/whose')).toEqual(absent);
      expect(await ask(`/v1/results/whose?merchantId=${merchant.id}`)).toEqual(absent);
      for (const query of ['', `?merchantId=${merchant.id}`]) {
        const { body } = await other.api.post(`/v1/results/query${query}`, {
          businessKeys: ['whose'],
        });
        expect(body.data).toEqual([{ businessKey: 'whose', found: false }]);
      }
    });

    test('a producer sees the latest of what it sent itself', async () => {
      const second = await gateway.producer();
      await notify('shared', { result: { status: 'FIRST', version: 1 } });
      const path = `/v1/results/shared?merchantId=${merchant.id}`;
      await second.api.get(path).expect(404);
      await second.api
        .post('/v1/notifications', {
          merchantId: merchant.id,
          type: 'a.b',
          businessKey: 'shared',
          result: { status: 'SECOND', version: 2 },
          payload: {},
        })
        .expect(202);
      const seenBy = async (api: typeof second.api) =>
        (await api.get(path)).body.latest.result.status;
      expect(await seenBy(second.api)).toBe('SECOND');
      expect(await seenBy(producer.api)).toBe('FIRST');
      expect(await seenBy(merchant.api)).toBe('SECOND');
    });

    test('a producer whose key names a merchant sees nothing of another', async () => {
      const bound = await gateway.producer((await gateway.merchant()).id);
      await bound.api.get(`/v1/results/whose?merchantId=${merchant.id}`).expect(404);
    });
  });
});
