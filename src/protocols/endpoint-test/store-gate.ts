import type { Sql, Transaction } from '../../platform/db/client.ts';

/** Tests of one endpoint in a minute. */
const MOST_IN_A_MINUTE = 12;

/** Why an endpoint cannot be tested now. */
export type PingRefusal = 'paused' | 'testing' | 'busy' | 'too_many';

/**
 * Whether an endpoint may be tested now: by the rules of any attempt, one test at a time, a few a minute. Its receiver is
 * locked until the transaction ends, so of two at once the second sees the first. A disabled one may be tested: that is how
 * its merchant finds out whether it can be resumed.
 *
 * @param maxInFlight the queue's limit
 */
export async function findPingRefusal(
  tx: Transaction,
  endpointId: string,
  maxInFlight: number,
): Promise<PingRefusal | null> {
  await tx.$queryRaw`SELECT 1 FROM receiver WHERE id = ${endpointId} FOR NO KEY UPDATE`;
  const [now] = await looked(tx, endpointId, maxInFlight);
  if (now === undefined || now.paused) return now === undefined ? null : 'paused';
  if (now.testing) return 'testing';
  if (now.recent >= MOST_IN_A_MINUTE) return 'too_many';
  if (now.full || now.tooSoon) return 'busy';
  await tx.$executeRaw`
    UPDATE receiver SET next_start_at = postrider_now() + interval '1 second' / rate_per_second
     WHERE id = ${endpointId} AND rate_per_second IS NOT NULL`;
  return null;
}

interface Looked {
  paused: boolean;
  testing: boolean;
  recent: number;
  full: boolean;
  tooSoon: boolean;
}

function looked(tx: Sql, endpointId: string, maxInFlight: number): Promise<Looked[]> {
  return tx.$queryRaw<Looked[]>`
    SELECT r.paused_at IS NOT NULL AS paused, coalesce(tests.running, false) AS testing, tests.recent,
           (live_leases(r.id, NULL))[1] >= least(r.max_in_flight, ${maxInFlight}::int, r.allowance) AS full,
           -- A time further away than its rule allows was written before the clock was set back.
           coalesce(r.next_start_at > postrider_now()
             AND r.next_start_at <= postrider_now() + interval '1 second' / r.rate_per_second, false) AS "tooSoon"
      FROM receiver AS r
     CROSS JOIN LATERAL (
       SELECT count(*)::int AS recent, bool_or(d.lease_until > postrider_now()) AS running
         FROM delivery AS d
        WHERE d.owner_kind = 'ping' AND d.endpoint_id = r.id
          AND d.accepted_at > postrider_now() - interval '1 minute') AS tests
     WHERE r.id = ${endpointId}`;
}
