import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type TestGateway, testGateway } from '../support/gateway.ts';
import { type GatewayProcess, spawnGateway } from '../support/process.ts';
import { hang, hold, type Receiver, startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

const LADDER = {
  ladderSeconds: [0, 1, 1, 1, 1, 1],
  deadlineSeconds: 300,
  jitter: 0,
  timeoutMs: 1000,
};

// Two worker processes on one database: what one claims, the other must know of.
let gateway: TestGateway;
let workers: GatewayProcess[];
let receiver: Receiver;
let merchant: Awaited<ReturnType<TestGateway['merchant']>>;

beforeAll(async () => {
  gateway = await testGateway({ roles: ['api'] });
  workers = await Promise.all([spawnWorker(), spawnWorker()]);
  await gateway.operator.put('/v1/queues/limits', LADDER).expect(200);
});
afterAll(async () => {
  const ends = await Promise.all(workers.map((worker) => worker.kill('SIGTERM')));
  // Such as of listeners that are never taken away.
  for (const { stderr } of ends) expect(stderr).not.toContain('Warning');
  await gateway.close();
});
beforeEach(async () => {
  receiver = await startReceiver();
  merchant = await gateway.merchant();
});
afterEach(() => receiver.close());

function spawnWorker(): Promise<GatewayProcess> {
  return spawnGateway({
    env: {
      DATABASE_URL: gateway.db.url,
      ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
      ROLES: 'worker',
      ALLOW_PRIVATE_TARGETS: 'true',
    },
  });
}

const attemptsBy = (worker: GatewayProcess) => worker.stdout().split('"msg":"attempt"').length - 1;

async function register(more: object = {}) {
  const { body } = await merchant.api
    .post(`/v1/merchants/${merchant.id}/endpoints`, {
      url: receiver.url(),
      queue: 'limits',
      ...more,
    })
    .expect(201);
  return body.id as string;
}

async function notify(count: number): Promise<void> {
  const notifications = Array.from({ length: count }, (_, n) => ({
    merchantId: merchant.id,
    type: 'payment.succeeded',
    businessKey: `K-${n}`,
    payload: {},
  }));
  const { body } = await gateway.operator
    .post('/v1/notifications/batch', { notifications })
    .expect(202);
  expect(body.data.every((item: { status: number }) => item.status === 202)).toBe(true);
}

const inState = async (status: string) => {
  const [row] = await gateway.db.database.prisma.$queryRaw<{ n: number }[]>`
    SELECT count(*)::int AS n FROM delivery WHERE merchant_id = ${merchant.id} AND status = ${status}`;
  return row?.n ?? 0;
};
const circuit = async (id: string) =>
  (await merchant.api.get(`/v1/endpoints/${id}`)).body.circuit.state;

/** How many attempts the deliveries had that ended so, each number once. */
async function attemptCounts(): Promise<Record<string, number[]>> {
  const rows = await gateway.db.database.prisma.$queryRaw<{ reason: string; counts: number[] }[]>`
    SELECT reason, array_agg(DISTINCT attempt_count ORDER BY attempt_count) AS counts
      FROM delivery WHERE merchant_id = ${merchant.id} GROUP BY 1`;
  return Object.fromEntries(rows.map(({ reason, counts }) => [reason, counts]));
}

test('never more attempts at once than the endpoint allows, over both workers', async () => {
  receiver.answer({ status: 200, delayMs: 20 });
  await register({ maxInFlight: 8 });
  // Whoever begins with a receiver tends to go on with it: more rounds, until both have had their share.
  const before = workers.map(attemptsBy);
  let sent = 0;
  await until(
    async () => {
      await notify(100);
      sent += 100;
      await until(async () => (await inState('delivered')) === sent);
      return workers.every((worker, n) => attemptsBy(worker) > (before[n] ?? 0));
    },
    { what: 'both workers to take part' },
  );
  expect(receiver.maxInFlight).toBe(8);
  expect(receiver.requests).toHaveLength(sent);
});

test('an endpoint’s own limit never lifts the one of its queue', async () => {
  await gateway.operator
    .put('/v1/queues/narrow', { ...LADDER, maxInFlightPerEndpoint: 3 })
    .expect(200);
  receiver.answer({ status: 200, delayMs: 50 });
  await register({ queue: 'narrow', maxInFlight: 50 });
  await notify(30);
  await until(async () => (await inState('delivered')) === 30);
  expect(receiver.maxInFlight).toBe(3);
});

test('many starts that wait for their turn at once', async () => {
  await register({ ratePerSecond: 500 });
  await notify(200);
  await receiver.waitFor(200);
});

test('never more starts a second than the endpoint allows, over both workers', async () => {
  await register({ ratePerSecond: 20 });
  await notify(60);
  await receiver.waitFor(60);
  const mostInOneSecond = (times: number[]) =>
    Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + 1000).length));
  const starts = await gateway.db.database.prisma.$queryRaw<{ at: Date }[]>`
    SELECT a.started_at AS at FROM attempt AS a JOIN delivery AS d ON d.id = a.delivery_id
     WHERE d.merchant_id = ${merchant.id} ORDER BY 1`;
  expect(mostInOneSecond(starts.map(({ at }) => at.getTime()))).toBeLessThanOrEqual(21);
  // The receiver's own clock stands still while its process does: what came meanwhile comes at once.
  const times = receiver.requests.map(({ at }) => at);
  expect(mostInOneSecond(times)).toBeLessThanOrEqual(25);
  // And it is used: 60 starts at 20/s take three seconds, not many more.
  expect((times.at(-1) as number) - (times[0] as number)).toBeLessThan(4500);
});

