import type { Sql } from '../../platform/db/client.ts';

/** Gives leases more time, counted from now. @returns the tokens of those that were still held */
export async function renewLeases(
  sql: Sql,
  leases: readonly { deliveryId: string; leaseToken: string }[],
  forMs: number,
): Promise<ReadonlySet<string>> {
  const rows = await sql.$queryRaw<{ token: string }[]>`
    UPDATE delivery AS d
       SET lease_until = greatest(d.lease_until, postrider_now() + ${forMs} * interval '1 millisecond')
      -- In the order of ids, like everybody who locks several deliveries: nobody waits in a circle.
      FROM (SELECT d.id FROM delivery AS d
              JOIN unnest(${leases.map(({ deliveryId }) => deliveryId)}::text[],
                          ${leases.map(({ leaseToken }) => leaseToken)}::uuid[]) AS held (id, token)
                ON d.id = held.id AND d.lease_token = held.token
             ORDER BY d.id FOR UPDATE OF d) AS chosen
     WHERE d.id = chosen.id
    RETURNING d.lease_token::text AS token`;
  return new Set(rows.map(({ token }) => token));
}
