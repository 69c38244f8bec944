import { createDeliveries, type NewDelivery } from '../../../engine/store/create.ts';
import { Prisma, type Sql } from '../../../platform/db/client.ts';

export type Decision =
  | { decision: 'confirm' }
  | {
      decision: 'cancel';
      cause: 'requested' | 'try_failed' | 'timed_out';
      reason: string | null;
    };

/** A branch of a transaction that has just been decided. */
export interface DecidedBranch {
  id: string;
  transactionId: string;
  producerKeyId: string;
  businessKey: string;
  confirmUrl: string;
  cancelUrl: string;
}

/**
 * The decision: one guarded statement, so of all who decide at once one wins, and whoever comes
 * second finds it decided. A transaction past its time is never confirmed. Without branches there is
 * nothing left to do.
 *
 * @returns the ids of those that this call has decided
 */
export async function decideTransactions(
  sql: Sql,
  ids: string[],
  decided: Decision,
): Promise<string[]> {
  const confirm = decided.decision === 'confirm';
  const rows = await sql.$queryRaw<{ id: string }[]>`
    UPDATE tcc_transaction AS t SET
      decision = ${decided.decision},
      cause = ${decided.decision === 'cancel' ? decided.cause : null},
      reason = ${decided.decision === 'cancel' ? decided.reason : null},
      decided_at = postrider_now(),
      status = CASE WHEN t.branch_count = 0 THEN ${confirm ? 'confirmed' : 'cancelled'}
                    ELSE ${confirm ? 'confirming' : 'cancelling'} END,
      finished_at = CASE WHEN t.branch_count = 0 THEN postrider_now() END
      -- Locked in one order, so that two such statements never wait for each other.
      FROM (SELECT id FROM tcc_transaction
             WHERE id = ANY (${ids}) AND status = 'trying'
               AND (NOT ${confirm} OR timeout_at > postrider_now())
             ORDER BY id FOR UPDATE) AS chosen
     WHERE t.id = chosen.id
    RETURNING t.id`;
  return rows.map(({ id }) => id);
}

/** Their branches, in the order of registration. After the decision nobody adds any. */
export async function findDecidedBranches(sql: Sql, ids: string[]): Promise<DecidedBranch[]> {
  return sql.$queryRaw<DecidedBranch[]>`
    SELECT b.id, t.id AS "transactionId", t.producer_key_id AS "producerKeyId", t.business_key AS "businessKey",
           b.confirm_url AS "confirmUrl", b.cancel_url AS "cancelUrl"
      FROM tcc_branch AS b JOIN tcc_transaction AS t ON t.id = b.transaction_id
     WHERE t.id = ANY (${ids}) ORDER BY t.id, b.position`;
}

/** @returns when each of them is due, ms since the epoch, by delivery id */
export async function insertSecondPhase(
  sql: Sql,
  deliveries: NewDelivery[],
): Promise<Map<string, number>> {
  const owners = deliveries.map((each) => each.ownerId);
  const rows = await sql.$queryRaw<{ id: string; due_at: Date }[]>`
    WITH ${createDeliveries(deliveries, Prisma.sql`SELECT unnest(${owners}::text[])`)}
    SELECT id, due_at FROM created`;
  return new Map(rows.map(({ id, due_at }) => [id, due_at.getTime()]));
}

/** The ids of transactions whose time is up and that nobody has decided, the oldest first. */
export async function findTimedOut(sql: Sql, limit: number): Promise<string[]> {
  const rows = await sql.$queryRaw<{ id: string }[]>`
    SELECT id FROM tcc_transaction WHERE status = 'trying' AND timeout_at <= postrider_now()
     ORDER BY timeout_at LIMIT ${limit}`;
  return rows.map(({ id }) => id);
}
