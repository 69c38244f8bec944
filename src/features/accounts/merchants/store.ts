import { Prisma, type Sql } from '../../../platform/db/client.ts';
import { ALERT_INBOX } from '../endpoints/alert-inbox.ts';

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
  /** `lifetimeDays`: null, it does not end. */
  firstKey: { id: string; hash: string; lifetimeDays: number | null };
}

/** The gateway's own merchant, in nobody's list, without a key. Once it is there, it stays as it is. */
export async function ensureMerchant(
  sql: Sql,
  { id, name, secret }: Omit<NewMerchant, 'firstKey'>,
): Promise<void> {
  await sql.$executeRaw`
    INSERT INTO merchant (id, name, secret) VALUES (${id}, ${name}, ${secret})
    ON CONFLICT (id) DO NOTHING`;
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
      INSERT INTO api_key (id, role, merchant_id, name, hash, lifetime_days, expires_at)
      SELECT ${firstKey.id}, 'merchant', made.id, 'first key', ${firstKey.hash},
             ${firstKey.lifetimeDays}::int,
             postrider_now() + ${firstKey.lifetimeDays}::int * interval '1 day' FROM made
      ON CONFLICT (id) DO UPDATE SET hash = EXCLUDED.hash
    )
    SELECT ${COLUMNS} FROM made`;
  return row ?? null;
}

/** Newest first, but the gateway's own; `limit` + 1 rows, if there are so many. */
export async function listMerchants(
  sql: Sql,
  limit: number,
  after: string | null,
): Promise<MerchantRow[]> {
  return sql.$queryRaw<MerchantRow[]>`
    SELECT ${COLUMNS} FROM merchant
     WHERE id <> ${ALERT_INBOX} AND (${after}::text IS NULL OR ${LIST_KEY} < ${after})
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
