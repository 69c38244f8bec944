import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endsPage } from '../../../src/protocols/notification/feed.ts';
import { type TestGateway, testGateway } from '../../support/gateway.ts';

type Page = {
  data: { id: string; businessKey: string; status: string; endedAt?: string | undefined }[];
  nextCursor: string | null;
  hasMore: boolean;
};
type Api = TestGateway['operator'];

/** Nobody works here: what ends is ended by calls. */
describe('the feed of what has ended', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await testGateway({ roles: ['api'] });
    await gateway.operator.put('/v1/queues/other', {}).expect(200);
  });
  afterAll(() => gateway.close());

  const makeOwn = async () => ({
    merchant: await gateway.merchant(),
    api: (await gateway.producer()).api,
  });
  const notify = async (api: Api, merchantId: string, businessKey: string, more: object = {}) => {
    const input = { merchantId, type: 'a.b', businessKey, payload: {}, ...more };
    // Somewhere, so that it does not end as it is made.
    const notifyUrl = 'http://127.0.0.1:9/';
    const { body } = await api.post('/v1/notifications', { notifyUrl, ...input }).expect(202);
    return body as { id: string; deliveries: { id: string }[] };
  };
  const cancel = (api: Api, id: string) =>
    api.post(`/v1/notifications/${id}/cancel`, {}).expect(200);
  const feed = async (api: Api, query = ''): Promise<Page> =>
    (await api.get(`/v1/notifications?ended=true${query}`).expect(200)).body;
  const keys = ({ data }: Page) => data.map(({ businessKey }) => businessKey);

  test('in the order of the ends, page by page, and on from a kept cursor', async () => {
    const { api, merchant } = await makeOwn();
    const sent: string[] = [];
    for (let n = 1; n <= 5; n += 1) sent.push((await notify(api, merchant.id, `k${n}`)).id);
    for (const n of [3, 1, 5]) await cancel(api, sent[n - 1] ?? '');
    const first = await feed(api, '&limit=2');
    expect(keys(first)).toEqual(['k3', 'k1']);
    expect(first.data[0]).toMatchObject({ status: 'cancelled' });
    expect(Date.parse(first.data[0]?.endedAt ?? '')).toBeGreaterThan(Date.now() - 60_000);
    const second = await feed(api, `&limit=2&cursor=${first.nextCursor}`);
    expect(keys(second)).toEqual(['k5']);
    expect(second.hasMore).toBe(false);
    const at = `&cursor=${second.nextCursor}`;
    expect(await feed(api, at)).toEqual({ data: [], nextCursor: null, hasMore: false });
    await merchant.api.post(`/v1/notifications/${sent[1]}/ack`, {}).expect(200);
    expect(keys(await feed(api, at))).toEqual(['k2']);
  });

  test('what ends as it is made is there at once', async () => {
    const { api, merchant } = await makeOwn();
    await notify(api, merchant.id, 'nobody', { notifyUrl: null });
    expect((await feed(api)).data).toMatchObject([{ businessKey: 'nobody', status: 'skipped' }]);
  });

  test('only once all of its deliveries have ended, and at the place of the last of them', async () => {
    const { api, merchant } = await makeOwn();
    const at = `/v1/merchants/${merchant.id}/endpoints`;
    const [a, b] = [
      await merchant.api.post(at, { url: 'http://127.0.0.1:9/a' }).expect(201),
      await merchant.api.post(at, { url: 'http://127.0.0.1:9/b' }).expect(201),
    ];
    await notify(api, merchant.id, 'two', { notifyUrl: null });
    const one = await notify(api, merchant.id, 'one');
    await merchant.api.delete(`/v1/endpoints/${a.body.id}`).expect(204);
    expect(keys(await feed(api))).toEqual([]);
    await cancel(api, one.id);
    await merchant.api.delete(`/v1/endpoints/${b.body.id}`).expect(204);
    expect(keys(await feed(api))).toEqual(['one', 'two']);
  });

  test('sent again it leaves, and has a new place once it has ended again', async () => {
    const { api, merchant } = await makeOwn();
    const first = await notify(api, merchant.id, 'first');
    await cancel(api, first.id);
    const second = await notify(api, merchant.id, 'second');
    await cancel(api, second.id);
    const seen = await feed(api);
    expect(keys(seen)).toEqual(['first', 'second']);
    const resend = `/v1/deliveries/${first.deliveries[0]?.id}/resend`;
    await gateway.operator.post(resend, { reason: 'again' }).expect(202);
    expect(keys(await feed(api))).toEqual(['second']);
    expect(keys(await feed(api, `&cursor=${seen.nextCursor}`))).toEqual([]);
    await merchant.api.post(`/v1/notifications/${first.id}/ack`, {}).expect(200);
    expect((await feed(api, `&cursor=${seen.nextCursor}`)).data).toMatchObject([
      { businessKey: 'first', status: 'acknowledged' },
    ]);
    expect(keys(await feed(api))).toEqual(['second', 'first']);
  });

  describe('beside an older version, which knows nothing of the feed', () => {
    /** As a version before 0031 writes it. */
    const ended = (id: string) => gateway.db.database.prisma.$executeRaw`
      UPDATE delivery SET status = 'cancelled', reason = 'cancelled_by_request', due_at = NULL,
             settled_at = postrider_now() WHERE owner_id = ${id}`;
    const sentAgain = (id: string) => gateway.db.database.prisma.$executeRaw`
      UPDATE delivery SET status = 'pending', reason = NULL, settled_at = NULL, cycle = cycle + 1,
             due_at = postrider_now() WHERE owner_id = ${id}`;

    test('has what that one has ended', async () => {
      const { api, merchant } = await makeOwn();
      await ended((await notify(api, merchant.id, 'theirs')).id);
      await cancel(api, (await notify(api, merchant.id, 'ours')).id);
      expect(keys(await feed(api))).toEqual(['theirs', 'ours']);
    });

    test('lets go what that one sends again', async () => {
      const { api, merchant } = await makeOwn();
      const { id } = await notify(api, merchant.id, 'again');
      await cancel(api, id);
      const { nextCursor } = await feed(api);
      await sentAgain(id);
      expect(keys(await feed(api))).toEqual([]);
      await cancel(api, id);
      expect(keys(await feed(api, `&cursor=${nextCursor}`))).toEqual(['again']);
    });

    test('has what that one had made, also where it had ended before the upgrade', async () => {
      const { api, merchant } = await makeOwn();
      const [made, old] = [
        await notify(api, merchant.id, 'made'),
        await notify(api, merchant.id, 'old'),
      ];
      await gateway.db.database.prisma.$executeRaw`
        UPDATE delivery SET producer_key_id = NULL WHERE owner_id IN (${made.id}, ${old.id})`;
      await gateway.db.database.prisma.$executeRaw`
        UPDATE delivery SET status = 'delivered', due_at = NULL, settled_at = postrider_now(),
               settled_xid = 1 WHERE owner_id = ${old.id}`;
      await gateway.db.database.prisma.$executeRaw`
        UPDATE delivery SET producer_key_id = NULL, settled_xid = NULL WHERE owner_id = ${old.id}`;
      await cancel(api, made.id);
      expect(keys(await feed(api))).toEqual(['made']);
      const resend = `/v1/deliveries/${old.deliveries[0]?.id}/resend`;
      await gateway.operator.post(resend, { reason: 'again', force: true }).expect(202);
      await merchant.api.post(`/v1/notifications/${old.id}/ack`, {}).expect(200);
      expect(keys(await feed(api))).toEqual(['made', 'old']);
    });
  });

  test('nobody’s but one’s own; operators see all; the merchant has its own ways', async () => {
    const [ours, theirs] = [await makeOwn(), await makeOwn()];
    await cancel(ours.api, (await notify(ours.api, ours.merchant.id, 'ours')).id);
    await cancel(theirs.api, (await notify(theirs.api, ours.merchant.id, 'theirs')).id);
    expect(keys(await feed(ours.api))).toEqual(['ours']);
    expect(keys(await feed(theirs.api))).toEqual(['theirs']);
    const of = `&merchantId=${ours.merchant.id}`;
    expect(keys(await feed(gateway.operator, of))).toEqual(['ours', 'theirs']);
    const { body } = await ours.merchant.api.get('/v1/notifications?ended=true').expect(403);
    expect(body.code).toBe('forbidden');
  });

  test('a key for some merchants sees those of them alone', async () => {
    const [one, other] = [await gateway.merchant(), await gateway.merchant()];
    const make = async (merchants: string[]) => {
      const { body } = await gateway.operator
        .post('/v1/keys', { role: 'producer', name: 'p', merchants })
        .expect(201);
      return { id: body.id as string, api: gateway.as(body.key) };
    };
    const wide = await make([one.id, other.id]);
    for (const { id } of [one, other]) {
      await cancel(wide.api, (await notify(wide.api, id, id)).id);
    }
    expect(keys(await feed(wide.api))).toEqual([one.id, other.id]);
    // As it would be had the key been made for one of them.
    const scope = { merchantId: null, producerKeyId: wide.id, merchants: [other.id] };
    const page = await endsPage(gateway.db.database.prisma, scope, {}, { limit: 10 });
    expect(keys(page)).toEqual([other.id]);
  });

  test('with the filters of the list', async () => {
    const { api, merchant } = await makeOwn();
    const another = await gateway.merchant();
    await cancel(api, (await notify(api, merchant.id, 'a', { queue: 'other' })).id);
    await cancel(api, (await notify(api, another.id, 'b')).id);
    await merchant.api.post(
      `/v1/notifications/${(await notify(api, merchant.id, 'c')).id}/ack`,
      {},
    );
    expect(keys(await feed(api, '&queue=other'))).toEqual(['a']);
    expect(keys(await feed(api, `&merchantId=${another.id}`))).toEqual(['b']);
    expect(keys(await feed(api, '&status=acknowledged'))).toEqual(['c']);
    expect(keys(await feed(api, '&businessKey=a,c'))).toEqual(['a', 'c']);
    expect(keys(await feed(api, '&to=2020-01-01T00:00:00Z'))).toEqual([]);
  });

  test('no list takes another’s cursor, and both feeds at once make no sense', async () => {
    const { api, merchant } = await makeOwn();
    await cancel(api, (await notify(api, merchant.id, 'x')).id);
    await notify(api, merchant.id, 'y');
    const { nextCursor } = await feed(api);
    for (const query of [`cursor=${nextCursor}`, `undelivered=true&cursor=${nextCursor}`]) {
      const { body } = await api.get(`/v1/notifications?${query}`).expect(422);
      expect(body.errors).toMatchObject([{ path: 'query.cursor' }]);
    }
    const { body: open } = await api.get('/v1/notifications?undelivered=true').expect(200);
    await api.get(`/v1/notifications?ended=true&cursor=${open.nextCursor}`).expect(422);
    await api.get('/v1/notifications?ended=true&undelivered=true').expect(422);
  });

  test('waits for an end that is not committed yet, and with it for later ones', async () => {
    const { api, merchant } = await makeOwn();
    const [slow, quick] = [
      await notify(api, merchant.id, 'slow'),
      await notify(api, merchant.id, 'quick'),
    ];
    const client = await gateway.db.database.pool.connect();
    try {
      await client.query('BEGIN');
      await client.query(
        `UPDATE delivery SET status = 'cancelled', reason = 'cancelled_by_request', due_at = NULL,
                settled_at = postrider_now(), settled_xid = transaction_number() WHERE owner_id = $1`,
        [slow.id],
      );
      await cancel(api, quick.id);
      // Later, never wrong: what came after it must not be shown before it.
      expect(keys(await feed(api))).toEqual([]);
      await client.query('COMMIT');
    } finally {
      client.release();
    }
    expect(keys(await feed(api))).toEqual(['slow', 'quick']);
  });
});
