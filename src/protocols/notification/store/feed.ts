import { MOST_LOOKED_THROUGH } from '../../../api/pagination.ts';
import type { Scope } from '../../../api/scope.ts';
import { allOf, among, OPEN } from '../../../engine/store/conditions.ts';
import { Prisma, type Sql } from '../../../platform/db/client.ts';
import type { Notification } from '../contract.ts';
import {
  columnsFor,
  conditionOf,
  merchantIdsOf,
  type NotificationFilter,
  type NotificationRow,
  toNotification,
} from './find.ts';

/** A place in a feed: that of the last notification seen. */
export interface FeedPlace {
  /** The transaction that made its deliveries, or ended the last of them; digits, beyond 2^53 one day. */
  xid: string;
  id: string;
}

export interface FeedEntry extends FeedPlace {
  notification: Notification;
}

/** What has arrived stays out, also while it is sent again. */
const UNDELIVERED = Prisma.sql`d.status IN (${OPEN}) AND d.arrived_as IS NULL`;
/** Every transaction below this number has ended, so nothing can be added there any more. Asked once. */
export const HORIZON = Prisma.sql`(SELECT feed_horizon())`;
export const NOT_BEGUN = Prisma.sql`next_transaction_number()`;
export const START: FeedPlace = { xid: '0', id: '' };

/**
 * Notifications with something undelivered, oldest first, after a place.
 *
 * The order is that of the transactions that made them, and what a transaction that still runs may
 * yet bring is waited for: together with all that came after it. So a reader never passes a place
 * where something will appear, and never meets anything twice. The price: a transaction that writes
 * to this database and stays open holds the feed back until it ends (it is late then, never wrong).
 * Those that only read don't.
 *
 * A place stays valid while deliveries settle, because it is a position and not a row. What is sent
 * again by hand after it was cancelled keeps its place, behind the reader; `from` finds it.
 *
 * One descent of `delivery_undelivered` for each merchant asked for, whatever the tables' size.
 *
 * @param upTo the last place to be looked at; null: to the end
 */
export async function readFeed(
  sql: Sql,
  scope: Scope,
  filter: NotificationFilter,
  after: FeedPlace | null,
  limit: number,
  upTo: FeedPlace | null = null,
): Promise<FeedEntry[]> {
  const { xid, id } = after ?? START;
  // A delivery is never older than its notification: this only spares a look at the table.
  const from = filter.from
    ? Prisma.sql`d.accepted_at >= ${new Date(filter.from)}`
    : Prisma.sql`true`;
  const rows = await sql.$queryRaw<Array<NotificationRow & { created_xid: string }>>`
    SELECT feed.created_xid::text AS created_xid, ${columnsFor(scope.producerKeyId)}
      FROM (
        SELECT own.created_xid, own.owner_id
          FROM merchant AS m
          CROSS JOIN LATERAL (
            SELECT DISTINCT d.created_xid, d.owner_id
              FROM delivery AS d JOIN notification AS n ON n.id = d.owner_id
             WHERE d.merchant_id = m.id AND ${UNDELIVERED} AND d.created_xid < ${HORIZON}
               AND (d.created_xid, d.owner_id) > (${xid}::bigint, ${id}) AND ${from} AND ${notAfter(upTo)}
               AND ${await conditionOf(sql, scope, filter)}
             ORDER BY d.created_xid, d.owner_id LIMIT ${limit}) AS own
         WHERE ${ofMerchants(scope, filter)}
         ORDER BY own.created_xid, own.owner_id LIMIT ${limit}) AS feed
      JOIN notification AS n ON n.id = feed.owner_id
     ORDER BY feed.created_xid, feed.owner_id`;
  return rows.map((row) => ({
    xid: row.created_xid,
    id: row.id,
    notification: toNotification(row),
  }));
}

function notAfter(place: FeedPlace | null): Prisma.Sql {
  if (place === null) return Prisma.sql`true`;
  return Prisma.sql`(d.created_xid, d.owner_id) <= (${place.xid}::bigint, ${place.id})`;
}

/**
 * Up to where a page looks, because no index knows what its filter asks for: `MOST_LOOKED_THROUGH` deliveries of a
 * merchant. Asked before they are read: what settles meanwhile would move the end on, past what was not looked at.
 *
 * @returns null: to the end of the feed
 */
export async function findFeedEnd(
  sql: Sql,
  scope: Scope,
  filter: NotificationFilter,
  after: FeedPlace | null,
): Promise<FeedPlace | null> {
  const { xid, id } = after ?? START;
  const [end] = await sql.$queryRaw<FeedPlace[]>`
    SELECT ends.created_xid::text AS xid, ends.owner_id AS id
      FROM merchant AS m
      CROSS JOIN LATERAL (
        SELECT d.created_xid, d.owner_id FROM delivery AS d
         WHERE d.merchant_id = m.id AND d.status IN (${OPEN})
           AND d.created_xid < ${HORIZON} AND (d.created_xid, d.owner_id) > (${xid}::bigint, ${id})
         ORDER BY d.created_xid, d.owner_id
        OFFSET ${Prisma.raw(String(MOST_LOOKED_THROUGH - 1))} LIMIT 1) AS ends
     WHERE ${ofMerchants(scope, filter)}
     ORDER BY ends.created_xid, ends.owner_id LIMIT 1`;
  return end ?? null;
}

function ofMerchants(scope: Scope, filter: NotificationFilter): Prisma.Sql {
  const asked = merchantIdsOf(scope, filter.merchantId);
  return allOf([among(Prisma.sql`m.id`, asked), among(Prisma.sql`m.id`, scope.merchants)]);
}

/**
 * Whether something that the reader may see is held back by transactions still running.
 * @returns the number that `feed_horizon()` must reach for it to be shown; null: nothing
 */
export async function findHeldBack(
  sql: Sql,
  scope: Scope,
  filter: NotificationFilter,
): Promise<string | null> {
  const [row] = await sql.$queryRaw<{ target: string }[]>`
    SELECT (${NOT_BEGUN})::text AS target
     WHERE EXISTS (SELECT FROM merchant AS m JOIN delivery AS d ON d.merchant_id = m.id
                    WHERE ${ofMerchants(scope, filter)} AND ${UNDELIVERED}
                      AND d.created_xid >= ${HORIZON} AND d.created_xid < ${NOT_BEGUN})`;
  return row?.target ?? null;
}

export async function horizonReached(sql: Sql, target: string): Promise<boolean> {
  const [row] = await sql.$queryRaw<{ reached: boolean }[]>`
    SELECT ${HORIZON} >= ${target}::bigint AS reached`;
  return row?.reached ?? false;
}

/** Whether a place can be one of this database's, and is not from a future that a disk set back has lost. */
export async function isKnownPlace(sql: Sql, { xid }: FeedPlace): Promise<boolean> {
  const [row] = await sql.$queryRaw<{ known: boolean }[]>`
    SELECT ${xid}::bigint < ${NOT_BEGUN} AS known`;
  return row?.known ?? false;
}
