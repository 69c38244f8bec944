import { type Database, Prisma, type Sql, type Transaction } from '../../platform/db/client.ts';

/** A comparison in this worker's hands until its lease ends. */
export interface Lease {
  id: string;
  token: string;
  merchantId: string;
  date: string;
  timezone: string;
  /** How often it was taken up, this time included. */
  tries: number;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const LEASE_MS = 30 * SECOND;
/** So long ago counts as never. */
const SERVED_MS = 10 * MINUTE;
/** What one statement over a whole day may take: collecting, settling. */
const LONG_MS = 5 * MINUTE;

/**
 * Takes up a comparison that nobody holds: of the merchants that wait, the one that was served the longest ago has its
 * oldest list compared. One with twenty lists in line delays another's first by one list, not by twenty.
 *
 * @returns null where there is none
 */
export async function claimReconciliation(sql: Sql): Promise<Lease | null> {
  const [lease] = await sql.$queryRaw<Lease[]>`
    WITH served AS (
      SELECT merchant_id, max(at) AS at
        FROM (SELECT merchant_id, finished_at AS at FROM reconciliation
               WHERE finished_at > postrider_now() - ${SERVED_MS} * interval '1 millisecond'
               UNION ALL
              SELECT merchant_id, postrider_now() FROM reconciliation
               WHERE status = 'running' AND lease_until > postrider_now()) AS each
       GROUP BY merchant_id
    )
    UPDATE reconciliation AS r
       SET tries = r.tries + 1, lease_token = gen_random_uuid(), lease_until = ${leaseEnd()}
     WHERE r.id = (SELECT w.id FROM reconciliation AS w LEFT JOIN served USING (merchant_id)
                    WHERE w.status = 'running'
                      AND (w.lease_until IS NULL OR w.lease_until <= postrider_now())
                    ORDER BY served.at NULLS FIRST, w.id LIMIT 1 FOR UPDATE OF w SKIP LOCKED)
    RETURNING r.id, r.lease_token::text AS token, r.merchant_id AS "merchantId", r.date::text AS date,
              r.timezone, r.tries`;
  return lease ?? null;
}

/** Gives it back, to be taken up again in `afterMs`. */
export async function releaseReconciliation(
  sql: Sql,
  lease: Lease,
  afterMs: number,
): Promise<void> {
  await sql.$executeRaw`
    UPDATE reconciliation
       SET lease_token = NULL, lease_until = postrider_now() + ${afterMs} * interval '1 millisecond'
     WHERE ${held(lease)}`;
}

/** It was tried often enough. */
export async function failReconciliation(sql: Sql, lease: Lease): Promise<void> {
  await sql.$executeRaw`
    UPDATE reconciliation SET status = 'failed', finished_at = postrider_now(), lease_token = NULL
     WHERE ${held(lease)}`;
}

/** Only the worker that holds the lease goes on; a late one finds that the token is another. */
export function held({ id, token }: Lease): Prisma.Sql {
  return Prisma.sql`id = ${id} AND status = 'running' AND lease_token = ${token}::uuid`;
}

export function leaseEnd(): Prisma.Sql {
  return Prisma.sql`postrider_now() + ${LEASE_MS} * interval '1 millisecond'`;
}

/** Runs of one merchant settle one after the other. */
export async function lockSettling(tx: Transaction, merchantId: string): Promise<void> {
  await tx.$queryRaw`
    SELECT pg_advisory_xact_lock(hashtextextended('reconciliation ' || ${merchantId}, 0))::text`;
}

/** A transaction whose statements may go over a large day. */
export function longTransaction<T>(
  prisma: Database['prisma'],
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  return prisma.$transaction(
    async (tx) => {
      await tx.$executeRaw`SELECT set_config('statement_timeout', ${String(LONG_MS)}, true)`;
      return work(tx);
    },
    { maxWait: 5 * SECOND, timeout: 2 * LONG_MS },
  );
}
