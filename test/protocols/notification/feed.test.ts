import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeCursor } from '../../../src/api/pagination.ts';
import { execute } from '../../support/database.ts';
import { type TestGateway, testGateway } from '../../support/gateway.ts';

describe('the feed of what is undelivered', () => {
  let gateway: TestGateway;
  let producer: Awaited<ReturnType<TestGateway['producer']>>;
  beforeAll(async () => {
    gateway = await testGateway();
    producer = await gateway.producer();
  });
  afterAll(() => gateway.close());

  type Api = TestGateway['operator'];
  const notify = async (merchantId: string, businessKey: string, more: object = {}) =>
    (
      await producer.api
        .post('/v1/notifications', { merchantId, type: 'a.b', businessKey, payload: {}, ...more })
        .expect(202)
    ).body;
  const feed = async (api: Api, query = '') =>
    (await api.get(`/v1/notifications?undelivered=true${query}`).expect(200)).body;
  const keys = (page: { data: { businessKey: string }[] }) =>
    page.data.map(({ businessKey }) => businessKey);

  test('is paged oldest first, each once', async () => {
    const { id, api } = await gateway.merchant();
    for (let n = 1; n <= 7; n += 1) await notify(id, `k${n}`);
    const seen: string[] = [];
    let cursor: string | null = null;
    for (;;) {
      const page: Awaited<ReturnType<typeof feed>> = await feed(
        api,
        `&limit=3${cursor ? `&cursor=${cursor}` : ''}`,
      );
      seen.push(...keys(page));
      cursor = page.nextCursor ?? cursor;
      if (!page.hasMore) break;
    }
    expect(seen).toEqual(['k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'k7']);

    expect(await feed(api, `&cursor=${cursor}`)).toEqual({
      data: [],
      nextCursor: null,
      hasMore: false,
    });
    await notify(id, 'k8');
    expect(keys(await feed(api, `&cursor=${cursor}`))).toEqual(['k8']);
  });

  test('a whole batch, which one transaction makes, is paged too', async () => {
    const { id, api } = await gateway.merchant();
    const notifications = Array.from({ length: 25 }, (_, n) => ({
      merchantId: id,
      type: 'a.b',
      businessKey: `k${n}`,
      payload: {},
    }));
    await producer.api.post('/v1/notifications/batch', { notifications }).expect(202);
    const first = await feed(api, '&limit=10');
    const second = await feed(api, `&limit=10&cursor=${first.nextCursor}`);
    const third = await feed(api, `&limit=10&cursor=${second.nextCursor}`);
    expect([first, second, third].map(({ hasMore }) => hasMore)).toEqual([true, true, false]);
    const all = [first, second, third].flatMap(keys);
    expect(new Set(all).size).toBe(25);
  });

  test('holds what is pending, sending, failed or skipped, and nothing else', async () => {
    const { id, api } = await gateway.merchant();
    const states = {
      pending: `due_at = postrider_now() + interval '1 hour', receiver_id = 'nobody',
                reason = NULL, settled_at = NULL, settled_xid = NULL`,
      sending: `lease_token = gen_random_uuid(), leased_at = postrider_now(), receiver_id = 'nobody',
                lease_until = postrider_now() + interval '1 hour', reason = NULL, settled_at = NULL, settled_xid = NULL`,
      failed: `reason = 'ladder_spent'`,
      skipped: `reason = 'no_endpoint'`,
      delivered: `reason = NULL`,
      acknowledged: `reason = 'confirmed_by_pull'`,
      cancelled: `reason = 'cancelled_by_request'`,
    };
    for (const [status, columns] of Object.entries(states)) {
      const { deliveries } = await notify(id, status);
      await execute(
        gateway.db.url,
        `UPDATE delivery SET status = '${status}', ${columns} WHERE id = '${deliveries[0].id}'`,
      );
    }
    expect(keys(await feed(api))).toEqual(['pending', 'sending', 'failed', 'skipped']);
    expect(keys(await feed(api, '&status=failed,skipped'))).toEqual(['failed', 'skipped']);
    expect(keys(await feed(api, '&status=delivered'))).toEqual([]);
  });

  test('one with several deliveries is there once, until the last of them is at its end', async () => {
    const { id, api } = await gateway.merchant();
    const url = 'http://127.0.0.1:1/';
    for (const path of ['a', 'b', 'c']) {
      const endpoint = await api
        .post(`/v1/merchants/${id}/endpoints`, { url: `${url}${path}` })
        .expect(201);
      await api.post(`/v1/endpoints/${endpoint.body.id}/pause`).expect(200);
    }
    const { deliveries } = await notify(id, 'three');
    await notify(id, 'next');
    expect(keys(await feed(api))).toEqual(['three', 'next']);
    const settle = (deliveryId: string) =>
      execute(
        gateway.db.url,
        `UPDATE delivery SET status = 'delivered', due_at = NULL, settled_at = postrider_now()
          WHERE id = '${deliveryId}'`,
      );
    await settle(deliveries[0].id);
    await settle(deliveries[2].id);
    expect(keys(await feed(api))).toEqual(['three', 'next']);
    await settle(deliveries[1].id);
    expect(keys(await feed(api))).toEqual(['next']);
  });

  test('one that is skipped keeps its place when endpoints come for it later', async () => {
    const { id, api } = await gateway.merchant();
    const { deliveries } = await notify(id, 'first');
    await notify(id, 'second');
    const { nextCursor } = await feed(api, '&limit=1');
    for (const path of ['a', 'b']) {
      const url = `http://127.0.0.1:1/${path}`;
      const { body } = await api.post(`/v1/merchants/${id}/endpoints`, { url }).expect(201);
      await api.post(`/v1/endpoints/${body.id}/pause`).expect(200);
    }
    await api.post(`/v1/deliveries/${deliveries[0].id}/resend`, { reason: 'now' }).expect(202);
    const all = await feed(api);
    expect(keys(all)).toEqual(['first', 'second']);
    expect(all.data[0].deliveries).toHaveLength(2);
    expect(keys(await feed(api, `&cursor=${nextCursor}`))).toEqual(['second']);
  });

  test('is bounded by the time of acceptance, and filtered as the list is', async () => {
    const { id, api } = await gateway.merchant();
    await notify(id, 'one', { type: 'payment.done' });
    const two = await notify(id, 'two', { type: 'refund.done' });
    const three = await notify(id, 'three', { type: 'payment.done' });
    expect(keys(await feed(api, `&from=${two.acceptedAt}`)).slice(-2)).toEqual(['two', 'three']);
    expect(keys(await feed(api, `&to=${three.acceptedAt}`))).not.toContain('three');
    expect(keys(await feed(api, '&type=payment.done'))).toEqual(['one', 'three']);
    expect(keys(await feed(api, '&businessKey=two,three'))).toEqual(['two', 'three']);
    expect(keys(await feed(api, '&queue=other'))).toEqual([]);
    await api.get('/v1/notifications?undelivered=perhaps').expect(422);
    const list = await api.get('/v1/notifications?undelivered=false').expect(200);
    expect(keys(list.body)).toEqual(['three', 'two', 'one']);
  });

  test('its cursors and those of the list are not taken for each other', async () => {
    const { id, api } = await gateway.merchant();
    for (const key of ['a', 'b']) await notify(id, key);
    const { nextCursor } = await feed(api, '&limit=1');
    const list = await api.get('/v1/notifications?limit=1').expect(200);
    await api.get(`/v1/notifications?cursor=${nextCursor}`).expect(422);
    await api.get(`/v1/notifications?undelivered=true&cursor=${list.body.nextCursor}`).expect(422);
    for (const key of ['feed:1:x', 'feed:-1:', `feed:${'9'.repeat(19)}:ntf_`, 'feed']) {
      await api.get(`/v1/notifications?undelivered=true&cursor=${encodeCursor(key)}`).expect(422);
    }
  });

  test('is a merchant’s own; producers see what they sent, operators all or whom they name', async () => {
    const one = await gateway.merchant();
    const other = await gateway.merchant();
    await notify(one.id, 'of-one');
    await notify(other.id, 'of-other');
    expect(keys(await feed(one.api))).toEqual(['of-one']);
    expect(keys(await feed(one.api, `&merchantId=${other.id}`))).toEqual([]);
    const both = `&merchantId=${other.id},${one.id}`;
    expect(keys(await feed(gateway.operator, both))).toEqual(['of-one', 'of-other']);
    expect(keys(await feed(gateway.operator, `&merchantId=${other.id}`))).toEqual(['of-other']);
    expect(keys(await feed(gateway.operator, `&limit=100`)).slice(-2)).toEqual([
      'of-one',
      'of-other',
    ]);
    expect(keys(await feed(producer.api, both))).toEqual(['of-one', 'of-other']);
    const stranger = await gateway.producer();
    expect(keys(await feed(stranger.api))).toEqual([]);
    const bound = await gateway.producer(one.id);
    expect(keys(await feed(bound.api, both))).toEqual([]);
  });

  test('a dump restored into a server whose transactions are numbered lower: cursors go on', async () => {
    const { id, api } = await gateway.merchant();
    for (const key of ['a', 'b', 'c']) await notify(id, key);
    const movedBy = 1_000_000_000;
    const asFromAnotherServer = `
      UPDATE delivery SET created_xid = created_xid + ${movedBy} WHERE merchant_id = '${id}';
      UPDATE transaction_numbers SET origin = 'another server'`;
    const { nextCursor } = await feed(api, '&limit=2');
    const [, xid, ntf] = Buffer.from(nextCursor, 'base64url').toString().split(':');
    const cursor = encodeCursor(`feed:${Number(xid) + movedBy}:${ntf}`);
    // And one that the other server gave after the dump had been made.
    const later = encodeCursor(`feed:${Number(xid) + 2 * movedBy}:${ntf}`);
    await gateway.stop();
    await execute(gateway.db.url, asFromAnotherServer);
    await gateway.start();
    expect(keys(await feed(api))).toEqual(['a', 'b', 'c']);
    await notify(id, 'd');
    expect(keys(await feed(api))).toEqual(['a', 'b', 'c', 'd']);
    expect(keys(await feed(api, `&cursor=${cursor}`))).toEqual(['c', 'd']);
    expect(keys(await feed(api, `&cursor=${later}`))).toEqual(['d']);

    await gateway.stop();
    await gateway.start();
    await notify(id, 'e');
    expect(keys(await feed(api, `&cursor=${later}`))).toEqual(['d', 'e']);
  });

  test('a database from a dump of a version without a base is seen to have moved as well', async () => {
    const { id, api } = await gateway.merchant();
    await notify(id, 'a');
    await gateway.stop();
    await execute(
      gateway.db.url,
      `UPDATE delivery SET created_xid = created_xid + 1e9 WHERE merchant_id = '${id}';
       DELETE FROM transaction_numbers`,
    );
    await gateway.start();
    await notify(id, 'b');
    expect(keys(await feed(api))).toEqual(['a', 'b']);
  });

  test('a cursor of a future that was lost with a disk is refused', async () => {
    const { api } = await gateway.merchant();
    const cursor = encodeCursor(`feed:999999999999999999:ntf_${'0'.repeat(26)}`);
    const refused = await api.get(`/v1/notifications?undelivered=true&cursor=${cursor}`);
    expect(refused).toMatchObject({ status: 422, body: { code: 'cursor_expired' } });
  });
});
