import type { DeliveryStatus } from '../../engine/delivery.ts';
import { isShownAs } from '../../engine/store/shown-status.ts';
import { Prisma, type Sql } from '../../platform/db/client.ts';

/** A filter as a job keeps it: whose it is and which states it means are written out. */
export interface StoredFilter {
  merchantId?: string[] | undefined;
  endpointId?: string[] | undefined;
  queue?: string[] | undefined;
  type?: string[] | undefined;
  status: DeliveryStatus[];
  businessKeys?: string[] | undefined;
  /** RFC 3339. */
  from?: string | undefined;
  to?: string | undefined;
}

/** What partial indexes hold, whatever the size of the table. */
const MISSED = ['failed', 'skipped'];

/**
 * Conditions on `delivery AS d`: what fits the filter and was there, in that state, at a moment of the
 * database's clock. What ends or is sent again after that is out; so the set only ever shrinks, and
 * what a job has sent never comes back into it.
 */
export function matching(filter: StoredFilter, at: Date): Prisma.Sql {
  const among = (column: Prisma.Sql, values: string[] | undefined) =>
    values === undefined ? null : Prisma.sql`${column} = ANY (${values})`;
  const conditions = [
    // Calls of other protocols are deliveries as well, with owners that decide when to repeat them.
    Prisma.sql`d.purpose = 'notify'`,
    Prisma.sql`d.accepted_at <= ${at} AND (d.settled_at IS NULL OR d.settled_at <= ${at})`,
    isShownAs(Prisma.sql`d`, filter.status),
    // Said once more for both, or the planner would not know that a partial index is enough.
    filter.status.every((status) => MISSED.includes(status))
      ? Prisma.sql`d.status IN ('failed', 'skipped')`
      : null,
    among(Prisma.sql`d.merchant_id`, filter.merchantId),
    among(Prisma.sql`d.endpoint_id`, filter.endpointId),
    among(Prisma.sql`d.queue`, filter.queue),
    among(Prisma.sql`d.type`, filter.type),
    among(Prisma.sql`d.business_key`, filter.businessKeys),
    filter.from ? Prisma.sql`d.accepted_at >= ${new Date(filter.from)}` : null,
    filter.to ? Prisma.sql`d.accepted_at < ${new Date(filter.to)}` : null,
  ].filter((condition) => condition !== null);
  return Prisma.join(conditions, ' AND ');
}

/** @returns one of these ids that is no endpoint of that merchant, deleted ones included; null: all are */
export async function findForeignEndpoint(
  sql: Sql,
  merchantId: string,
  ids: string[],
): Promise<string | null> {
  if (ids.length === 0) return null;
  const [row] = await sql.$queryRaw<{ id: string }[]>`
    SELECT asked.id FROM unnest(${ids}::text[]) AS asked (id)
     WHERE NOT EXISTS (SELECT FROM endpoint AS e
                        WHERE e.id = asked.id COLLATE "C" AND e.merchant_id = ${merchantId})
     LIMIT 1`;
  return row?.id ?? null;
}
