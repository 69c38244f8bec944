import { Prisma } from '../../platform/db/client.ts';
import { ARRIVED, type DeliveryStatus, UNSETTLED } from '../delivery.ts';

/**
 * How far a delivery is to whoever sees it, from `delivery AS d`. One that arrived and is sent again is on its way
 * until the first new attempt has ended; when that is refused, it has arrived all the same.
 */
export const SHOWN_STATUS = Prisma.sql`shown_status(d.status, d.arrived_as, d.attempt_count)`;

/**
 * Whether a delivery is shown in one of these states. In constants and not by `shown_status`, because partial indexes
 * and statistics of a state are of no use to a parameter or a function.
 *
 * @param delivery what the table is called
 * @param statuses known ones, at least one: they become part of the text
 */
export function isShownAs(delivery: Prisma.Sql, statuses: readonly DeliveryStatus[]): Prisma.Sql {
  const among = (names: readonly DeliveryStatus[]) =>
    Prisma.raw(names.map((status) => `'${status}'`).join(', '));
  const stored = Prisma.sql`${delivery}.status IN (${among(statuses)})`;
  const sentAgain = Prisma.sql`${delivery}.status IN (${among(UNSETTLED)})
    AND ${delivery}.arrived_as IS NOT NULL AND ${delivery}.attempt_count > 0`;
  const onItsWay = statuses.some((status) => isIn(UNSETTLED, status));
  const asStored = onItsWay ? Prisma.sql`${stored} AND NOT (${sentAgain})` : stored;
  const arrived = statuses.filter((status) => isIn(ARRIVED, status));
  if (arrived.length === 0) return asStored;
  return Prisma.sql`(${asStored} OR ${sentAgain} AND ${delivery}.arrived_as IN (${among(arrived)}))`;
}

function isIn(set: readonly DeliveryStatus[], status: DeliveryStatus): boolean {
  return set.includes(status);
}
