import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestGateway, testGateway } from '../../support/gateway.ts';

let gateway: TestGateway;
let merchant: Awaited<ReturnType<TestGateway['merchant']>>;

beforeAll(async () => {
  gateway = await testGateway();
  merchant = await gateway.merchant();
});
afterAll(() => gateway.close());

async function notify(count: number, more: object = {}): Promise<string[]> {
  const notifications = Array.from({ length: count }, (_, n) => ({
    merchantId: merchant.id,
    type: 'payment.succeeded',
    businessKey: `K-${n}`,
    payload: {},
    ...more,
  }));
  const { body } = await gateway.operator
    .post('/v1/notifications/batch', { notifications })
    .expect(202);
  return body.data.map((item: { notification: { id: string } }) => item.notification.id);
}

async function readAll(
  path: string,
  between: () => Promise<unknown> = async () => {},
  api = merchant.api,
) {
  const rows: { id: string }[] = [];
  let cursor = '';
  for (;;) {
    const { body } = await api
      .get(`${path}${path.includes('?') ? '&' : '?'}limit=7${cursor}`)
      .expect(200);
    rows.push(...body.data);
    if (!body.hasMore) return rows.map(({ id }) => id);
    cursor = `&cursor=${body.nextCursor}`;
    await between();
  }
}

test('a list neither skips nor repeats rows while others arrive, newest first', async () => {
  const ids = await notify(40);
  const seen = await readAll('/v1/notifications', () => notify(5));
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen).toEqual(seen.toSorted().reverse());
  expect(ids.filter((id) => !seen.includes(id))).toEqual([]);
});

test('filters take one value or several', async () => {
  const refunds = await notify(3, { type: 'refund.succeeded', businessKey: 'R' });
  const holds = await notify(2, { type: 'hold.placed', businessKey: 'H' });
  const both = await readAll('/v1/notifications?type=refund.succeeded,hold.placed');
  expect(both.toSorted()).toEqual([...refunds, ...holds].toSorted());
  expect((await readAll('/v1/notifications?businessKey=R')).toSorted()).toEqual(refunds.toSorted());
  expect(await readAll('/v1/notifications?type=hold.placed&status=delivered')).toEqual([]);
  expect((await readAll('/v1/notifications?type=hold.placed&status=skipped,failed')).length).toBe(
    2,
  );
  const deliveries = await readAll('/v1/deliveries?businessKey=H,R&status=skipped');
  expect(deliveries).toHaveLength(5);
});

test('a key with commas is found by itself, and beside others that are given again', async () => {
  const [whole] = await notify(1, { businessKey: 'A-1,B-2' });
  const [part] = await notify(1, { businessKey: 'B-2' });
  expect((await readAll('/v1/notifications?businessKey=A-1,B-2')).toSorted()).toEqual(
    [whole, part].toSorted(),
  );
  const again = '/v1/notifications?businessKey=A-1,B-2&businessKey=nobody';
  expect(await readAll(again)).toEqual([whole]);
});

test.each(['a\nb', 'a\r', '\u202egnp.exe', 'a\u2066b', '\u0085'])(
  'a key may not hold what a log or a list cannot show: %j',
  async (businessKey) => {
    const { body } = await gateway.operator
      .post('/v1/notifications', { merchantId: merchant.id, type: 'a.b', businessKey, payload: {} })
      .expect(422);
    expect(body.errors).toMatchObject([{ path: 'body.businessKey' }]);
  },
);

