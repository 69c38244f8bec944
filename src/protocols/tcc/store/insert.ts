import { createDeliveries, type NewDelivery } from '../../../engine/store/create.ts';
import { Prisma, type Sql } from '../../../platform/db/client.ts';

export interface NewBranch {
  id: string;
  branchId: string;
  tryUrl: string | null;
  confirmUrl: string;
  cancelUrl: string;
  /** JSON as the caller wrote it. */
  payloadText: string;
  fingerprint: string;
}

export interface NewTransaction {
  gid: string;
  id: string;
  producerKeyId: string;
  businessKey: string;
  mode: 'managed' | 'initiator';
  timeoutSeconds: number;
  fingerprint: string;
  branches: NewBranch[];
  /** The tries; their owners are the branches. */
  deliveries: NewDelivery[];
}

/** A delivery that was just made. */
export interface Made {
  id: string;
  queue: string;
  dueAtMs: number;
  waitMs: number;
}

/**
 * Stores a transaction with its branches and their tries, in one statement.
 *
 * @returns the tries to be woken; null when the producer has a transaction of that gid already
 */
export async function insertTransaction(
  sql: Sql,
  transaction: NewTransaction,
): Promise<Made[] | null> {
  const { gid, timeoutSeconds } = transaction;
  const rows = await sql.$queryRaw<{ id: string; tries: Made[] | null }[]>`
    WITH made AS (
      INSERT INTO tcc_transaction (gid, id, producer_key_id, business_key, mode, timeout_seconds,
          branch_count, fingerprint, created_at, timeout_at)
      VALUES (${gid}, ${transaction.id}, ${transaction.producerKeyId}, ${transaction.businessKey},
          ${transaction.mode}, ${timeoutSeconds}::int, ${transaction.branches.length}::int,
          ${transaction.fingerprint}, postrider_now(),
          postrider_now() + ${timeoutSeconds}::int * interval '1 second')
      ON CONFLICT (producer_key_id, gid) DO NOTHING
      RETURNING id
    ), branch AS (
      INSERT INTO tcc_branch (id, transaction_id, branch_id, position, try_url, confirm_url, cancel_url,
          payload, fingerprint, registered_at)
      SELECT b.id, made.id, b.branch_id, b.position, b.try_url, b.confirm_url, b.cancel_url,
             b.payload::json, b.fingerprint, postrider_now()
        FROM made CROSS JOIN jsonb_to_recordset(${toRows(transaction.branches)}::jsonb) AS b (
          id text, branch_id text, position int, try_url text, confirm_url text, cancel_url text,
          payload text, fingerprint text)
      RETURNING id
    ), ${createDeliveries(transaction.deliveries, Prisma.sql`SELECT id FROM branch`)}
    SELECT made.id, (SELECT json_agg(json_build_object('id', c.id, 'queue', c.queue,
             'dueAtMs', extract(epoch FROM c.due_at) * 1000, 'waitMs', 0)) FROM created AS c) AS tries
      FROM made`;
  const [row] = rows;
  return row === undefined ? null : (row.tries ?? []);
}

function toRows(branches: NewBranch[]): string {
  return JSON.stringify(
    branches.map((branch, index) => ({
      id: branch.id,
      branch_id: branch.branchId,
      position: index + 1,
      try_url: branch.tryUrl,
      confirm_url: branch.confirmUrl,
      cancel_url: branch.cancelUrl,
      payload: branch.payloadText,
      fingerprint: branch.fingerprint,
    })),
  );
}

/**
 * Adds a branch to a transaction that is still being tried. The transaction's row is written first:
 * a decision at the same moment waits for it, and then sees the branch; or it comes first, and the
 * branch is refused.
 */
export async function insertBranch(
  sql: Sql,
  transactionId: string,
  branch: NewBranch,
  mostBranches: number,
): Promise<'made' | 'there' | 'refused'> {
  const rows = await sql.$queryRaw<{ made: boolean }[]>`
    WITH open AS (
      UPDATE tcc_transaction SET branch_count = branch_count + 1
       WHERE id = ${transactionId} AND status = 'trying' AND timeout_at > postrider_now()
         AND branch_count < ${mostBranches}
         AND NOT EXISTS (SELECT 1 FROM tcc_branch
           WHERE transaction_id = ${transactionId} AND branch_id = ${branch.branchId})
      RETURNING id, branch_count
    ), made AS (
      INSERT INTO tcc_branch (id, transaction_id, branch_id, position, try_url, confirm_url, cancel_url,
          payload, fingerprint, registered_at)
      SELECT ${branch.id}, open.id, ${branch.branchId}, branch_count, ${branch.tryUrl},
             ${branch.confirmUrl}, ${branch.cancelUrl}, ${branch.payloadText}::json,
             ${branch.fingerprint}, postrider_now()
        FROM open
      ON CONFLICT (transaction_id, branch_id) DO NOTHING
      RETURNING id
    )
    SELECT EXISTS (SELECT 1 FROM made) AS made FROM open`;
  const [row] = rows;
  if (row === undefined) return 'refused';
  return row.made ? 'made' : 'there';
}

/** A queue's rules of today, also of one that was deleted meanwhile. */
export async function findLane(
  sql: Sql,
  queue: string,
): Promise<{ version: number; firstDelaySeconds: number; deadlineSeconds: number }> {
  const [lane] = await sql.$queryRaw<
    { version: number; firstDelaySeconds: number; deadlineSeconds: number }[]
  >`
    SELECT version, ladder_seconds[1] AS "firstDelaySeconds", deadline_seconds AS "deadlineSeconds"
      FROM policy WHERE queue = ${queue} ORDER BY version DESC LIMIT 1`;
  if (lane === undefined) throw new Error(`The queue ${queue} is missing.`);
  return lane;
}
