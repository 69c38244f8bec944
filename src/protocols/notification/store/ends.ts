import { MOST_LOOKED_THROUGH } from '../../../api/pagination.ts';
import type { Scope } from '../../../api/scope.ts';
import { allOf } from '../../../engine/store/conditions.ts';
import { EVENTS_SENDER } from '../../../features/event-types/sender.ts';
import { Prisma, type Sql } from '../../../platform/db/client.ts';
import { type FeedEntry, type FeedPlace, HORIZON, NOT_BEGUN, START } from './feed.ts';
import {
  columnsFor,
  conditionOf,
  type NotificationFilter,
  type NotificationRow,
  toNotification,
} from './find.ts';

/** What the gateway sends itself, its alerts and its events, is of no key. */
const OF_NO_KEY = Prisma.sql`(VALUES ('gateway'), (${EVENTS_SENDER})) AS own (id)`;

/** Whose ends are asked for, as `sender (id)`: each has a place of its own in the index. */
function senders({ producerKeyId }: Scope): Prisma.Sql {
  return producerKeyId === null
    ? Prisma.sql`(SELECT id FROM api_key WHERE role <> 'merchant' UNION ALL SELECT id FROM ${OF_NO_KEY}) AS sender (id)`
    : Prisma.sql`(SELECT ${producerKeyId}::text COLLATE "C") AS sender (id)`;
}

/** Ends of one sender after a place, in their order, as `delivery AS d` in `delivery_ends`. */
const after = ({ xid, id }: FeedPlace) => Prisma.sql`
  d.producer_key_id = sender.id AND d.settled_xid IS NOT NULL AND d.settled_xid < ${HORIZON}
  AND (d.settled_xid, d.owner_id) > (${xid}::bigint, ${id})`;

const ORDER = Prisma.sql`ORDER BY d.settled_xid, d.owner_id`;
const literal = (count: number) => Prisma.raw(String(Math.trunc(count)));

/**
 * Notifications that have ended, the first that did so first, after a place.
 *
 * The place of a notification is the transaction in which the last of its deliveries ended, so the order
 * has the same promise as that of the catch-up feed: a reader never passes a place where something will
 * appear. What is sent again leaves its place, and has another one, further on, when it has ended again.
 *
 * @param upTo the last place to be looked at, at most `MOST_LOOKED_THROUGH` ends of a sender away; null: to the end
 */
export async function readEnds(
  sql: Sql,
  scope: Scope,
  filter: NotificationFilter,
  place: FeedPlace | null,
  limit: number,
  upTo: FeedPlace | null = null,
): Promise<FeedEntry[]> {
  const notAfter =
    upTo === null
      ? null
      : Prisma.sql`(d.settled_xid, d.owner_id) <= (${upTo.xid}::bigint, ${upTo.id})`;
  // The key's own by the index: said again of the notification, the planner might begin there.
  const asked = await conditionOf(sql, { ...scope, producerKeyId: null }, filter);
  const rows = await sql.$queryRaw<Array<NotificationRow & { xid: string; ended_at: Date }>>`
    SELECT ends.settled_xid::text AS xid, ${columnsFor(scope.producerKeyId)},
           (SELECT max(d.settled_at) FROM delivery AS d WHERE d.owner_id = n.id) AS ended_at
      FROM (
        SELECT own.settled_xid, own.owner_id FROM ${senders(scope)}
         CROSS JOIN LATERAL (
           SELECT DISTINCT d.settled_xid, d.owner_id FROM (
             SELECT d.settled_xid, d.owner_id FROM delivery AS d
              WHERE ${allOf([after(place ?? START), notAfter])}
              ${ORDER} LIMIT ${literal(MOST_LOOKED_THROUGH)}) AS d
            -- In this order: of most that a filter looks through, only the first is needed.
            WHERE CASE WHEN (SELECT true FROM notification AS n WHERE n.id = d.owner_id AND ${asked})
                       THEN (SELECT true FROM delivery AS other
                              WHERE other.owner_id = d.owner_id
                                AND (other.settled_at IS NULL OR other.settled_xid > d.settled_xid)
                              LIMIT 1) IS NULL END
            ${ORDER} LIMIT ${limit}) AS own
         ORDER BY own.settled_xid, own.owner_id LIMIT ${limit}) AS ends
      JOIN notification AS n ON n.id = ends.owner_id
     ORDER BY ends.settled_xid, ends.owner_id`;
  return rows.map((row) => ({
    xid: row.xid,
    id: row.id,
    notification: { ...toNotification(row), endedAt: row.ended_at.toISOString() },
  }));
}

/**
 * Up to where a page looks. Asked before it is read: what is sent again meanwhile would move it on, past
 * what was not looked at.
 *
 * @returns null: to the end of the feed
 */
export async function findEndOfEnds(
  sql: Sql,
  scope: Scope,
  _filter: NotificationFilter,
  place: FeedPlace | null,
): Promise<FeedPlace | null> {
  const [end] = await sql.$queryRaw<FeedPlace[]>`
    SELECT last.settled_xid::text AS xid, last.owner_id AS id FROM ${senders(scope)}
     CROSS JOIN LATERAL (
       SELECT d.settled_xid, d.owner_id FROM delivery AS d WHERE ${after(place ?? START)}
        ${ORDER} OFFSET ${literal(MOST_LOOKED_THROUGH - 1)} LIMIT 1) AS last
     ORDER BY last.settled_xid, last.owner_id LIMIT 1`;
  return end ?? null;
}

/** As of the catch-up feed: the number that the horizon must reach; null: nothing is held back. */
export async function findHeldBackEnds(sql: Sql, scope: Scope): Promise<string | null> {
  const [row] = await sql.$queryRaw<{ target: string }[]>`
    SELECT (${NOT_BEGUN})::text AS target
     WHERE EXISTS (SELECT FROM ${senders(scope)}
                     JOIN delivery AS d ON d.producer_key_id = sender.id
                    WHERE d.settled_xid >= ${HORIZON} AND d.settled_xid < ${NOT_BEGUN})`;
  return row?.target ?? null;
}