test('a producer pages through what it sent, each delivery once, the newest notification first', async () => {
  const two = await gateway.merchant();
  await gateway.operator.put('/v1/queues/later', { ladderSeconds: [3600] }).expect(200);
  for (const path of ['/a', '/b']) {
    await two.api
      .post(`/v1/merchants/${two.id}/endpoints`, {
        url: `http://127.0.0.1:9${path}`,
        queue: 'later',
      })
      .expect(201);
  }
  const { api } = await gateway.producer();
  const send = async (from: typeof api, n: number) => {
    const event = { merchantId: two.id, type: 'a.b', businessKey: `P-${n}`, payload: {} };
    const { body } = await from.post('/v1/notifications', event).expect(202);
    return body.deliveries.map(({ id }: { id: string }) => id) as string[];
  };
  const sent: string[][] = [];
  for (let n = 0; n < 11; n += 1) {
    sent.push((await send(api, n)).toSorted().reverse());
    await send(gateway.operator, n);
  }
  const newestFirst = sent.toReversed().flat();
  const more = () => send(api, 99);
  expect(await readAll('/v1/deliveries', more, api)).toEqual(newestFirst);
  const filters = `businessKey=P-3,P-4,P-5,P-6,P-7&merchantId=${two.id}&queue=later`;
  const some = sent.slice(3, 8).toReversed().flat();
  expect(await readAll(`/v1/deliveries?${filters}&status=pending`, more, api)).toEqual(some);
  expect(await readAll(`/v1/deliveries?${filters}`, more, api)).toEqual(some);
  expect(await readAll('/v1/deliveries?status=delivered', more, api)).toEqual([]);
});

test('from and to bound the acceptance', async () => {
  const [id] = await notify(1, { businessKey: 'T' });
  const { body } = await merchant.api.get(`/v1/notifications/${id}`).expect(200);
  const at = body.acceptedAt as string;
  const later = new Date(Date.parse(at) + 1).toISOString();
  expect(await readAll(`/v1/notifications?businessKey=T&from=${at}&to=${later}`)).toEqual([id]);
  expect(await readAll(`/v1/notifications?businessKey=T&from=${later}`)).toEqual([]);
  expect(await readAll(`/v1/notifications?businessKey=T&to=${at}`)).toEqual([]);
});

test.each([
  'limit=0',
  'limit=101',
  'cursor=%00',
  'cursor=abc!',
  'status=lost',
  'from=yesterday',
  'colour=red',
])('refuses ?%s with a clear error', async (query) => {
  const { status, body } = await merchant.api.get(`/v1/notifications?${query}`);
  expect(status).toBe(422);
  expect(body.errors[0].path).toContain(`query`);
});

test('the same event again is the same notification; with other content a conflict', async () => {
  const event = {
    merchantId: merchant.id,
    type: 'a.b',
    businessKey: 'E',
    eventId: 'evt-1',
    payload: { a: 1, b: 2 },
  };
  const first = await gateway.operator.post('/v1/notifications', event).expect(202);
  const again = await gateway.operator
    .post('/v1/notifications', { ...event, payload: { b: 2, a: 1 } })
    .expect(200);
  expect(again.body.id).toBe(first.body.id);
  const other = await gateway.operator
    .post('/v1/notifications', { ...event, payload: {} })
    .expect(409);
  expect(other.body.code).toBe('event_conflict');
  const { body } = await gateway.operator
    .post('/v1/notifications/batch', { notifications: [event, { ...event, businessKey: 'X' }] })
    .expect(202);
  expect(body.data.map((item: { status: number }) => item.status)).toEqual([200, 409]);
});

test('payloads that differ only beyond what a double holds are other content', async () => {
  const send = (payload: string) =>
    gateway.operator.post(
      '/v1/notifications',
      `{"merchantId":"${merchant.id}","type":"a.b","businessKey":"N","eventId":"evt-n","payload":${payload}}`,
    );
  const first = await send('{"id":12345678901234567890,"list":[1.50,{"b":1e2,"a":-0}]}').expect(
    202,
  );
  // The order of names, spaces, and the way a number is written do not matter, as ever.
  const again = await send(
    '{ "list": [15e-1, {"a": 0, "b": 100.0}], "id": 1234567890123456789.0E1 }',
  ).expect(200);
  expect(again.body.id).toBe(first.body.id);
  for (const id of ['12345678901234567891', '12345678901234567000', '"12345678901234567890"']) {
    await send(`{"id":${id},"list":[1.5,{"a":0,"b":100}]}`).expect(409);
  }
});

test('fifty clients that send the same event at once make one notification', async () => {
  const event = {
    merchantId: merchant.id,
    type: 'a.b',
    businessKey: 'F',
    eventId: 'evt-2',
    payload: {},
  };
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => gateway.operator.post('/v1/notifications', event)),
  );
  expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(49);
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
});
