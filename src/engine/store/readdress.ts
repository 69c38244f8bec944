import type { Sql } from '../../platform/db/client.ts';

/**
 * From now on a delivery goes to another address. Its ladder, its due time and what it has been through stay; an
 * attempt that is under way at the old address keeps it where it is.
 */
export async function readdressDelivery(
  sql: Sql,
  id: string,
  to: { url: string; receiverId: string },
): Promise<'moved' | 'in_flight'> {
  const [row] = await sql.$queryRaw<{ inFlight: boolean }[]>`
    WITH url_receiver AS (
      INSERT INTO receiver (id) VALUES (${to.receiverId}) ON CONFLICT DO NOTHING
    ), wanted AS MATERIALIZED (
      SELECT d.id, d.lease_token IS NOT NULL AS in_flight FROM delivery AS d WHERE d.id = ${id} FOR UPDATE
    ), moved AS (
      UPDATE delivery AS d SET url = ${to.url}, receiver_id = ${to.receiverId}
        FROM wanted AS w WHERE d.id = w.id AND NOT w.in_flight
    )
    SELECT in_flight AS "inFlight" FROM wanted`;
  return row?.inFlight === true ? 'in_flight' : 'moved';
}
