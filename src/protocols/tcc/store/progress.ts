import { Prisma, type Sql } from '../../../platform/db/client.ts';

export type TryStatus = 'tried' | 'try_failed' | 'try_unknown';
export type SecondPhase = 'confirm' | 'cancel';

/**
 * Everything that follows an attempt begins here: the transactions of these branches are locked, in
 * one order, before any branch is written.
 */
export async function lockTransactions(sql: Sql, branchIds: string[]): Promise<void> {
  await sql.$executeRaw`
    SELECT 1 FROM tcc_transaction
     WHERE id IN (SELECT transaction_id FROM tcc_branch WHERE id = ANY (${branchIds}))
     ORDER BY id FOR UPDATE`;
}

/** Notes how tries ended. */
export async function noteTries(
  sql: Sql,
  tries: { id: string; status: TryStatus }[],
): Promise<void> {
  await sql.$executeRaw`
    UPDATE tcc_branch AS b SET status = r.status
      FROM jsonb_to_recordset(${JSON.stringify(tries)}::jsonb) AS r (id text, status text)
     WHERE b.id = r.id AND b.status = 'registered'`;
}

/** What the tries of these branches' managed transactions say; those that still wait are left out. */
export async function findVerdicts(
  sql: Sql,
  branchIds: string[],
): Promise<{ id: string; verdict: SecondPhase }[]> {
  return sql.$queryRaw<{ id: string; verdict: SecondPhase }[]>`
    SELECT id, verdict FROM (
      SELECT t.id, CASE WHEN bool_or(b.status IN ('try_failed', 'try_unknown')) THEN 'cancel'
                         WHEN bool_and(b.status = 'tried') THEN 'confirm' END AS verdict
        FROM tcc_transaction AS t JOIN tcc_branch AS b ON b.transaction_id = t.id
       WHERE t.id IN (SELECT transaction_id FROM tcc_branch WHERE id = ANY (${branchIds}))
         AND t.status = 'trying' AND t.mode = 'managed'
       GROUP BY t.id) AS said
     WHERE verdict IS NOT NULL`;
}

/** These branches have done what was decided. */
export async function noteDone(sql: Sql, branchIds: string[]): Promise<void> {
  await sql.$executeRaw`
    UPDATE tcc_branch AS b
       SET status = CASE t.decision WHEN 'confirm' THEN 'confirmed' ELSE 'cancelled' END,
           finished_at = postrider_now()
      FROM tcc_transaction AS t
     WHERE t.id = b.transaction_id AND b.id = ANY (${branchIds}) AND b.finished_at IS NULL
       AND t.decision IS NOT NULL`;
}

/** An operator's word that a branch was done by hand. */
export async function noteResolved(
  sql: Sql,
  branchId: string,
  by: { reason: string; keyId: string },
): Promise<boolean> {
  const changed = await sql.$executeRaw`
    UPDATE tcc_branch AS b
       SET status = CASE t.decision WHEN 'confirm' THEN 'confirmed' ELSE 'cancelled' END,
           finished_at = postrider_now(), resolved_reason = ${by.reason}, resolved_by = ${by.keyId}
      FROM tcc_transaction AS t
     WHERE t.id = b.transaction_id AND b.id = ${branchId} AND b.finished_at IS NULL
       AND t.decision IS NOT NULL`;
  return changed === 1;
}

/** The delivery whose turn it is in a decided transaction. */
export interface Turn {
  transactionId: string;
  deliveryId: string;
  deliveryStatus: string;
}

/**
 * Ends the transactions of these branches whose branches are all done, and finds for each of the
 * others the branch whose turn it is: in the order of registration to confirm, in the reverse to
 * cancel.
 */
