import { type Removal, removeRows } from '../../platform/db/batch-delete.ts';
import type { Database } from '../../platform/db/client.ts';

/** Removes jobs that ended before. */
export function removeEndedJobs({ prisma }: Database, before: Date, limit: number): Removal {
  return removeRows(
    limit,
    (most) => prisma.$executeRaw`
      DELETE FROM resend_job WHERE id IN (
        SELECT id FROM resend_job WHERE finished_at < ${before}
         ORDER BY finished_at LIMIT ${most} FOR UPDATE SKIP LOCKED)`,
  );
}
