import { Prisma } from '../../platform/db/client.ts';
import { DELIVERY_STATUSES, type DeliveryStatus, isOpen, OPEN_STATUSES } from '../delivery.ts';
import { isShownAs } from './shown-status.ts';

/**
 * Of these conditions those that are asked for. The text then says nothing else, so that the plan
 * PostgreSQL keeps for it goes by the index that fits. (Rejected: `$1 IS NULL OR column = $1`, one text
 * for all, whose kept plan can rely on no index.)
 */
export function allOf(conditions: Array<Prisma.Sql | null | undefined>): Prisma.Sql {
  const asked = conditions.filter((condition) => condition != null);
  return asked.length === 0 ? Prisma.sql`true` : Prisma.join(asked, ' AND ');
}

/** One of these; null: it does not matter. With a single one, an index gives its rows in their order. */
export function among(
  column: Prisma.Sql,
  values: readonly string[] | null | undefined,
): Prisma.Sql | null {
  if (values == null) return null;
  return values.length === 1
    ? Prisma.sql`${column} = ${values[0]}`
    : Prisma.sql`${column} = ANY (${values})`;
}

/** @param delivery what the table is called */
export function inStates(
  delivery: Prisma.Sql,
  statuses: readonly DeliveryStatus[] | undefined,
): Prisma.Sql | null {
  if (statuses === undefined) return null;
  const known = DELIVERY_STATUSES.filter((status) => statuses.includes(status));
  return known.length === 0 ? Prisma.sql`false` : isShownAs(delivery, known);
}

/** Of `OPEN_STATUSES`, in constants: as the partial indexes of what is open have them. */
export const OPEN = Prisma.raw(OPEN_STATUSES.map((status) => `'${status}'`).join(', '));

/** Only states that are still to be done something about: those have indexes of their own. */
export function areOpen(statuses: readonly DeliveryStatus[]): boolean {
  return statuses.every(isOpen);
}
