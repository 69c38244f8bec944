import { Prisma } from '../../platform/db/client.ts';

/**
 * The reason of a delivery that ends without success, beside `coalesce(d.arrived_as, …)` as its state: what had
 * arrived before it was sent again gets the reason of that end back.
 *
 * @param reason why it ends, where it has never arrived
 */
export function reasonOfEnd(reason: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`CASE d.arrived_as WHEN 'delivered' THEN NULL WHEN 'acknowledged' THEN 'confirmed_by_pull'
                    ELSE ${reason} END`;
}