export async function finishOrFindTurns(sql: Sql, branchIds: string[]): Promise<Turn[]> {
  return sql.$queryRaw<Turn[]>`
    WITH open AS (
      SELECT t.id, t.decision FROM tcc_transaction AS t
       WHERE t.id IN (SELECT transaction_id FROM tcc_branch WHERE id = ANY (${branchIds}))
         AND t.decision IS NOT NULL AND t.finished_at IS NULL
    ), turn AS (
      SELECT DISTINCT ON (o.id) o.id AS transaction_id, o.decision, b.id
        FROM open AS o JOIN tcc_branch AS b ON b.transaction_id = o.id
       WHERE b.finished_at IS NULL
       ORDER BY o.id, CASE o.decision WHEN 'confirm' THEN b.position ELSE -b.position END
    ), finished AS (
      UPDATE tcc_transaction AS t
         SET status = CASE t.decision WHEN 'confirm' THEN 'confirmed' ELSE 'cancelled' END,
             finished_at = postrider_now(), suspended_at = NULL
        FROM open AS o
       WHERE t.id = o.id AND NOT EXISTS (SELECT 1 FROM turn WHERE turn.transaction_id = o.id)
    )
    SELECT turn.transaction_id AS "transactionId", d.id AS "deliveryId", d.status AS "deliveryStatus"
      FROM turn JOIN delivery AS d ON d.owner_id = turn.id AND d.purpose = turn.decision`;
}

/** Their second phase goes on. */
export async function resumeTransactions(sql: Sql, ids: string[]): Promise<void> {
  await sql.$executeRaw`
    UPDATE tcc_transaction
       SET status = CASE decision WHEN 'confirm' THEN 'confirming' ELSE 'cancelling' END,
           suspended_at = NULL
     WHERE id = ANY (${ids}) AND status = 'suspended'`;
}

export interface Concerned {
  transactionId: string;
  producerKeyId: string;
  gid: string;
  branchId: string;
  businessKey: string;
  decision: SecondPhase;
}

const CONCERNED = Prisma.sql`
  t.id AS "transactionId", t.producer_key_id AS "producerKeyId", t.gid`;

/** The second phase of these branches has used up its time: the decision stays, an operator is needed. */
export async function suspendTransactions(
  sql: Sql,
  branchIds: string[],
): Promise<(Concerned & { suspendedAt: Date })[]> {
  return sql.$queryRaw<(Concerned & { suspendedAt: Date })[]>`
    WITH stuck AS (
      SELECT DISTINCT ON (transaction_id) transaction_id, branch_id FROM tcc_branch
       WHERE id = ANY (${branchIds}) AND finished_at IS NULL
       ORDER BY transaction_id, failures DESC, position
    )
    UPDATE tcc_transaction AS t SET status = 'suspended', suspended_at = postrider_now()
      FROM stuck WHERE t.id = stuck.transaction_id AND t.status IN ('confirming', 'cancelling')
    RETURNING ${CONCERNED}, stuck.branch_id AS "branchId", t.business_key AS "businessKey", t.decision,
              t.suspended_at AS "suspendedAt"`;
}

/** What a failed call of the second phase has added to. */
export interface FailedCall extends Concerned {
  failures: number;
  firstConflict: boolean;
}

/** @param failed by branch id; `conflict`: the answer was 409 */
export async function noteFailures(
  sql: Sql,
  failed: { id: string; conflict: boolean }[],
): Promise<FailedCall[]> {
  return sql.$queryRaw<FailedCall[]>`
    WITH failed AS (
      SELECT f.*, b.conflict_at IS NULL AND f.conflict AS first_conflict
        FROM jsonb_to_recordset(${JSON.stringify(failed)}::jsonb) AS f (id text, conflict boolean)
        JOIN tcc_branch AS b ON b.id = f.id
    )
    UPDATE tcc_branch AS b
       SET failures = b.failures + 1,
           conflict_at = CASE WHEN f.first_conflict THEN postrider_now() ELSE b.conflict_at END
      FROM failed AS f, tcc_transaction AS t
     WHERE b.id = f.id AND t.id = b.transaction_id
    RETURNING ${CONCERNED}, b.branch_id AS "branchId", t.business_key AS "businessKey", t.decision,
              b.failures, f.first_conflict AS "firstConflict"`;
}
