import { Prisma, type Sql } from '../db/client.ts';

export interface MerchantRow {
  id: string;
  name: string;
  createdAt: Date;
  listKey: string;
}

export interface NewMerchant {
  id: string;
  name: string;
  /** Sealed. */
  secret: string;
  firstKey: { id: string; hash: string };
}

/** By time of creation, then id, as one text that can be compared: ids may be of the caller's choice. */
const LIST_KEY = Prisma.sql`
  to_char(created_at AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSMS') || id COLLATE "C"`;

const COLUMNS = Prisma.sql`id, name, created_at AS "createdAt", ${LIST_KEY} AS "listKey"`;

/**
 * A merchant and its first key, in one statement. When both are there already, an earlier run of the
 * same call was cut off before it could answer; its unseen secrets are replaced.
 *
 * @returns null where another merchant has the id
 */
export async function insertMerchant(
  sql: Sql,
  { id, name, secret, firstKey }: NewMerchant,
): Promise<MerchantRow | null> {
  const [row] = await sql.$queryRaw<MerchantRow[]>`
    WITH cut_off AS (
      SELECT 1 FROM api_key WHERE id = ${firstKey.id} AND merchant_id = ${id}
    ), made AS (
      INSERT INTO merchant (id, name, secret) VALUES (${id}, ${name}, ${secret})
      ON CONFLICT (id) DO UPDATE SET secret = EXCLUDED.secret WHERE EXISTS (SELECT FROM cut_off)
      RETURNING *
    ), keyed AS (
      INSERT INTO api_key (id, role, merchant_id, name, hash)
      SELECT ${firstKey.id}, 'merchant', made.id, 'first key', ${firstKey.hash} FROM made
      ON CONFLICT (id) DO UPDATE SET hash = EXCLUDED.hash
    )
    SELECT ${COLUMNS} FROM made`;
  return row ?? null;
}

/** Newest first; `limit` + 1 rows, if there are so many. */
export async function listMerchants(
  sql: Sql,
  limit: number,
  after: string | null,
): Promise<MerchantRow[]> {
  return sql.$queryRaw<MerchantRow[]>`
    SELECT ${COLUMNS} FROM merchant WHERE ${after}::text IS NULL OR ${LIST_KEY} < ${after}
     ORDER BY "listKey" DESC LIMIT ${limit + 1}`;
}

export async function findMerchant(sql: Sql, id: string): Promise<MerchantRow | null> {
  const [row] = await sql.$queryRaw<MerchantRow[]>`
    SELECT ${COLUMNS} FROM merchant WHERE id = ${id}`;
  return row ?? null;
}

export async function renameMerchant(
  sql: Sql,
  id: string,
  name: string,
): Promise<MerchantRow | null> {
  const [row] = await sql.$queryRaw<MerchantRow[]>`
    UPDATE merchant SET name = ${name} WHERE id = ${id} RETURNING ${COLUMNS}`;
  return row ?? null;
}

/** What a rotation changes; the merchant's and the endpoint's tables share these columns. */
export interface Rotation {
  id: string;
  /** The new secret, sealed. */
  secret: string;
  overlapSeconds: number;
}

/**
 * The live secret becomes the previous one, for a while. An older one that was still in its own
 * overlap signs no more: two at a time.
 *
 * @returns when the previous one stops signing; null where there is no such merchant
 */
export async function rotateMerchantSecret(
  sql: Sql,
  { id, secret, overlapSeconds }: Rotation,
): Promise<Date | null> {
  const [row] = await sql.$queryRaw<{ expiresAt: Date }[]>`
    UPDATE merchant SET secret = ${secret}, previous_secret = secret,
           previous_secret_expires_at = postrider_now() + ${overlapSeconds} * interval '1 second'
     WHERE id = ${id} RETURNING previous_secret_expires_at AS "expiresAt"`;
  return row?.expiresAt ?? null;
}
