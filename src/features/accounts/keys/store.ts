import type { CallName } from '../../../api/key-scope.ts';
import type { Principal, Role } from '../../../api/route.ts';
import { Prisma, type Sql } from '../../../platform/db/client.ts';
import { newId } from '../../../platform/ids.ts';

/** The row of the configured operator key: there is one, and a new key takes the old one's place. */
const BOOTSTRAP_ID = 'key_00000000000000000000000000';

/** What a key was narrowed to; null: not in this. */
export interface KeyScope {
  calls: CallName[] | null;
  merchants: string[] | null;
  /** As `parseNetwork` reads them. */
  networks: string[] | null;
}

export interface KeyRow extends KeyScope {
  id: string;
  role: Role;
  merchantId: string | null;
  name: string;
  createdAt: Date;
  expiresAt: Date | null;
  lifetimeDays: number | null;
  rotatedAt: Date | null;
  /** Of the text before the last rotation; it may be over. */
  previousKeyExpiresAt: Date | null;
  revokedAt: Date | null;
  lastUsedAt: Date | null;
}

export interface NewKey extends KeyScope {
  id: string;
  role: Role;
  merchantId: string | null;
  name: string;
  hash: string;
  /** Sealed. */
  callbackSecret: string | null;
  expiresAt: Date | null;
  /** In place of `expiresAt`, counted from now. */
  lifetimeDays: number | null;
}

/** A key that may be used now. Spans by the database's clock, so no other clock decides. */
export interface LiveKey {
  principal: Principal;
  /** From which alone it works; null: anywhere. */
  networks: string[] | null;
  /** null: never. */
  expiresInMs: number | null;
  /** null: it was never used. */
  usedAgoMs: number | null;
}

const COLUMNS = Prisma.sql`
  id, role, merchant_id AS "merchantId", name, calls, merchants, networks, created_at AS "createdAt",
  expires_at AS "expiresAt", lifetime_days AS "lifetimeDays", rotated_at AS "rotatedAt",
  previous_hash_expires_at AS "previousKeyExpiresAt", revoked_at AS "revokedAt", last_used_at AS "lastUsedAt"`;

/**
 * Stores a key. The id is reserved by the caller's idempotency key: when it is there already, an
 * earlier run of the same call was cut off before it could answer, and its unseen key is replaced.
 *
 * @returns what is wrong with it, or its row
 */
export async function insertKey(
  sql: Sql,
  key: NewKey,
): Promise<KeyRow | 'no_merchant' | 'no_merchants' | 'expired'> {
  const named = key.merchants ?? [];
  const [check] = await sql.$queryRaw<
    { merchant: boolean; merchants: boolean; expired: boolean }[]
  >`
    SELECT EXISTS (SELECT 1 FROM merchant WHERE id = ${key.merchantId}) AS merchant,
           (SELECT count(*) FROM merchant WHERE id = ANY(${named}::text[])) = ${named.length}
             AS merchants,
           coalesce(${key.expiresAt}::timestamptz <= postrider_now(), false) AS expired`;
  if (key.merchantId !== null && check?.merchant !== true) return 'no_merchant';
  if (check?.merchants !== true) return 'no_merchants';
  if (check?.expired === true) return 'expired';
  const rows = await sql.$queryRaw<KeyRow[]>`
    INSERT INTO api_key (id, role, merchant_id, name, hash, callback_secret, expires_at,
                         lifetime_days, calls, merchants, networks)
    VALUES (${key.id}, ${key.role}, ${key.merchantId}, ${key.name}, ${key.hash},
            ${key.callbackSecret},
            coalesce(${key.expiresAt}::timestamptz,
                     postrider_now() + ${key.lifetimeDays}::int * interval '1 day'),
            ${key.lifetimeDays}::int, ${key.calls}::text[], ${key.merchants}::text[], ${key.networks}::text[])
    ON CONFLICT (id) DO UPDATE SET hash = EXCLUDED.hash, callback_secret = EXCLUDED.callback_secret
    RETURNING ${COLUMNS}`;
  const [row] = rows;
  if (row === undefined) throw new Error('The key was not stored.');
  return row;
}

export async function findKey(sql: Sql, id: string): Promise<KeyRow | null> {
  const [row] = await sql.$queryRaw<KeyRow[]>`
    SELECT ${COLUMNS}
      FROM api_key WHERE id = ${id}`;
  return row ?? null;
}

/**
 * Newest first; `limit` + 1 rows, if there are so many.
 *
 * @param withinDays only those that work now and end within so many days; null: all
 */
export async function listKeys(
  sql: Sql,
  limit: number,
  after: string | null,
  withinDays: number | null,
): Promise<KeyRow[]> {
  const ending = withinDays === null ? Prisma.sql`true` : endsWithin(withinDays);
  return sql.$queryRaw<KeyRow[]>`
    SELECT ${COLUMNS}
      FROM api_key WHERE (${after}::text IS NULL OR id < ${after}) AND ${ending}
     ORDER BY id DESC LIMIT ${limit + 1}`;
}

