import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestGateway, testGateway } from '../../support/gateway.ts';

/** None of them is delivered: a filter for what is finds nothing, however much it looks at. */
const ROWS = 60_000;
const LISTS_AT_ONCE = 60;
const LASTING_MS = 6_000;
const NEIGHBOURS = 8;

let gateway: TestGateway;
let greedy: Awaited<ReturnType<TestGateway['merchant']>>;
let neighbour: Awaited<ReturnType<TestGateway['merchant']>>;

beforeAll(async () => {
  gateway = await testGateway();
  [greedy, neighbour] = await Promise.all([gateway.merchant(), gateway.merchant()]);
  await gateway.db.database.pool.query(
    `WITH made AS MATERIALIZED (
       SELECT 'ntf_' || lpad(i::text, 26, '0') AS id, i FROM generate_series(1, $2::int) AS i
     ), notified AS (
       INSERT INTO notification (id, merchant_id, type, business_key, queue, occurred_at, accepted_at, result_version,
                                 body, fingerprint, producer_key_id)
       SELECT id, $1, 't', 'k' || i, 'default', postrider_now(), postrider_now(), 0, '{}', '', 'key_x' FROM made
     )
     INSERT INTO delivery (id, owner_kind, owner_id, purpose, merchant_id, type, business_key, queue, policy_version,
                           status, reason, accepted_at, deadline_at, settled_at)
     SELECT 'dlv' || substr(id, 4), 'notification', id, 'notify', $1, 't', 'k' || i, 'default', 1, 'skipped',
            'no_endpoint', postrider_now(), postrider_now() + interval '1 day', postrider_now()
       FROM made`,
    [greedy.id, ROWS],
  );
  await gateway.db.database.pool.query('ANALYZE notification, delivery');
});
afterAll(() => gateway?.close());

test('sixty dear lists of one merchant at a time: all that others send is accepted', async () => {
  const endsAt = performance.now() + LASTING_MS;
  const isOver = () => performance.now() > endsAt;
  const listed = new Map<number, number>();
  const lists = Array.from({ length: LISTS_AT_ONCE }, async (_, n) => {
    const path = n % 2 === 0 ? 'notifications' : 'deliveries';
    while (!isOver()) {
      const { status } = await greedy.api.get(`/v1/${path}?status=delivered&limit=100`);
      listed.set(status, (listed.get(status) ?? 0) + 1);
    }
  });
  const accepted: number[] = [];
  const intake = Array.from({ length: NEIGHBOURS }, async (_, n) => {
    for (let k = 0; !isOver(); k += 1) {
      const event = {
        merchantId: neighbour.id,
        type: 'a.b',
        businessKey: `${n}-${k}`,
        payload: {},
      };
      accepted.push((await gateway.operator.post('/v1/notifications', event)).status);
    }
  });
  const reads: number[] = [];
  const look = async () => {
    while (!isOver()) reads.push((await neighbour.api.get('/v1/notifications')).status);
  };
  await Promise.all([...lists, ...intake, look()]);
  expect(accepted.length).toBeGreaterThan(50);
  expect(accepted.filter((status) => status !== 202)).toEqual([]);
  // Its own lists are not disturbed either.
  expect(reads.filter((status) => status !== 200)).toEqual([]);
  expect([...listed.keys()].filter((status) => ![200, 429, 503].includes(status))).toEqual([]);
});
