import { type Database, Prisma, type Sql } from '../../platform/db/client.ts';
import { daysAround } from './days-around.ts';
import { held, type Lease, leaseEnd, longTransaction } from './store-lease.ts';

const MINUTE = 60_000;
const ROWS_AT_ONCE = 5000;

/**
 * How near to midnight two honest books may put one event on different days: clocks that differ, a
 * payment that is booked when its notification arrives, a first repeat or two.
 */
const EDGE_MS = 10 * MINUTE;

/**
 * Puts our side beside the merchant's: of each business key the latest result of that day, as all of
 * it is at one moment. Where we have none that day, the latest of the days before and after is noted:
 * the two books may only disagree about midnight. Done once, however often the comparison is taken up.
 *
 * What stayed of an earlier comparison of the same list is not compared again: neither side of it.
 */
export async function collectResults({ prisma }: Database, lease: Lease): Promise<void> {
  const { id, merchantId } = lease;
  const { startsAt, endsAt, from, to } = daysAround(lease);
  const afterStart = new Date(startsAt.getTime() + EDGE_MS);
  const beforeEnd = new Date(endsAt.getTime() - EDGE_MS);
  await longTransaction(prisma, async (tx) => {
    // Locked until the end, so nobody else takes it up even when the lease runs out meanwhile.
    const todo = await tx.$queryRaw<unknown[]>`
      SELECT 1 FROM reconciliation WHERE ${held(lease)} AND row_count IS NULL FOR UPDATE`;
    if (todo.length === 0) return;
    const ofTheDay = resultsBetween(merchantId, startsAt, endsAt);
    // One statement, so that what is counted is what was collected.
    await tx.$executeRaw`
      WITH collected AS (
        INSERT INTO reconciliation_row (reconciliation_id, business_key, gateway_place, ${OURS})
        SELECT DISTINCT ON (n.business_key) ${id}, n.business_key,
               CASE WHEN n.accepted_at < ${afterStart} OR n.accepted_at >= ${beforeEnd}
                    THEN 'edge' ELSE 'inside' END, ${RESULT}
          FROM notification AS n WHERE ${ofTheDay}
         ORDER BY n.business_key, ${LATEST_FIRST}
        ${ONTO_THEIRS}
      )
      UPDATE reconciliation
         SET as_of = postrider_now(),
             result_count = (SELECT count(*) FROM notification AS n WHERE ${ofTheDay})
       WHERE id = ${id}`;
    await tx.$executeRaw`
      INSERT INTO reconciliation_row (reconciliation_id, business_key, gateway_place, ${OURS})
      SELECT ${id}, missing.business_key, 'beside', found.*
        FROM reconciliation_row AS missing
        CROSS JOIN LATERAL (
          SELECT ${RESULT} FROM notification AS n
           WHERE ${resultsBetween(merchantId, from, to)} AND n.business_key = missing.business_key
           ORDER BY ${LATEST_FIRST} LIMIT 1) AS found
       WHERE missing.reconciliation_id = ${id} AND missing.gateway_id IS NULL
      ${ONTO_THEIRS}`;
    await tx.$executeRaw`
      DELETE FROM reconciliation_row WHERE ctid = ANY (ARRAY(
        SELECT found.ctid FROM reconciliation_difference AS kept
         CROSS JOIN LATERAL (
           SELECT r.ctid FROM reconciliation_row AS r
            WHERE r.reconciliation_id = ${id} AND r.business_key = kept.business_key LIMIT 1) AS found
         WHERE kept.reconciliation_id = ${id}))`;
    await tx.$executeRaw`
      UPDATE reconciliation
         SET row_count = (SELECT count(*) FROM reconciliation_row WHERE reconciliation_id = ${id}),
             lease_until = ${leaseEnd()}
       WHERE id = ${id}`;
  });
}

