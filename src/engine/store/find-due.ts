import { Prisma, type Sql } from '../../platform/db/client.ts';
import { timeOf, type Wanted } from './claim.ts';
import type { Floors } from './floors.ts';

/** What `findDue` searches: the whole queue from a receiver on, or just some receivers. */
export type DueScope = { after: string; receivers: number } | { receiverIds: string[] };

export interface DueSearch {
  queue: string;
  scope: DueScope;
  /** Most ids in the answer. */
  limit: number;
  /** The queue's limits for receivers that have none of their own. */
  maxInFlight: number;
  ratePerSecond: number | null;
  /** Whether there is a place left for receivers that have not proved themselves. */
  suspects: 'with' | 'without';
}

/**
 * Deliveries that are due, not overdue, and that nobody holds, in fair order: each receiver's first, then each
 * one's second … New ones come before retries. Nothing is locked: the claim decides.
 *
 * A queue is walked receiver by receiver along the index (a loose scan), a bounded number of them at
 * a time, so that the work does not grow with the deliveries that wait.
 *
 * @returns them, and the receiver where the next walk goes on (`''`: the end was reached)
 */
export async function findDue(
  sql: Sql,
  floors: Floors,
  search: DueSearch,
): Promise<{ wanted: Wanted[]; next: string }> {
  const [row] = await sql.$queryRaw<
    { ids: string[] | null; receivers: string[] | null; last: string | null; seen: number }[]
  >`
    WITH RECURSIVE ${walk(search, floors)}, open AS MATERIALIZED (
      SELECT r.id, walk.due_floor, r.open_until IS NOT NULL AS has_circuit,
             -- A time further away than its rule allows was written before the clock was set back: as in the claim.
             busy.leases = 0 AND (r.open_until <= postrider_now()
               OR r.open_until > postrider_now() + interval '60 seconds') AS may_probe,
             least(r.max_in_flight, ${search.maxInFlight}::int, r.allowance) - busy.leases AS room
        FROM walk JOIN receiver AS r ON r.id = walk.receiver_id
       CROSS JOIN LATERAL (SELECT (live_leases(r.id, walk.lease_floor))[1]::int AS leases OFFSET 0) AS busy
       WHERE r.paused_at IS NULL AND r.disabled_reason IS NULL
         AND (r.next_start_at IS NULL OR r.next_start_at <= postrider_now() + interval '100 milliseconds'
              OR r.next_start_at > postrider_now() + interval '100 milliseconds'
                 + coalesce(1.02 / least(r.rate_per_second, ${search.ratePerSecond}::float8), 0) * interval '1 second')
         AND (${search.suspects === 'with'} OR (r.trusted AND r.failure_score = 0))
    ), found AS (
      SELECT d.id, open.id AS receiver_id, d.priority, d.due_at, open.room,
             row_number() OVER (PARTITION BY open.id ORDER BY d.priority, d.due_at) AS place
        FROM open CROSS JOIN LATERAL (
          SELECT p.*, row_number() OVER (ORDER BY p.priority, p.due_at) AS line
            FROM unnest(ARRAY[0, 1, 2]) AS level (priority) CROSS JOIN LATERAL (
            SELECT id, priority, due_at, passes_circuit(due_at, deadline_at) AS passes FROM delivery
             WHERE queue = ${search.queue} AND receiver_id = open.id AND status = 'pending'
               AND priority = level.priority AND due_at <= postrider_now()
               AND due_at >= coalesce(open.due_floor, '-infinity')
               AND deadline_at > postrider_now()
             ORDER BY due_at LIMIT CASE WHEN open.has_circuit THEN ${BEHIND_A_CIRCUIT}
                                        ELSE greatest(0, least(open.room, ${search.limit})) END) AS p) AS d
       WHERE open.room > 0
         AND (NOT open.has_circuit OR d.passes OR (d.line = 1 AND open.may_probe))
    )
    SELECT f.ids, f.receivers, (SELECT max(receiver_id) FROM walk) AS last, (SELECT count(receiver_id)::int FROM walk) AS seen
      FROM (SELECT array_agg(id ORDER BY place, priority, due_at) AS ids,
                   array_agg(receiver_id ORDER BY place, priority, due_at) AS receivers
              FROM (SELECT * FROM found WHERE place <= room ORDER BY place, priority, due_at LIMIT ${search.limit}) AS first) AS f`;
  const more = 'after' in search.scope && row?.seen === search.scope.receivers;
  const wanted = (row?.ids ?? []).map((id, place) => ({
    id,
    receiverId: row?.receivers?.[place] ?? null,
  }));
  return { wanted, next: more ? (row?.last ?? '') : '' };
}

/** So many of the first are looked at for such as an open circuit lets pass: the oldest are the likeliest. */
const BEHIND_A_CIRCUIT = 50;

/** A whole walk knows no floors: it is what finds the little that they hide. */
function walk({ queue, scope }: DueSearch, floors: Floors): Prisma.Sql {
  if ('receiverIds' in scope) {
    const ids = scope.receiverIds;
    return Prisma.sql`walk AS (
      SELECT w.id COLLATE "C" AS receiver_id, w.lease_floor,
             least(coalesce(w.due_floor, '-infinity'), postrider_now() - interval '1 second') AS due_floor
        FROM unnest(${ids}::text[], ${ids.map((id) => floors.leaseAt(id))}::bigint[],
                    ${ids.map((id) => timeOf(floors.dueAt(queue, id)))}::timestamptz[])
             AS w (id, lease_floor, due_floor))`;
  }
  return Prisma.sql`walk (receiver_id, step, lease_floor, due_floor) AS (
    (SELECT receiver_id, 1, NULL::bigint, NULL::timestamptz FROM delivery
      WHERE queue = ${queue} AND status = 'pending' AND receiver_id > ${scope.after}
      ORDER BY receiver_id LIMIT 1)
    UNION ALL
    SELECT (SELECT d.receiver_id FROM delivery AS d
             WHERE d.queue = ${queue} AND d.status = 'pending' AND d.receiver_id > walk.receiver_id
             ORDER BY d.receiver_id LIMIT 1), step + 1, NULL::bigint, NULL::timestamptz
      FROM walk WHERE receiver_id IS NOT NULL AND step < ${scope.receivers})`;
}

/** What is due at one receiver, in whichever queue. */
export async function findDueAtReceiver(
  sql: Sql,
  receiverId: string,
  limit: number,
): Promise<{ id: string; queue: string; dueAtMs: number }[]> {
  const rows = await sql.$queryRaw<{ id: string; queue: string; due_at: Date }[]>`
    SELECT d.id, d.queue, d.due_at
      FROM queue AS q CROSS JOIN LATERAL (
        SELECT id, queue, due_at, priority FROM delivery
         WHERE queue = q.name AND receiver_id = ${receiverId} AND status = 'pending'
           AND due_at <= postrider_now()
         ORDER BY priority, due_at LIMIT ${limit}) AS d
     ORDER BY d.priority, d.due_at LIMIT ${limit}`;
  // Its own time of waking: the job of its due time may still lie finished in the queue.
  return rows.map((row) => ({ id: row.id, queue: row.queue, dueAtMs: Date.now() }));
}
