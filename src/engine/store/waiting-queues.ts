import { Prisma } from '../../platform/db/client.ts';

/**
 * A recursive CTE: `waiting (queue)`, the queues in which something waits, those that are gone included.
 * From one to the next along an index, so that the work does not grow with what waits. Its last row is null.
 */
export const WAITING_QUEUES = Prisma.sql`waiting AS (
      (SELECT queue FROM delivery WHERE status = 'pending' ORDER BY queue LIMIT 1)
      UNION ALL
      SELECT (SELECT d.queue FROM delivery AS d
               WHERE d.status = 'pending' AND d.queue > waiting.queue ORDER BY d.queue LIMIT 1)
        FROM waiting WHERE queue IS NOT NULL
    )`;
