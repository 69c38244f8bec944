import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { describeBackends } from '../../support/backends.ts';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { hang, type Receiver, startReceiver } from '../../support/receiver.ts';
import { becomes, branch, calls, passPause, view } from './participants.ts';

/** From a 425 to the next time of asking. */
const PATIENCE_MS = 5_000;

describeBackends('a managed transaction', (backend) => {
  let gateway: TestGateway;
  let producer: Awaited<ReturnType<TestGateway['producer']>>;
  let shop: Receiver;

  beforeAll(async () => {
    gateway = await testGateway({ backend: backend(), sweepEveryMs: 200 });
    producer = await gateway.producer();
  });
  afterAll(() => gateway.close());
  beforeEach(async () => {
    shop = await startReceiver();
  });
  afterEach(() => shop.close());

  const begin = async (branchIds: string[], more: object = {}) =>
    (
      await producer.api
        .post('/v1/transactions', {
          businessKey: 'ORDER-1',
          mode: 'managed',
          branches: branchIds.map((id) => branch(shop, id)),
          ...more,
        })
        .expect(201)
    ).body;

  test('all tries succeed: every branch is confirmed, in the order of registration', async () => {
    const { gid, status } = await begin(['stock', 'points', 'order']);
    expect(status).toBe('trying');
    const done = await becomes(producer.api, gid, 'confirmed');
    expect(calls(shop).slice(0, 3).sort()).toEqual(['/order/try', '/points/try', '/stock/try']);
    expect(calls(shop).slice(3)).toEqual(['/stock/confirm', '/points/confirm', '/order/confirm']);
    expect(done).toMatchObject({ decision: 'confirm', cause: null, suspendedAt: null });
    expect(done.branches).toMatchObject([
      { branchId: 'stock', status: 'confirmed', calls: [{ op: 'try' }, { op: 'confirm' }] },
      { branchId: 'points', status: 'confirmed' },
      { branchId: 'order', status: 'confirmed' },
    ]);
    expect(done.branches[0].calls[1].attempts).toMatchObject([{ number: 1, outcome: 'success' }]);
  });

  test('a branch is told which call this is, with its own payload, signed by the producer’s secret', async () => {
    const text = '{"quantity":5,"order":12345678901234567890}';
    const branches = JSON.stringify([{ ...branch(shop, 'stock'), payload: 0 }]);
    const body = `{"gid":"G-1","businessKey":"B","mode":"managed","branches":${branches.replace('"payload":0', `"payload":${text}`)}}`;
    await producer.api
      .post('/v1/transactions', body, { 'content-type': 'application/json' })
      .expect(201);
    await becomes(producer.api, 'G-1', 'confirmed');
    const [tried, confirmed] = shop.requests;
    for (const [op, request] of Object.entries({ try: tried, confirm: confirmed })) {
      expect(request?.headers).toMatchObject({
        'postrider-gid': 'G-1',
        'postrider-branch': 'stock',
        'postrider-op': op,
      });
      expect(request?.body).toBe(text);
      new Webhook(producer.callbackSecret).verify(
        request?.body ?? '',
        request?.headers as Record<string, string>,
      );
    }
    // Only this of a request's head is signed.
    expect(tried?.headers['webhook-id']).toBe('G-1:stock:try');
    expect(confirmed?.headers['webhook-id']).toBe('G-1:stock:confirm');
  });

  test('numbers that no double holds are told apart, and shown as they were written', async () => {
    const given = (payload: string) =>
      JSON.stringify({
        gid: 'G-exact',
        businessKey: 'B',
        mode: 'managed',
        branches: [{ ...branch(shop, 'stock'), payload: 0 }],
      }).replace('"payload":0', `"payload":${payload}`);
    const post = (payload: string) =>
      producer.api.post('/v1/transactions', given(payload), { 'content-type': 'application/json' });
    const payload = '{"account":9007199254740993,"most":1e400}';
    expect((await post(payload).expect(201)).text).toContain(payload);
    await post(payload).expect(200);
    expect((await post(payload.replace('993', '992')).expect(409)).body.code).toBe(
      'transaction_conflict',
    );
    for (const path of ['/v1/transactions/G-exact', '/v1/transactions?businessKey=B']) {
      expect((await producer.api.get(path).expect(200)).text).toContain(payload);
    }
  });

  test('a try that says no: every branch is cancelled, in the reverse order, that one too', async () => {
    shop.answer(409, '/points/try');
    const { gid } = await begin(['stock', 'points', 'order']);
    const done = await becomes(producer.api, gid, 'cancelled');
    expect(done).toMatchObject({ decision: 'cancel', cause: 'try_failed' });
    const cancels = calls(shop).filter((path) => path.endsWith('/cancel'));
    expect(cancels).toEqual(['/order/cancel', '/points/cancel', '/stock/cancel']);
    expect(calls(shop).filter((path) => path === '/points/try')).toHaveLength(1);
  });

  test.each([
    ['answers 500', 500],
    ['answers 404', 404],
    ['answers 302', { status: 302, headers: { location: '/elsewhere' } }],
  ])('a try that %s is called once, and all are cancelled', async (_name, answer) => {
    shop.answer(answer, '/stock/try');
    const { gid } = await begin(['stock', 'points']);
    const done = await becomes(producer.api, gid, 'cancelled');
    expect(done.cause).toBe('try_failed');
    expect(done.branches[0].calls[0]).toMatchObject({ op: 'try', attemptCount: 1 });
    expect(calls(shop).filter((path) => path === '/stock/try')).toHaveLength(1);
  });

  test('a try that never answers is given five seconds; then its branch is cancelled as well', async () => {
    shop.answer(hang, '/stock/try');
    const { gid } = await begin(['stock', 'points']);
    await shop.waitFor(({ path }) => path === '/stock/cancel');
    const done = await becomes(producer.api, gid, 'cancelled');
    expect(done.branches[0].calls[0].attempts).toMatchObject([{ outcome: 'timeout' }]);
    expect(done.branches[0].calls[0].attempts[0].durationMs).toBeGreaterThanOrEqual(4_900);
  });

  test('a try that answers 425 is asked again until it knows', async () => {
    shop.answer([425, 200], '/stock/try');
    const { gid } = await begin(['stock']);
    await passPause(
      { api: producer.api, db: gateway.db, gid },
      { op: 'try', attempts: 1, ms: PATIENCE_MS },
    );
    await becomes(producer.api, gid, 'confirmed');
    expect(calls(shop)).toEqual(['/stock/try', '/stock/try', '/stock/confirm']);
  });

  test('a try that is still at it when the time is up is cancelled', async () => {
    shop.answer(425, '/stock/try');
    const { gid } = await begin(['stock'], { timeoutSeconds: 2 });
    const done = await becomes(producer.api, gid, 'cancelled');
    expect(calls(shop).at(-1)).toBe('/stock/cancel');
    expect(['timed_out', 'try_failed']).toContain(done.cause);
  });

  test('is not confirmed by hand while its tries are under way; it may be cancelled', async () => {
    shop.answer(425, '/stock/try');
    const { gid } = await begin(['stock']);
    const refused = await producer.api.post(`/v1/transactions/${gid}/confirm`).expect(409);
    expect(refused.body.code).toBe('tries_pending');
    await producer.api
      .post(`/v1/transactions/${gid}/cancel?waitMs=5000`, { reason: 'customer left' })
      .expect(200);
    expect(await view(producer.api, gid)).toMatchObject({
      status: 'cancelled',
      cause: 'requested',
      reason: 'customer left',
    });
  });

  test('the same transaction again is the same one; with other content it is a conflict', async () => {
    const input = {
      gid: 'G-again',
      businessKey: 'ORDER-1',
      mode: 'managed',
      branches: [branch(shop, 'stock')],
    };
    await producer.api.post('/v1/transactions', input).expect(201);
    await becomes(producer.api, 'G-again', 'confirmed');
    const again = await producer.api.post('/v1/transactions', input).expect(200);
    expect(again.body.status).toBe('confirmed');
    const other = await producer.api
      .post('/v1/transactions', { ...input, businessKey: 'ORDER-2' })
      .expect(409);
    expect(other.body.code).toBe('transaction_conflict');
    const stranger = await gateway.producer();
    await stranger.api.get('/v1/transactions/G-again').expect(404);
    expect(calls(shop)).toEqual(['/stock/try', '/stock/confirm']);
  });

  test('is refused without a branch, without a try, with one branch twice, to a bad address', async () => {
    const refused = async (branches: object[]) =>
      (
        await producer.api
          .post('/v1/transactions', { businessKey: 'B', mode: 'managed', branches })
          .expect(422)
      ).body.errors[0].path;
    expect(await refused([])).toBe('body.branches');
    const { tryUrl: _try, ...withoutTry } = branch(shop, 'a');
    expect(await refused([withoutTry])).toBe('body.branches.0.tryUrl');
    expect(await refused([branch(shop, 'a'), branch(shop, 'a')])).toBe('body.branches.1.branchId');
    const bad = { ...branch(shop, 'a'), cancelUrl: 'ftp://nowhere' };
    expect(await refused([bad])).toBe('body.branches.0.cancelUrl');
  });

  test('producers list their own, by key, state and page; merchants and strangers see nothing', async () => {
    const mine = await gateway.producer();
    const input = { businessKey: 'ORDER-L', mode: 'initiator' };
    for (let n = 0; n < 3; n += 1) await mine.api.post('/v1/transactions', input).expect(201);
    const first = (await mine.api.get('/v1/transactions?businessKey=ORDER-L&limit=2')).body;
    const rest = (await mine.api.get(`/v1/transactions?limit=2&cursor=${first.nextCursor}`)).body;
    const gids = [...first.data, ...rest.data].map(({ gid }: { gid: string }) => gid);
    expect(gids).toHaveLength(3);
    expect([...gids].sort().reverse()).toEqual(gids);
    expect((await mine.api.get('/v1/transactions?status=confirmed')).body.data).toEqual([]);
    expect((await producer.api.get('/v1/transactions?businessKey=ORDER-L')).body.data).toEqual([]);
    expect(
      (await gateway.operator.get('/v1/transactions?businessKey=ORDER-L')).body.data,
    ).toHaveLength(3);
    const merchant = await gateway.merchant();
    await merchant.api.get('/v1/transactions').expect(403);
  });
});
