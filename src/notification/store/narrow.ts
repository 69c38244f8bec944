import { Prisma, type Sql } from '../../db/client.ts';
import { among } from './conditions.ts';

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
  // Of a key alone there is an index on deliveries, and a notification has at least one.
  const rows =
    merchantIds === null
      ? await sql.$queryRaw<{ id: string }[]>`
          SELECT d.owner_id AS id FROM delivery AS d
           WHERE ${among(Prisma.sql`d.business_key`, keys)} LIMIT ${FEW + 1}`
      : await sql.$queryRaw<{ id: string }[]>`
          SELECT n.id FROM notification AS n
           WHERE ${ofMerchants(merchantIds)} AND ${among(Prisma.sql`n.business_key`, keys)}
           LIMIT ${FEW + 1}`;
  return rows.length > FEW ? null : [...new Set(rows.map(({ id }) => id))];
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

/** Whether few deliveries have these keys, whosever. */
export async function isRareKey(sql: Sql, keys: string[]): Promise<boolean> {
  const [row] = await sql.$queryRaw<{ count: number }[]>`
    SELECT count(*)::int AS count FROM (
      SELECT FROM delivery AS d WHERE ${among(Prisma.sql`d.business_key`, keys)} LIMIT ${FEW + 1}) AS own`;
  return (row?.count ?? 0) <= FEW;
}

/** Whether few deliveries of these merchants are still to be done something about. */
export async function haveFewOpen(sql: Sql, merchantIds: string[]): Promise<boolean> {
  const [row] = await sql.$queryRaw<{ count: number }[]>`
    SELECT count(*)::int AS count FROM (
      SELECT FROM delivery AS d
       WHERE ${among(Prisma.sql`d.merchant_id`, merchantIds)}
         AND d.status IN ('pending', 'sending', 'failed', 'skipped')
       LIMIT ${FEW + 1}) AS open`;
  return (row?.count ?? 0) <= FEW;
}

function ofMerchants(merchantIds: string[]): Prisma.Sql {
  return among(Prisma.sql`n.merchant_id`, merchantIds) ?? Prisma.sql`true`;
}
