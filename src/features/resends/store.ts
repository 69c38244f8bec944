import { Prisma, type Sql, type Transaction } from '../../platform/db/client.ts';
import type { ResendView } from './contract.ts';
import type { Count } from './store-count.ts';
import type { StoredFilter } from './store-filter.ts';

/** A job as it is asked for. */
export interface NewJob {
  id: string;
  /** null: the operators'. */
  merchantId: string | null;
  createdBy: { keyId: string; name: string };
  filter: StoredFilter;
  reason: string;
  force: boolean;
  ratePerSecond: number;
}

export interface JobRow extends Omit<ResendView, 'createdBy' | 'startedAt' | 'finishedAt'> {
  createdBy: string;
  createdByName: string;
  startedAt: Date;
  finishedAt: Date | null;
}

/** Jobs of one owner that have not ended: the operators together, or a merchant. */
export const MAX_OPEN_JOBS = 20;
const CREATION_LOCK = 7_140_008;

const COLUMNS = Prisma.sql`j.id, j.merchant_id AS "merchantId", j.created_by AS "createdBy",
  j.created_by_name AS "createdByName", j.filter, j.reason, j.force,
  j.rate_per_second AS "ratePerSecond", j.status, j.matched, j.resent, j.skipped, j.failed, j.error,
  j.started_at AS "startedAt", j.finished_at AS "finishedAt"`;

/**
 * Stores a job that has been counted, ready for the first worker. Its id is reserved by the caller's
 * idempotency key: when it is there already, an earlier run of the same call has stored it.
 *
 * @returns null where the owner has too many already
 */
export async function insertJob(
  tx: Transaction,
  job: NewJob,
  { at, matched }: Count,
): Promise<JobRow | null> {
  // One at a time, or two could both be the last one that is allowed.
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(${CREATION_LOCK}::bigint)`;
  const [known] = await tx.$queryRaw<JobRow[]>`
    SELECT ${COLUMNS} FROM resend_job AS j WHERE j.id = ${job.id}`;
  if (known !== undefined) return known;
  const [row] = await tx.$queryRaw<JobRow[]>`
    INSERT INTO resend_job AS j (id, merchant_id, created_by, created_by_name, filter, reason, force,
        rate_per_second, matched, next_page_at, started_at)
    SELECT ${job.id}, ${job.merchantId}, ${job.createdBy.keyId}, ${job.createdBy.name},
           ${JSON.stringify(job.filter)}::jsonb, ${job.reason}, ${job.force}, ${job.ratePerSecond},
           ${matched}, ${at}, ${at}
     WHERE (SELECT count(*) FROM resend_job AS o
             WHERE o.status IN ('running', 'paused')
               AND o.merchant_id IS NOT DISTINCT FROM ${job.merchantId}) < ${MAX_OPEN_JOBS}
    RETURNING ${COLUMNS}`;
  return row ?? null;
}

/** @param owner null: whoever's it is */
export async function findJob(sql: Sql, owner: string | null, id: string): Promise<JobRow | null> {
  const [row] = await sql.$queryRaw<JobRow[]>`
    SELECT ${COLUMNS} FROM resend_job AS j WHERE j.id = ${id} AND ${ownedBy(owner)}`;
  return row ?? null;
}

interface JobFilter {
  merchantId?: string[] | undefined;
  status?: string[] | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

/** Newest first. @param before the id of the last one seen */
export async function listJobs(
  sql: Sql,
  owner: string | null,
  filter: JobFilter,
  before: string | null,
  limit: number,
): Promise<JobRow[]> {
  const conditions = [
    ownedBy(owner),
    before === null ? null : Prisma.sql`j.id < ${before}`,
    filter.merchantId ? Prisma.sql`j.merchant_id = ANY (${filter.merchantId})` : null,
    filter.status ? Prisma.sql`j.status = ANY (${filter.status})` : null,
    filter.from ? Prisma.sql`j.started_at >= ${new Date(filter.from)}` : null,
    filter.to ? Prisma.sql`j.started_at < ${new Date(filter.to)}` : null,
  ].filter((condition) => condition !== null);
  return sql.$queryRaw<JobRow[]>`
    SELECT ${COLUMNS} FROM resend_job AS j WHERE ${Prisma.join(conditions, ' AND ')}
     ORDER BY j.id DESC LIMIT ${limit}`;
}

/**
 * Pauses, resumes or cancels; from any other state nothing changes. Waits for a page under way, which
 * holds the row: when this returns, no page comes after it that should not.
 */
export async function turnJob(
  sql: Sql,
  id: string,
  to: 'running' | 'paused' | 'cancelled',
): Promise<void> {
  const from = { running: ['paused'], paused: ['running'], cancelled: ['running', 'paused'] }[to];
  await sql.$executeRaw`
    UPDATE resend_job
       SET status = ${to}, tries = 0, next_page_at = greatest(next_page_at, postrider_now()),
           finished_at = CASE WHEN ${to} = 'cancelled' THEN postrider_now() END
     WHERE id = ${id} AND status = ANY (${from})`;
}

function ownedBy(owner: string | null): Prisma.Sql {
  return owner === null ? Prisma.sql`true` : Prisma.sql`j.merchant_id = ${owner}`;
}