test('a receiver that hangs opens its circuit: probed one at a time, the rest waits unburnt', async () => {
  receiver.answer(hang);
  const id = await register({ maxInFlight: 5 });
  await notify(40);
  await until(async () => (await circuit(id)) === 'open', { timeoutMs: 15_000 });
  const untried = await inState('pending');
  expect(untried).toBeGreaterThan(15);
  const { body: waiting } = await merchant.api.get('/v1/deliveries?status=pending');
  const reasons = waiting.data.map(({ reason }: { reason: string | null }) => reason);
  expect(reasons).toContain('circuit_open');
  receiver.answer(200);
  await until(async () => (await inState('delivered')) === 40, { timeoutMs: 20_000 });
  expect(await circuit(id)).toBe('closed');
}, 40_000);

test('failures that come quickly open no circuit: each delivery has all of its rungs', async () => {
  await gateway.operator
    .put('/v1/queues/quick', { ...LADDER, ladderSeconds: [0, 1, 1], deadlineSeconds: 60 })
    .expect(200);
  receiver.answer(500);
  const id = await register({ queue: 'quick' });
  await notify(60);
  await until(async () => (await inState('failed')) === 60, { timeoutMs: 30_000 });
  expect(await attemptCounts()).toEqual({ ladder_spent: [3] });
  expect(await circuit(id)).toBe('closed');
});

test('behind an open circuit each delivery is tried before its deadline', async () => {
  await gateway.operator
    .put('/v1/queues/hung', {
      ...LADDER,
      ladderSeconds: [0, 4, 4],
      deadlineSeconds: 20,
      timeoutMs: 500,
    })
    .expect(200);
  receiver.answer(hang);
  const id = await register({ queue: 'hung', maxInFlight: 5 });
  await notify(40);
  await until(async () => (await circuit(id)) === 'open', { timeoutMs: 15_000 });
  await until(async () => (await inState('failed')) === 40, { timeoutMs: 30_000 });
  const [least = 0] = Object.values(await attemptCounts())
    .flat()
    .toSorted();
  expect(least).toBeGreaterThan(0);
});

test('one that asks for less gets less: after a 503 fewer at once, until successes lift it', async () => {
  const full = hold(503);
  receiver.answer(full);
  await register({ maxInFlight: 16 });
  await notify(60);
  await receiver.waitFor(16);
  full.release();
  // 16 refusals in a few batches: what is allowed now is a half, a quarter, an eighth …
  const [row] = await until(async () => {
    const rows = await gateway.db.database.prisma.$queryRaw<{ allowance: number | null }[]>`
      SELECT r.allowance FROM receiver AS r JOIN endpoint AS e USING (id)
       WHERE e.merchant_id = ${merchant.id} AND r.allowance IS NOT NULL`;
    return rows.length > 0 ? rows : null;
  });
  expect(row?.allowance).toBeLessThanOrEqual(8);
  receiver.answer(200);
  await until(async () => (await inState('delivered')) === 60, { timeoutMs: 20_000 });
  const lifted = await gateway.db.database.prisma.$queryRaw<{ allowance: number | null }[]>`
    SELECT r.allowance FROM receiver AS r JOIN endpoint AS e USING (id) WHERE e.merchant_id = ${merchant.id}`;
  expect(lifted).toEqual([{ allowance: null }]);
});

