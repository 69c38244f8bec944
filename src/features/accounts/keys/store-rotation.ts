import type { Sql } from '../../../platform/db/client.ts';

interface KeyRotation {
  id: string;
  /** Of the new text. */
  hash: string;
  /** The call's: the same one again was cut off before it could answer, and its unseen key is replaced. */
  reservedId: string;
  /** The caller has the text before the last rotation: that is good for everything but this. */
  isReplaced: boolean;
  /** 0: the text before stops at once. */
  overlapSeconds: number;
}

type RotatedKey =
  | { kind: 'done'; expiresAt: Date | null; previousExpiresAt: Date }
  /** Two work already, and the earlier one was promised to work until then. */
  | { kind: 'overlaps'; until: Date }
  | { kind: 'replaced' }
  | { kind: 'none' };

/**
 * Gives a key another text under the same id, so that what was sent with it stays its own. The text before works for a
 * while, but not beyond its own end. A key with a lifetime gets as much of it again.
 */
export async function rotateKey(
  sql: Sql,
  { id, hash, reservedId, isReplaced, overlapSeconds }: KeyRotation,
): Promise<RotatedKey> {
  const [row] = await sql.$queryRaw<
    {
      until: Date | null;
      expiresAt: Date | null;
      previousExpiresAt: Date | null;
    }[]
  >`
    WITH held AS MATERIALIZED (
      SELECT id, previous_hash_expires_at AS until,
             coalesce(rotated_by = ${reservedId}::uuid, false) AS again,
             coalesce(previous_hash_expires_at > postrider_now(), false) AS overlaps
        FROM api_key WHERE id = ${id} AND revoked_at IS NULL FOR UPDATE
    ), rotated AS (
      UPDATE api_key AS k
         SET hash = ${hash}, rotated_by = ${reservedId}::uuid, rotated_at = postrider_now(),
             previous_hash = CASE WHEN held.again THEN k.previous_hash ELSE k.hash END,
             previous_hash_expires_at = CASE WHEN held.again THEN k.previous_hash_expires_at
               ELSE least(k.expires_at, -- null, and so not the least, where it has no end
                          postrider_now() + ${overlapSeconds} * interval '1 second') END,
             expires_at = CASE WHEN held.again OR k.lifetime_days IS NULL THEN k.expires_at
               ELSE postrider_now() + k.lifetime_days * interval '1 day' END
        FROM held
       WHERE k.id = held.id
         AND (held.again OR (NOT ${isReplaced} AND (NOT held.overlaps OR ${overlapSeconds} = 0)))
      RETURNING k.expires_at, k.previous_hash_expires_at
    )
    SELECT held.until, rotated.expires_at AS "expiresAt",
           rotated.previous_hash_expires_at AS "previousExpiresAt"
      FROM held LEFT JOIN rotated ON true`;
  if (row === undefined) return { kind: 'none' };
  const { until, expiresAt, previousExpiresAt } = row;
  if (previousExpiresAt !== null) return { kind: 'done', expiresAt, previousExpiresAt };
  return isReplaced ? { kind: 'replaced' } : { kind: 'overlaps', until: until ?? new Date(0) };
}
