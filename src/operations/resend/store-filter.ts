import { Prisma } from '../../db/client.ts';

/** A filter as a job keeps it: whose it is and which states it means are written out. */
export interface StoredFilter {
  merchantId?: string[] | undefined;
  endpointId?: string[] | undefined;
  queue?: string[] | undefined;
  type?: string[] | undefined;
  status: string[];
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
    among(Prisma.sql`d.status`, filter.status),
    // Said once more in constants, or the planner could not know that a partial index is enough.
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
