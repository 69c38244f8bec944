import { afterEach, beforeEach, expect, test } from 'vitest';
import { execute } from '../../support/database.ts';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { until } from '../../support/until.ts';

const WAITING = 20_000;
const PAGE = 1_000;

let gateway: TestGateway;
let endpointId: string;

beforeEach(async () => {
  gateway = await testGateway();
  const { id } = await gateway.merchant();
  const url = 'http://127.0.0.1:9/';
  endpointId = (await gateway.operator.post(`/v1/merchants/${id}/endpoints`, { url }).expect(201))
    .body.id;
  // Nobody may claim them, so nobody can find out on the way that the endpoint is gone.
  await gateway.operator.post(`/v1/endpoints/${endpointId}/pause`).expect(200);
});
afterEach(() => gateway.close());

const wait = (count: number) =>
  gateway.db.database.prisma.$executeRaw`
    INSERT INTO delivery (id, owner_kind, owner_id, purpose, type, business_key, queue, policy_version,
                          receiver_id, endpoint_id, status, due_at, accepted_at, deadline_at, producer_key_id)
    SELECT 'dlv' || n, 'notification', 'o', 'notify', 'a.b', 'k', 'default', 1, ${endpointId},
           ${endpointId}, 'pending', postrider_now(), postrider_now(),
           postrider_now() + interval '1 day', 'key_producer'
      FROM generate_series(1, ${count}::int) AS n`;
const cancelled = async () => {
  const [row] = await gateway.db.database.prisma.$queryRaw<{ n: number }[]>`
    SELECT count(*)::int AS n FROM delivery WHERE reason = 'endpoint_deleted'`;
  return row?.n;
};

test('an endpoint with a big backlog is deleted by many small commits', async () => {
  await wait(WAITING);
  await execute(
    gateway.db.url,
    `CREATE TABLE ended (xid xid8, n int);
     CREATE FUNCTION count_ended() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         INSERT INTO ended SELECT pg_current_xact_id(), count(*) FROM changed HAVING count(*) > 0;
         RETURN NULL;
       END $$;
     CREATE TRIGGER count_ended AFTER UPDATE ON delivery REFERENCING NEW TABLE AS changed
       FOR EACH STATEMENT EXECUTE FUNCTION count_ended();`,
  );
  await gateway.operator.delete(`/v1/endpoints/${endpointId}`).expect(204);
  // The first page is done when it answers, not more: it must not take longer the more there is.
  expect(await cancelled()).toBeGreaterThanOrEqual(PAGE);
  await until(async () => (await cancelled()) === WAITING, { timeoutMs: 60_000 });
  const [commits] = await gateway.db.database.prisma.$queryRaw<{ count: number; most: number }[]>`
    SELECT count(*)::int AS count, max(n)::int AS most
      FROM (SELECT sum(n) AS n FROM ended GROUP BY xid) AS c`;
  expect(commits).toEqual({ count: WAITING / PAGE, most: PAGE });
}, 120_000);

test('what a dead process left of a deletion is ended by whoever starts next', async () => {
  await gateway.stop();
  await wait(10);
  await gateway.db.database.prisma.$executeRaw`
    UPDATE endpoint SET deleted_at = postrider_now() WHERE id = ${endpointId}`;
  await gateway.start();
  await until(async () => (await cancelled()) === 10);
});

test('a deletion whose cancelling fails stands, and is gone on with', async () => {
  await wait(10);
  // A sequence is not rolled back: the first commit fails, the next one does not.
  await execute(
    gateway.db.url,
    `CREATE SEQUENCE tried;
     CREATE FUNCTION ill() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF nextval('tried') = 1 THEN RAISE EXCEPTION 'ill'; END IF;
         RETURN NULL;
       END $$;
     CREATE TRIGGER ill AFTER UPDATE ON delivery FOR EACH STATEMENT EXECUTE FUNCTION ill();`,
  );
  await gateway.operator.delete(`/v1/endpoints/${endpointId}`).expect(204);
  await gateway.operator.get(`/v1/endpoints/${endpointId}`).expect(404);
  await until(async () => (await cancelled()) === 10);
});
