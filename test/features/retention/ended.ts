import type { Database } from '../../../src/platform/db/client.ts';

/** Things that ended long ago, in such numbers as no test can play out. */
interface Ended {
  /** Part of their ids, so that a test can tell them apart: letters and digits. */
  tag: string;
  count: number;
  /** Of the first one; each ends a millisecond after the one before. */
  endedAt: Date;
}

type Pool = Pick<Database, 'pool'>;

/** Messages with a check-back each, of which one attempt was made. @returns their ids, the oldest first */
export async function enterMessages(
  { pool }: Pool,
  { tag, count, endedAt }: Ended,
  status: 'cancelled' | 'suspended' = 'cancelled',
): Promise<string[]> {
  await pool.query(
    `WITH ended AS (
       SELECT 'msg_' || $1 || n AS id, $3::timestamptz + n * interval '1 millisecond' AS at
         FROM generate_series(1, $2::int) AS n
     ), message AS (
       INSERT INTO message (id, producer_key_id, merchant_id, type, business_key, input, payload,
           fingerprint, check_url, check_after_seconds, completion, complete_after_seconds,
           prepared_at, status, suspended_at, decided_at, decided_by)
       SELECT id, 'key_test', 'm_test', 'order.paid', 'B', '{}', '{}', '', 'http://127.0.0.1:9/', 30,
              'http', 60, at, $4, CASE WHEN $4 = 'suspended' THEN at END,
              CASE WHEN $4 = 'cancelled' THEN at END, CASE WHEN $4 = 'cancelled' THEN 'check' END
         FROM ended
     ), delivery AS (
       ${deliveries("'message'", 'id', "'check'", "'message-check'")} FROM ended
     )
     ${attempts} FROM ended`,
    [tag, count, endedAt, status],
  );
  return idsOf('msg_', tag, count);
}

/**
 * Confirmed transactions, each branch with one confirm that took one attempt.
 * @returns their gids, the oldest first
 */
export async function enterTransactions(
  { pool }: Pool,
  { tag, count, endedAt }: Ended,
  branches = 1,
): Promise<string[]> {
  await pool.query(
    `WITH ended AS (
       SELECT 'gid_' || $1 || n AS gid, $3::timestamptz + n * interval '1 millisecond' AS at
         FROM generate_series(1, $2::int) AS n
     ), transactions AS (
       INSERT INTO tcc_transaction (gid, id, producer_key_id, business_key, mode, status, decision,
           timeout_seconds, branch_count, fingerprint, created_at, timeout_at, decided_at, finished_at)
       SELECT gid, gid, 'key_test', 'B', 'initiator', 'confirmed', 'confirm', 60, $4, '', at, at, at, at
         FROM ended
     ), branch AS (
       SELECT 'brn_' || gid || '_' || position AS id, gid, position, at
         FROM ended CROSS JOIN generate_series(1, $4::int) AS position
     ), branches AS (
       INSERT INTO tcc_branch (id, transaction_id, branch_id, position, confirm_url, cancel_url, payload,
           fingerprint, status, registered_at, finished_at)
       SELECT id, gid, 'b' || position, position, 'http://127.0.0.1:9/', 'http://127.0.0.1:9/', '{}', '',
              'confirmed', at, at FROM branch
     ), delivery AS (
       ${deliveries("'tcc'", 'id', "'confirm'", "'tcc-second'")} FROM branch
     )
     ${attempts} FROM branch`,
    [tag, count, endedAt, branches],
  );
  return idsOf('gid_', tag, count);
}

/** The id of the one delivery of these: that of the check-back, or of the first branch's confirm. */
export const deliveryOf = (id: string): string =>
  id.startsWith('msg_') ? `dlv_${id}` : `dlv_brn_${id}_1`;

const deliveries = (kind: string, ownerId: string, purpose: string, queue: string) => `
  INSERT INTO delivery (id, owner_kind, owner_id, purpose, type, business_key, queue, policy_version,
      receiver_id, url, status, reason, attempt_count, accepted_at, deadline_at, settled_at)
  SELECT 'dlv_' || ${ownerId}, ${kind}, ${ownerId}, ${purpose}, ${purpose}, 'B', ${queue}, 1, 'url_test',
         'http://127.0.0.1:9/', 'failed', 'ladder_spent', 1, at, at + interval '1 day', at`;

const attempts = `
  INSERT INTO attempt (id, delivery_id, cycle, number, trigger, started_at, outcome)
  SELECT 'att_' || id, 'dlv_' || id, 1, 1, 'ladder', at, 'timeout'`;

function idsOf(prefix: string, tag: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${prefix}${tag}${n + 1}`);
}
