import type { PoolClient } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { OPERATOR_KEY, type TestGateway, testGateway } from '../../support/gateway.ts';
import { until } from '../../support/until.ts';

let gateway: TestGateway;
let merchantId: string;
/** While it is held nothing is stored. */
let lock: PoolClient;

beforeAll(async () => {
  gateway = await testGateway();
  merchantId = (await gateway.merchant()).id;
  // The key is known from here on: what waits now, waits to be stored.
  await offer('FIRST').answer;
});
afterAll(() => gateway.close());
beforeEach(async () => {
  lock = await gateway.db.database.pool.connect();
  await lock.query('BEGIN; LOCK TABLE notification IN ACCESS EXCLUSIVE MODE');
});
afterEach(async () => {
  await lock.query('ROLLBACK');
  lock.release();
});

/** One call; `leave` hangs up. The status is null where nobody waited for it. */
function offer(businessKey: string, idempotencyKey?: string) {
  const leaving = new AbortController();
  const answer = fetch(`${gateway.url}/v1/notifications`, {
    method: 'POST',
    signal: leaving.signal,
    headers: {
      authorization: `Bearer ${OPERATOR_KEY}`,
      'content-type': 'application/json',
      connection: 'close',
      ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
    },
    body: JSON.stringify({ merchantId, type: 'a', businessKey, payload: {} }),
  }).then(
    async (response) => {
      await response.text();
      return response.status;
    },
    () => null,
  );
  return { answer, leave: () => leaving.abort() };
}

const offers = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, n) => offer(`${prefix}-${n}`));

async function stored(prefix: string): Promise<number> {
  const rows = await gateway.db.database.prisma.notification.findMany({
    where: { businessKey: { startsWith: `${prefix}-` } },
    select: { businessKey: true },
  });
  return rows.length;
}

/** As many wait for the lock as there are statements at a time. */
async function pileUp() {
  await until(async () => {
    const { rows } = await lock.query(
      `SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted AND relation = 'notification'::regclass`,
    );
    return rows[0].n >= 2;
  });
}

test('calls that pile up behind the database are refused, and what was told 202 is stored', async () => {
  const counts = { 202: 0, 503: 0 } as Record<string, number>;
  const calls = offers('PILE', 400).map(async ({ answer }) => {
    const status = String(await answer);
    counts[status] = (counts[status] ?? 0) + 1;
  });
  // More than may be at work are told at once, while nothing moves.
  await until(() => (counts[503] ?? 0) >= 100);
  await lock.query('ROLLBACK');
  await Promise.all(calls);
  expect(Object.keys(counts).sort()).toEqual(['202', '503']);
  expect(await stored('PILE')).toBe(counts[202]);
  expect(await offer('PILE-AFTER').answer).toBe(202);
});

test('what waits too long for its turn is refused, and its Idempotency-Key stays good', async () => {
  const busy = offers('BUSY', 3);
  await pileUp();
  const late = offer('LATE-0', 'the-key');
  expect(await late.answer).toBe(503);
  await lock.query('ROLLBACK');
  await Promise.all(busy.map(({ answer }) => answer));
  expect(await stored('LATE')).toBe(0);
  expect(await offer('LATE-0', 'the-key').answer).toBe(202);
  expect(await stored('LATE')).toBe(1);
});

test('what waits for a caller who hangs up is not stored', async () => {
  const busy = offers('HELD', 3);
  await pileUp();
  const left = offers('LEFT', 50);
  const open = () => gateway.as(OPERATOR_KEY).get('/metrics');
  const inFlight = async () =>
    Number(/calls_in_flight\{lane="intake",bound="used"\} (\d+)/.exec((await open()).text)?.[1]);
  await until(async () => (await inFlight()) >= 50);
  for (const { leave } of left) leave();
  await Promise.all(left.map(({ answer }) => answer));
  await lock.query('ROLLBACK');
  await Promise.all(busy.map(({ answer }) => answer));
  await until(async () => (await inFlight()) === 0);
  expect(await stored('LEFT')).toBe(0);
});
