import { type Found, lookThrough } from '../../../api/pagination.ts';
import type { Scope } from '../../../api/scope.ts';
import type { DeliveryStatus } from '../../../engine/delivery.ts';
import { allOf, among, areOpen, inStates, OPEN } from '../../../engine/store/conditions.ts';
import { Prisma, type Sql } from '../../../platform/db/client.ts';
import type { Notification } from '../contract.ts';
import {
  columnsFor,
  hasStatus,
  isLeast,
  merchantIdsOf,
  type NotificationFilter,
  type NotificationRow,
  toNotification,
  visible,
} from './find.ts';
import { findByKey, haveFewOpen } from './narrow.ts';
import { searchFor } from './search.ts';

/** How a list is read. Conditions are on `notification AS n`. */
interface Way {
  /** What an index has in the order of the list. */
  within: Prisma.Sql;
  /** What is seen at a row only; null: nothing is asked for. */
  passing: Prisma.Sql | null;
  /** `within` holds few rows, however many there are. */
  isNarrow: boolean;
  /** In the order of acceptance, which for all but what came at once is that of the ids. */
  isByTime: boolean;
}

/**
 * Newest first. Where no index leads to what is asked for, a page looks through `MOST_LOOKED_THROUGH` rows.
 *
 * @param before the id of the last one seen
 */
export async function listNotifications(
  sql: Sql,
  scope: Scope,
  filter: NotificationFilter,
  before: string | null,
  limit: number,
): Promise<Found<Notification>> {
  const way = await wayOf(sql, scope, filter);
  const from = Prisma.sql`FROM notification AS n
     WHERE ${allOf([way.within, before === null ? null : olderThan(before, way)])}`;
  const among = (looked: Prisma.Sql) =>
    sql.$queryRaw<NotificationRow[]>`
      SELECT ${columnsFor(scope.producerKeyId)} FROM (SELECT n.* ${from} ${looked}) AS n
       WHERE ${way.passing ?? Prisma.sql`true`} ${orderOf(way)} LIMIT ${limit}`;
  const newest = (count: number) => Prisma.sql`${orderOf(way)} LIMIT ${literal(count)}`;
  const whole = (rows: NotificationRow[]) => ({ rows: rows.map(toNotification), lookedTo: null });
  if (way.isNarrow) return whole(await among(Prisma.empty));
  if (way.passing === null) return whole(await among(newest(limit)));
  const ends = new Map<string, Date>();
  const found = await lookThrough<NotificationRow>({
    limit,
    look: (count) => among(newest(count)),
    async endOf(count) {
      const [end] = await sql.$queryRaw<{ id: string; accepted_at: Date }[]>`
        SELECT n.id, n.accepted_at ${from} ${orderOf(way)} OFFSET ${literal(count - 1)} LIMIT 1`;
      if (end !== undefined) ends.set(end.id, end.accepted_at);
      return end?.id ?? null;
    },
    keyOf: ({ id }) => id,
    isOlder({ id, accepted_at }, end) {
      const byTime = way.isByTime ? accepted_at.getTime() - (ends.get(end)?.getTime() ?? 0) : 0;
      return byTime === 0 ? id < end : byTime < 0;
    },
  });
  return { ...found, rows: found.rows.map(toNotification) };
}

function orderOf({ isByTime }: Way): Prisma.Sql {
  return isByTime
    ? Prisma.sql`ORDER BY n.accepted_at DESC, n.id DESC`
    : Prisma.sql`ORDER BY n.id DESC`;
}

/** In the text and not a parameter: a plan that is kept must know how little is wanted. */
function literal(count: number): Prisma.Sql {
  return Prisma.raw(String(Math.trunc(count)));
}

function olderThan(before: string, { isByTime }: Way): Prisma.Sql {
  if (!isByTime) return Prisma.sql`n.id < ${before}`;
  return Prisma.sql`(n.accepted_at, n.id)
    < ((SELECT last.accepted_at FROM notification AS last WHERE last.id = ${before}), ${before})`;
}

async function wayOf(sql: Sql, scope: Scope, filter: NotificationFilter): Promise<Way> {
  const merchantIds = merchantIdsOf(scope, filter.merchantId);
  const asked = among(Prisma.sql`n.merchant_id`, filter.merchantId);
  const own = allOf([visible(scope), asked]);
  const time = [
    filter.from ? Prisma.sql`n.accepted_at >= ${new Date(filter.from)}` : null,
    filter.to ? Prisma.sql`n.accepted_at < ${new Date(filter.to)}` : null,
  ];
  const key = among(Prisma.sql`n.business_key`, filter.businessKey);
  const search = filter.search ? await searchFor(sql, filter.search, merchantIds) : null;
  const found = filter.businessKey && (await findByKey(sql, merchantIds, filter.businessKey));
  const rest = [
    among(Prisma.sql`n.type`, filter.type),
    among(Prisma.sql`n.queue`, filter.queue),
    key,
    search?.condition,
  ];

  const ids = found ?? search?.ids;
  if (ids) {
    const within = allOf([Prisma.sql`n.id = ANY (${ids})`, own, ...time, ...rest]);
    const passing = filter.status ? isLeast(filter.status) : null;
    return { within, passing, isNarrow: true, isByTime: false };
  }
  if (filter.status && areOpen(filter.status)) {
    const open = await openOf(sql, scope, merchantIds, filter.status);
    if (open !== null) {
      return {
        within: allOf([own, open, ...time, ...rest]),
        passing: null,
        isNarrow: true,
        isByTime: false,
      };
    }
  }
  const status = filter.status && isLeast(filter.status);
  const isOfOne = merchantIds?.length === 1 && scope.producerKeyId === null;
  const isByTime = isOfOne && (filter.from ?? filter.to) !== undefined;
  const within = isOfOne ? [own] : [visible(scope), search?.within];
  const seen = [isOfOne ? null : asked, ...(isByTime ? [] : time), ...rest, status];
  return {
    within: allOf(isByTime ? [...within, ...time] : within),
    passing: seen.every((each) => each == null) ? null : allOf(seen),
    isNarrow: false,
    isByTime,
  };
}

/**
 * A condition that few notifications meet, by the deliveries that are still to be done something about.
 *
 * @returns null: there are many
 */
async function openOf(
  sql: Sql,
  { producerKeyId }: Scope,
  merchantIds: string[] | null,
  statuses: DeliveryStatus[],
): Promise<Prisma.Sql | null> {
  // Of all merchants together, the indexes of each state are the best that there is.
  if (merchantIds === null) return producerKeyId === null ? hasStatus(statuses) : null;
  if (!(await haveFewOpen(sql, merchantIds))) return null;
  return Prisma.sql`n.id IN (SELECT o.owner_id FROM (
        SELECT * FROM delivery AS d WHERE ${among(Prisma.sql`d.merchant_id`, merchantIds)}
           AND d.status IN (${OPEN}) OFFSET 0) AS o
      WHERE ${inStates(Prisma.sql`o`, statuses)}) AND ${isLeast(statuses)}`;
}
