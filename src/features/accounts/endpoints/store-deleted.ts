import type { Sql } from '../../../platform/db/client.ts';

/** Where a walk over the endpoints that something waits for has come to. */
interface Place {
  queue: string;
  receiverId: string;
}

/**
 * Deleted endpoints that something waits for. Walks along the index of what is due from one (queue,
 * receiver) to the next, so that the work does not grow with the deliveries that wait.
 *
 * @param limit how many of those pairs are looked at
 * @returns their ids, and where the walk goes on; null: it came to its end
 */
export async function findDeletedWaitedFor(
  sql: Sql,
  after: Place,
  limit: number,
): Promise<{ ids: string[]; next: Place | null }> {
  const [row] = await sql.$queryRaw<{ ids: string[] | null; seen: number; last: Place | null }[]>`
    WITH RECURSIVE walk (queue, receiver_id, step) AS (
      (SELECT queue, receiver_id, 1 FROM delivery
        WHERE status = 'pending' AND (queue, receiver_id) > (${after.queue}, ${after.receiverId})
        ORDER BY queue, receiver_id LIMIT 1)
      UNION ALL
      SELECT following.queue, following.receiver_id, step + 1
        FROM walk CROSS JOIN LATERAL (
          SELECT d.queue, d.receiver_id FROM delivery AS d
           WHERE d.status = 'pending' AND (d.queue, d.receiver_id) > (walk.queue, walk.receiver_id)
           ORDER BY d.queue, d.receiver_id LIMIT 1) AS following
       WHERE step < ${limit}
    )
    SELECT (SELECT array_agg(DISTINCT e.id) FROM walk JOIN endpoint AS e ON e.id = walk.receiver_id
             WHERE e.deleted_at IS NOT NULL) AS ids,
           (SELECT count(*)::int FROM walk) AS seen,
           (SELECT json_build_object('queue', queue, 'receiverId', receiver_id)
              FROM walk ORDER BY step DESC LIMIT 1) AS last`;
  return { ids: row?.ids ?? [], next: row?.seen === limit ? row.last : null };
}