/** Results of a merchant, as a condition on `notification AS n`. */
export function resultsBetween(merchantId: string, from: Date, to: Date): Prisma.Sql {
  return Prisma.sql`n.merchant_id = ${merchantId} AND n.accepted_at >= ${from} AND n.accepted_at < ${to}
    AND n.result_status IS NOT NULL`;
}

const OURS = Prisma.sql`gateway_id, gateway_version, gateway_accepted_at, gateway_status,
  gateway_amount, gateway_currency`;
// Not an update that joins the rows with themselves: of rows just written the planner knows nothing,
// and takes the slowest way there is.
const ONTO_THEIRS = Prisma.sql`
  ON CONFLICT (reconciliation_id, business_key) DO UPDATE
    SET gateway_place = excluded.gateway_place, gateway_id = excluded.gateway_id,
        gateway_version = excluded.gateway_version,
        gateway_accepted_at = excluded.gateway_accepted_at,
        gateway_status = excluded.gateway_status, gateway_amount = excluded.gateway_amount,
        gateway_currency = excluded.gateway_currency`;
const RESULT = Prisma.sql`n.id, n.result_version, n.accepted_at, n.result_status, n.result_amount,
  n.result_currency`;
/** The order in which the result of a business key is found, here as everywhere. */
const LATEST_FIRST = Prisma.sql`n.result_version DESC, n.occurred_at DESC, n.id DESC`;

/**
 * Compares the next few thousand rows and takes them off the list: one statement, so a crash leaves
 * them either to be compared or compared.
 *
 * @returns how many there were; 0: none are left, or the lease is lost
 */
export async function compareSome(sql: Sql, lease: Lease): Promise<number> {
  const [row] = await sql.$queryRaw<{ rows: number }[]>`
    WITH held AS MATERIALIZED (
      SELECT id, compared_to, difference_count FROM reconciliation WHERE ${held(lease)} FOR UPDATE
    ), next AS (
      DELETE FROM reconciliation_row
       WHERE ctid = ANY (ARRAY(
         SELECT r.ctid FROM held JOIN reconciliation_row AS r
             ON r.reconciliation_id = held.id AND r.business_key > held.compared_to
          ORDER BY r.business_key LIMIT ${ROWS_AT_ONCE}))
      RETURNING *
    ), judged AS MATERIALIZED (
      SELECT next.*, CASE
          WHEN merchant_status IS NULL THEN
            CASE gateway_place WHEN 'edge' THEN 'pending_cutoff' ELSE 'gateway_only' END
          WHEN gateway_id IS NULL THEN 'merchant_only'
          WHEN gateway_place = 'beside' THEN 'pending_cutoff'
          ELSE reconciliation_verdict(gateway_status, gateway_amount, gateway_currency,
                 merchant_status, merchant_amount, merchant_currency) END AS kind
        FROM next
    ), found AS (
      INSERT INTO reconciliation_difference (reconciliation_id, number, kind, business_key,
        merchant_status, merchant_amount, merchant_currency, ${OURS})
      SELECT held.id, held.difference_count + row_number() OVER (ORDER BY j.business_key), j.kind,
             j.business_key, j.merchant_status, j.merchant_amount, j.merchant_currency, j.gateway_id,
             j.gateway_version, j.gateway_accepted_at, j.gateway_status, j.gateway_amount,
             j.gateway_currency
        FROM judged AS j CROSS JOIN held WHERE j.kind <> 'matched'
    ), counted AS (
      SELECT count(*)::int AS rows, count(*) FILTER (WHERE kind = 'matched')::int AS matched,
             max(business_key) AS last FROM judged
    )
    UPDATE reconciliation AS r
       SET compared_count = r.compared_count + c.rows, compared_to = coalesce(c.last, r.compared_to),
           matched = r.matched + c.matched,
           difference_count = r.difference_count + c.rows - c.matched, lease_until = ${leaseEnd()}
      FROM counted AS c JOIN held ON true WHERE r.id = held.id
    RETURNING c.rows`;
  return row?.rows ?? 0;
}
