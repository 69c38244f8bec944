import { among, OPEN } from '../../../engine/store/conditions.ts';
import { Prisma, type Sql } from '../../../platform/db/client.ts';

/** So many rows are sorted for a page, and not more. */
const FEW = 1_000;

/**
 * The notifications with these keys, where they are few.
 *
 * @param merchantIds null: whosever
 * @returns null: there are many
 */
export async function findByKey(
  sql: Sql,
  merchantIds: string[] | null,
  keys: string[],
): Promise<string[] | null> {
  if (merchantIds === null) {
    // Of a key alone there is an index on deliveries, and a notification has at least one.
    const found = await findDeliveriesByKey(sql, keys);
    return found && [...new Set(found.map(({ ownerId }) => ownerId))];
  }
  const rows = await sql.$queryRaw<{ id: string }[]>`
    SELECT found.id FROM unnest(${merchantIds}::text[]) AS m (id), unnest(${keys}::text[]) AS k (key)
      CROSS JOIN LATERAL (
        SELECT n.id FROM notification AS n
         WHERE n.merchant_id = m.id AND n.business_key BETWEEN k.key AND k.key
         ORDER BY n.business_key LIMIT ${FEW + 1}) AS found
     LIMIT ${FEW + 1}`;
  return rows.length > FEW ? null : [...new Set(rows.map(({ id }) => id))];
}

/**
 * The deliveries with these keys, whosever, where they are few. By a range, and in the order of the index: of an
 * equality with what it does not know, the planner expects a good part of the table, and would begin to read that.
 *
 * @returns null: there are many
 */
export async function findDeliveriesByKey(
  sql: Sql,
  keys: string[],
): Promise<{ id: string; ownerId: string }[] | null> {
  const rows = await sql.$queryRaw<{ id: string; ownerId: string }[]>`
    SELECT found.id, found.owner_id AS "ownerId" FROM unnest(${[...new Set(keys)]}::text[]) AS k (key)
      CROSS JOIN LATERAL (
        SELECT d.id, d.owner_id FROM delivery AS d WHERE d.business_key BETWEEN k.key AND k.key
         ORDER BY d.business_key, d.id LIMIT ${FEW + 1}) AS found
     LIMIT ${FEW + 1}`;
  return rows.length > FEW ? null : rows;
}

/** Those of a producer's event; one for each merchant at most. */
export async function findByEvent(
  sql: Sql,
  merchantIds: string[] | null,
  eventId: string,
): Promise<string[]> {
  const rows = await sql.$queryRaw<{ id: string }[]>`
    SELECT n.id FROM merchant AS m JOIN notification AS n ON n.merchant_id = m.id
     WHERE n.event_id = ${eventId} AND ${merchantIds === null ? Prisma.sql`true` : Prisma.sql`m.id = ANY (${merchantIds})`}
     LIMIT ${FEW}`;
  return rows.map(({ id }) => id);
}

/** Whether few deliveries of these merchants are still to be done something about. */
export async function haveFewOpen(sql: Sql, merchantIds: string[]): Promise<boolean> {
  const [row] = await sql.$queryRaw<{ count: number }[]>`
    SELECT count(*)::int AS count FROM (
      SELECT FROM delivery AS d
       WHERE ${among(Prisma.sql`d.merchant_id`, merchantIds)}
         AND d.status IN (${OPEN})
       LIMIT ${FEW + 1}) AS open`;
  return (row?.count ?? 0) <= FEW;
}
