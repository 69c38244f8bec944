import { afterEach, beforeEach, expect, test } from 'vitest';
import { execute } from '../support/database.ts';
import { type TestGateway, testGateway } from '../support/gateway.ts';
import { hold, type Receiver, startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

const AT_ONCE = 20;
/** So many inserts fail: that of the batch, and a few of those that are then tried one by one. */
const FAILURES = 8;

let gateway: TestGateway;
let receiver: Receiver;

beforeEach(async () => {
  receiver = await startReceiver();
  gateway = await testGateway();
});
afterEach(async () => {
  await gateway.close();
  await receiver.close();
});

test('a database that is going away while results are recorded costs none of them', async () => {
  const { id } = await gateway.merchant();
  await gateway.operator.post(`/v1/merchants/${id}/endpoints`, { url: receiver.url() }).expect(201);
  const held = hold();
  receiver.answer(held);
  const notifications = Array.from({ length: AT_ONCE }, (_, n) => ({
    merchantId: id,
    type: 'payment.succeeded',
    businessKey: `R-${n}`,
    payload: { n },
  }));
  await gateway.operator.post('/v1/notifications/batch', { notifications }).expect(202);
  await receiver.waitFor(AT_ONCE);

  // A sequence is not rolled back, so it counts what has failed.
  await execute(
    gateway.db.url,
    `CREATE SEQUENCE tried;
     CREATE FUNCTION going_away() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF nextval('tried') <= ${FAILURES} THEN
           RAISE EXCEPTION 'terminating connection' USING ERRCODE = '57P01';
         END IF;
         RETURN NEW;
       END $$;
     CREATE TRIGGER going_away BEFORE INSERT ON attempt FOR EACH ROW EXECUTE FUNCTION going_away();`,
  );
  held.release();

  const leases = () => gateway.db.database.prisma.$queryRaw<{ n: number }[]>`
    SELECT count(*)::int AS n FROM delivery WHERE lease_token IS NOT NULL`;
  await until(async () => (await leases())[0]?.n === 0, { what: 'every result to be recorded' });
  const attempts = await gateway.db.database.prisma.$queryRaw<{ outcome: string; n: number }[]>`
    SELECT outcome, count(*)::int AS n FROM attempt GROUP BY 1`;
  expect(attempts).toEqual([{ outcome: 'success', n: AT_ONCE }]);
  expect(receiver.requests).toHaveLength(AT_ONCE);
});
