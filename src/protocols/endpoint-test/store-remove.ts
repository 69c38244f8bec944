import { endedBefore } from '../../engine/store/remove.ts';
import { type Removal, removeRows } from '../../platform/db/batch-delete.ts';
import type { Database } from '../../platform/db/client.ts';

/** Removes the deliveries of endpoint tests that ended before; they belong to nothing else. */
export function removeEndedPings({ prisma }: Database, before: Date, limit: number): Removal {
  return removeRows(
    limit,
    (most) => prisma.$executeRaw`
      WITH gone AS MATERIALIZED (
        SELECT d.id FROM delivery AS d
         WHERE d.owner_kind = 'ping' AND d.accepted_at < ${before} AND ${endedBefore(before)}
         ORDER BY d.accepted_at LIMIT ${most} FOR UPDATE SKIP LOCKED
      ), attempts AS (
        DELETE FROM attempt AS a USING gone WHERE a.delivery_id = gone.id
      )
      DELETE FROM delivery AS d USING gone WHERE d.id = gone.id`,
  );
}