test('Retry-After holds the whole endpoint, and nothing is lost meanwhile', async () => {
  receiver.answer([{ status: 429, headers: { 'retry-after': '2' } }, 200]);
  const id = await register({ maxInFlight: 1 });
  await notify(5);
  const [first] = await receiver.waitFor(1);
  await until(async () => (await circuit(id)) === 'open');
  await until(async () => (await inState('delivered')) === 5);
  const secondAt = receiver.requests[1]?.at as number;
  const heldMs = secondAt - (first?.at as number);
  expect(heldMs).toBeGreaterThanOrEqual(1900);
  // When it is over, somebody is awake; it is not left to the sweep.
  expect(heldMs).toBeLessThan(4000);
});

test('a Retry-After longer than the delivery lives leaves it its last call', async () => {
  await gateway.operator
    .put('/v1/queues/brief', { ...LADDER, ladderSeconds: [0, 1, 1], deadlineSeconds: 12 })
    .expect(200);
  receiver.answer([{ status: 503, headers: { 'retry-after': '3600' } }, 200]);
  await register({ queue: 'brief' });
  await notify(1);
  await until(async () => (await inState('delivered')) === 1, { timeoutMs: 20_000 });
  expect(receiver.requests).toHaveLength(2);
});

test('neighbours at one origin are not held by what one address asks for, nor by one that is dead', async () => {
  const send = (path: string, count: number) =>
    gateway.operator
      .post('/v1/notifications/batch', {
        notifications: Array.from({ length: count }, (_, n) => ({
          merchantId: merchant.id,
          type: 'payment.succeeded',
          businessKey: `${path}-${n}`,
          payload: {},
          queue: 'limits',
          notifyUrl: receiver.url(path),
        })),
      })
      .expect(202);
  receiver.answer({ status: 429, headers: { 'retry-after': '30' } }, '/busy');
  receiver.answer(hang, '/hangs');
  await send('/busy', 1);
  await receiver.waitFor(1);
  await send('/hangs', 12);
  await receiver.waitFor(20);
  await send('/healthy', 1);
  await receiver.waitFor(({ path }) => path === '/healthy', 5000);
  const [origin] = await gateway.db.database.prisma.$queryRaw<object[]>`
    SELECT open_until, allowance, pauses FROM receiver WHERE id IN
      (SELECT receiver_id FROM delivery WHERE merchant_id = ${merchant.id})`;
  expect(origin).toEqual({ open_until: null, allowance: null, pauses: 0 });
});

test('410 disables the endpoint until somebody resumes it', async () => {
  receiver.answer([410, 200]);
  const id = await register({ maxInFlight: 1 });
  await notify(3);
  const disabled = await until(async () => {
    const { body } = await merchant.api.get(`/v1/endpoints/${id}`);
    return body.status === 'disabled' ? body : null;
  });
  expect(disabled.disabledReason).toBe('gone');
  expect(await inState('failed')).toBe(1);
  await merchant.api.post(`/v1/endpoints/${id}/resume`).expect(200);
  await until(async () => (await inState('delivered')) === 2);
});

test('new notifications go before retries', async () => {
  receiver.answer(500);
  await gateway.operator
    .put('/v1/queues/order', { ...LADDER, ladderSeconds: [0, 1, 30] })
    .expect(200);
  const id = await register({ maxInFlight: 1, queue: 'order' });
  await notify(3);
  await receiver.waitFor(3);
  await merchant.api.post(`/v1/endpoints/${id}/pause`).expect(200);
  // The retries are due by now, and the new ones come later still.
  await until(async () => {
    const [row] = await gateway.db.database.prisma.$queryRaw<{ n: number }[]>`
      SELECT count(*)::int AS n FROM delivery
       WHERE merchant_id = ${merchant.id} AND status = 'pending' AND due_at <= postrider_now()`;
    return row?.n === 3;
  });
  await notify(3);
  receiver.answer(200);
  await merchant.api.post(`/v1/endpoints/${id}/resume`).expect(200);
  await receiver.waitFor(9);
  const attempts = receiver.requests.slice(3).map(({ headers }) => headers['postrider-attempt']);
  expect(attempts).toEqual(['1', '1', '1', '2', '2', '2']);
});
