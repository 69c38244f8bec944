import { Prisma, type Sql } from '../../../platform/db/client.ts';

/** What a rotation changes. */
export interface Rotation {
  id: string;
  /** The new secret, sealed. */
  secret: string;
  /** 0: the earlier ones sign no more, whatever they were promised. */
  overlapSeconds: number;
}

/** `overlaps`: two sign already, and the earlier one was promised to sign until then. */
export type Rotated =
  | { kind: 'done'; previousExpiresAt: Date }
  | { kind: 'overlaps'; until: Date }
  | { kind: 'none' };

const SECRET = {
  secret: Prisma.sql`secret`,
  previous: Prisma.sql`previous_secret`,
  expiresAt: Prisma.sql`previous_secret_expires_at`,
};

/** Where secrets are kept, and which rows have one. */
const PLACES = {
  merchant: { ...SECRET, table: Prisma.sql`merchant`, isLive: Prisma.sql`true` },
  endpoint: { ...SECRET, table: Prisma.sql`endpoint`, isLive: Prisma.sql`deleted_at IS NULL` },
  key: {
    table: Prisma.sql`api_key`,
    secret: Prisma.sql`callback_secret`,
    previous: Prisma.sql`previous_callback_secret`,
    expiresAt: Prisma.sql`previous_callback_secret_expires_at`,
    isLive: Prisma.sql`callback_secret IS NOT NULL AND revoked_at IS NULL`,
  },
};

/**
 * The live secret becomes the previous one, for a while. Within such a while there is no second rotation: it
 * would end a secret before the time that its user was told.
 */
export async function rotateSecret(
  sql: Sql,
  place: keyof typeof PLACES,
  { id, secret, overlapSeconds }: Rotation,
): Promise<Rotated> {
  const { table, secret: current, previous, expiresAt, isLive } = PLACES[place];
  const [row] = await sql.$queryRaw<{ done: Date | null; until: Date | null }[]>`
    WITH held AS MATERIALIZED (
      SELECT id, ${expiresAt} AS until, coalesce(${expiresAt} > postrider_now(), false) AS overlaps
        FROM ${table} WHERE id = ${id} AND ${isLive} FOR UPDATE
    ), rotated AS (
      UPDATE ${table} AS t
         SET ${current} = ${secret}, ${previous} = ${current},
             ${expiresAt} = postrider_now() + ${overlapSeconds} * interval '1 second'
        FROM held WHERE t.id = held.id AND (NOT held.overlaps OR ${overlapSeconds} = 0)
      RETURNING t.${expiresAt} AS done
    )
    SELECT rotated.done, held.until FROM held LEFT JOIN rotated ON true`;
  if (row === undefined) return { kind: 'none' };
  if (row.done !== null) return { kind: 'done', previousExpiresAt: row.done };
  return { kind: 'overlaps', until: row.until ?? new Date(0) };
}
