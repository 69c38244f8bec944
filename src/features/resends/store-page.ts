import type { Sql, Transaction } from '../../platform/db/client.ts';
import { matching, type StoredFilter } from './store-filter.ts';

/** A job in this transaction's hands. */
export interface HeldJob {
  id: string;
  filter: StoredFilter;
  force: boolean;
  ratePerSecond: number;
  cursor: string;
  startedAt: Date;
}

/** A delivery that a page has come to. */
export interface Found {
  id: string;
  merchantId: string | null;
  notificationId: string;
  type: string;
  businessKey: string;
  queue: string;
  policyVersion: number;
  /** Nobody listened when it was accepted. */
  isOrphan: boolean;
}

export interface Progress {
  cursor: string;
  resent: number;
  skipped: number;
  failed: number;
  isLast: boolean;
}

/** The job that has waited longest for its next page and that no other worker holds. */
export async function holdDueJob(tx: Transaction): Promise<HeldJob | null> {
  const [job] = await tx.$queryRaw<HeldJob[]>`
    SELECT id, filter, force, rate_per_second AS "ratePerSecond", cursor, started_at AS "startedAt"
      FROM resend_job WHERE status = 'running' AND next_page_at <= postrider_now()
     ORDER BY next_page_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED`;
  return job ?? null;
}

/** Until the next page of any job is due, ms, also of one in other hands; null: nothing runs. */
export async function nextPageInMs(sql: Sql): Promise<number | null> {
  const [row] = await sql.$queryRaw<{ waitMs: number | null }[]>`
    SELECT extract(epoch FROM min(next_page_at) - postrider_now())::double precision * 1000 AS "waitMs"
      FROM resend_job WHERE status = 'running'`;
  return row?.waitMs ?? null;
}

/** The next deliveries that fit, in the order of ids. */
export async function findPage(tx: Transaction, job: HeldJob, limit: number): Promise<Found[]> {
  return tx.$queryRaw<Found[]>`
    SELECT d.id, d.merchant_id AS "merchantId", d.owner_id AS "notificationId", d.type,
           d.business_key AS "businessKey", d.queue, d.policy_version AS "policyVersion",
           d.status = 'skipped' AND d.receiver_id IS NULL AS "isOrphan"
      FROM delivery AS d
     WHERE d.id > ${job.cursor} AND ${matching(job.filter, job.startedAt)}
     ORDER BY d.id LIMIT ${limit}`;
}

/**
 * Moves the job on. After its last page, what was counted and did not turn up any more is among the
 * skipped: it was sent, confirmed or cancelled by others meanwhile.
 */
export async function moveOn(tx: Transaction, job: HeldJob, progress: Progress): Promise<void> {
  const { cursor, resent, skipped, failed, isLast } = progress;
  await tx.$executeRaw`
    UPDATE resend_job
       SET cursor = ${cursor}, tries = 0, resent = resent + ${resent}, failed = failed + ${failed},
           skipped = greatest(skipped + ${skipped},
             CASE WHEN ${isLast} THEN matched - resent - ${resent} - failed - ${failed} ELSE 0 END),
           next_page_at = postrider_now() + ${resent / job.ratePerSecond} * interval '1 second',
           status = CASE WHEN ${isLast} THEN 'completed' ELSE status END,
           finished_at = CASE WHEN ${isLast} THEN postrider_now() END
     WHERE id = ${job.id}`;
}

/** A page failed: it is tried again after a pause that grows, and at last given up. */
export async function noteFault(
  sql: Sql,
  id: string,
  { maxTries, error }: { maxTries: number; error: string },
): Promise<void> {
  await sql.$executeRaw`
    UPDATE resend_job
       SET tries = tries + 1, next_page_at = postrider_now() + 2 ^ tries * interval '1 second',
           status = CASE WHEN tries + 1 >= ${maxTries} THEN 'failed' ELSE status END,
           error = CASE WHEN tries + 1 >= ${maxTries} THEN ${error} END,
           finished_at = CASE WHEN tries + 1 >= ${maxTries} THEN postrider_now() END
     WHERE id = ${id} AND status = 'running'`;
}