function endsWithin(days: number): Prisma.Sql {
  return Prisma.sql`revoked_at IS NULL AND expires_at > postrider_now()
    AND expires_at <= postrider_now() + ${days}::int * interval '1 day'`;
}

/** Revokes a key for good; again changes nothing. @returns whether there is such a key */
export async function revokeKey(sql: Sql, id: string): Promise<boolean> {
  const revoked = await sql.$executeRaw`
    UPDATE api_key SET revoked_at = coalesce(revoked_at, postrider_now()) WHERE id = ${id}`;
  return revoked > 0;
}

/** The key that a text opens: its own, or the one before its last rotation. */
export async function findLiveKey(sql: Sql, hash: string): Promise<LiveKey | null> {
  const [row] = await sql.$queryRaw<
    (Omit<Principal, 'calls' | 'merchants' | 'isReplaced'> &
      KeyScope &
      Omit<LiveKey, 'principal'> & { isReplaced: boolean })[]
  >`
    SELECT id AS "keyId", role, name, merchant_id AS "merchantId", calls, merchants, networks,
           hash <> ${hash} AS "isReplaced",
           extract(epoch FROM ends.at - postrider_now())::double precision * 1000
             AS "expiresInMs",
           extract(epoch FROM postrider_now() - last_used_at)::double precision * 1000
             AS "usedAgoMs"
      FROM api_key CROSS JOIN LATERAL (
        SELECT CASE hash WHEN ${hash} THEN expires_at ELSE previous_hash_expires_at END AS at) AS ends
     WHERE (hash = ${hash} OR previous_hash = ${hash}) AND revoked_at IS NULL
       AND (ends.at IS NULL OR ends.at > postrider_now())`;
  if (row === undefined) return null;
  const { expiresInMs, usedAgoMs, calls, merchants, networks, isReplaced, ...caller } = row;
  const principal: Principal = {
    ...caller,
    ...(calls && { calls }),
    ...(merchants && { merchants }),
    ...(isReplaced && { isReplaced }),
  };
  return { principal, networks, expiresInMs, usedAgoMs };
}

/** The keys, by id, that were revoked, or gave up a text by a rotation, within this time. */
export async function findChangedLately(sql: Sql, withinMs: number): Promise<string[]> {
  const since = Prisma.sql`postrider_now() - ${withinMs} * interval '1 millisecond'`;
  const rows = await sql.$queryRaw<{ id: string }[]>`
    SELECT id FROM api_key WHERE revoked_at > ${since}
    UNION SELECT id FROM api_key WHERE rotated_at > ${since}`;
  return rows.map(({ id }) => id);
}

/** Those of these keys that may be used now. */
export async function findLiveIds(sql: Sql, ids: string[]): Promise<Set<string>> {
  const rows = await sql.$queryRaw<{ id: string }[]>`
    SELECT id FROM api_key WHERE id = ANY(${ids}::text[]) AND revoked_at IS NULL
       AND (expires_at IS NULL OR expires_at > postrider_now())`;
  return new Set(rows.map(({ id }) => id));
}

/** Notes the use of many keys. One that another process has just noted, or is noting, is left out. */
export async function touchKeys(sql: Sql, ids: string[]): Promise<void> {
  await sql.$executeRaw`
    WITH used AS (
      SELECT id FROM api_key WHERE id = ANY(${ids}::text[])
         AND (last_used_at IS NULL OR last_used_at <= postrider_now() - interval '1 minute')
         FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE api_key AS k SET last_used_at = postrider_now() FROM used WHERE k.id = used.id`;
}

/**
 * Makes this key the configured operator key, in place of an earlier one. A key that was revoked stays
 * so; only one that was replaced may come back. An operator key that was made through the API may be
 * configured, too; then that one counts, and the earlier configured one ends.
 *
 * Not one upsert: processes that start together would collide on the hash, which is no arbiter of it.
 *
 * @returns whether a live operator key has this hash now; if not, the earlier one goes on
 */
export async function putBootstrapKey(sql: Sql, hash: string): Promise<boolean> {
  // Makes room, and remembers: else a revoked key would be back as soon as another one was configured.
  await sql.$executeRaw`
    UPDATE api_key SET id = ${newId('key')}
     WHERE id = ${BOOTSTRAP_ID} AND revoked_at IS NOT NULL AND hash <> ${hash}`;
  await sql.$executeRaw`
    INSERT INTO api_key (id, role, name, hash)
    VALUES (${BOOTSTRAP_ID}, 'operator', 'bootstrap', ${hash}) ON CONFLICT DO NOTHING`;
  await sql.$executeRaw`
    UPDATE api_key SET hash = ${hash}
     WHERE id = ${BOOTSTRAP_ID} AND revoked_at IS NULL
       AND NOT EXISTS (SELECT 1 FROM api_key WHERE hash = ${hash})`;
  const live = await findLiveKey(sql, hash);
  if (live?.principal.role !== 'operator') return false;
  await sql.$executeRaw`
    DELETE FROM api_key WHERE id = ${BOOTSTRAP_ID} AND revoked_at IS NULL AND hash <> ${hash}`;
  return true;
}
