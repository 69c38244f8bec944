import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resendDeliveries } from '../../../src/engine/store/resend.ts';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { until } from '../../support/until.ts';

const SETTLED = `settled_at = postrider_now(), settled_xid = transaction_number(), due_at = NULL`;
const UNSETTLED = `settled_at = NULL, settled_xid = NULL, reason = NULL`;
const LEASED = `lease_token = gen_random_uuid(), leased_at = now(), lease_until = now() + interval '1 hour'`;
const FREE = `lease_token = NULL, leased_at = NULL, lease_until = NULL`;
const ROWS = {
  pending: `status = 'pending', ${UNSETTLED}, due_at = now() + interval '1 hour', ${FREE}`,
  sending: `status = 'sending', ${UNSETTLED}, due_at = NULL, ${LEASED}`,
  delivered: `status = 'delivered', reason = NULL, ${SETTLED}, ${FREE}`,
  failed: `status = 'failed', reason = 'ladder_spent', ${SETTLED}, ${FREE}`,
  acknowledged: `status = 'acknowledged', reason = 'confirmed_by_pull', ${SETTLED}, ${LEASED}`,
  skipped: `status = 'skipped', reason = 'no_endpoint', receiver_id = NULL, ${SETTLED}, ${FREE}`,
} as const;
type State = keyof typeof ROWS;
const STATES = Object.keys(ROWS) as State[];

/** Nobody works here: rows are as the test makes them. */
describe('a re-send that waits for whoever changes the delivery', () => {
  let gateway: TestGateway;
  let receiverId: string;
  beforeAll(async () => {
    gateway = await testGateway({ roles: ['api'] });
  });
  afterAll(() => gateway.close());

  async function make(): Promise<string> {
    const [merchant, producer] = [await gateway.merchant(), await gateway.producer()];
    const { body } = await producer.api
      .post('/v1/notifications', {
        merchantId: merchant.id,
        type: 'a.b',
        businessKey: 'k',
        payload: {},
        notifyUrl: 'http://127.0.0.1:9/',
      })
      .expect(202);
    const id = body.deliveries[0].id;
    const { rows } = await gateway.db.database.pool.query(
      'SELECT receiver_id FROM delivery WHERE id = $1',
      [id],
    );
    receiverId = rows[0].receiver_id;
    return id;
  }

  /** Whether somebody waits for a lock of this transaction. */
  async function isWaitedFor(pid: number): Promise<boolean> {
    const { rows } = await gateway.db.database.pool.query(
      'SELECT 1 FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))',
      [pid],
    );
    return rows.length > 0;
  }

  test.each(STATES.flatMap((before) => STATES.map((after) => [before, after] as const)))(
    'judges it as it is then: %s, now %s',
    async (before, after) => {
      const id = await make();
      const { prisma, pool } = gateway.db.database;
      const client = await pool.connect();
      try {
        const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
        const become = async (state: State) => {
          await client.query('UPDATE delivery SET receiver_id = $2 WHERE id = $1', [
            id,
            receiverId,
          ]);
          await client.query(`UPDATE delivery SET ${ROWS[state]} WHERE id = $1`, [id]);
        };
        await become(before);
        await client.query('BEGIN');
        await become(after);
        const resent = resendDeliveries(prisma, [id], {
          delivered: 'repeat',
          priority: 0,
          by: null,
        });
        await until(() => isWaitedFor(rows[0].pid));
        await client.query('COMMIT');
        const refused = { sending: 'in_flight', acknowledged: 'in_flight', skipped: 'no_receiver' };
        const verdict = after in refused ? refused[after as keyof typeof refused] : 'due';
        expect(await resent).toMatchObject([{ id, verdict }]);
        const { rows: kept } = await client.query(
          'SELECT status, cycle, lease_token FROM delivery WHERE id = $1',
          [id],
        );
        if (verdict === 'due') {
          const cycle = after === 'pending' ? 1 : 2;
          expect(kept).toEqual([{ status: 'pending', cycle, lease_token: null }]);
        } else {
          expect(kept).toMatchObject([{ status: after, cycle: 1 }]);
        }
      } finally {
        client.release();
      }
    },
  );
});
