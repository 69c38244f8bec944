import type { Sql } from '../../platform/db/client.ts';
import { daysAround } from './days-around.ts';
import { resultsBetween } from './store-compare.ts';

/**
 * Whether a comparison that has ended could find more by now: results of its day that were not there
 * when ours were collected, or one of a day beside for what only the merchant had. Never of a day of
 * which something may be gone: the comparison is what remains.
 *
 * A scan of the day's index at the most; how many there were is known, so what was committed late or
 * filled in by hand is found as well. Where it is not known, since the comparison is older than its
 * counting: what was accepted after the list came.
 */
export async function hasArrived(
  sql: Sql,
  { id, merchantId, date, timezone }: Reconciled,
): Promise<boolean> {
  const { startsAt, endsAt, from, to } = daysAround({ date, timezone });
  const ofTheDay = resultsBetween(merchantId, startsAt, endsAt);
  const [row] = await sql.$queryRaw<{ arrived: boolean }[]>`
    SELECT CASE WHEN r.result_count IS NULL THEN EXISTS (
             SELECT 1 FROM notification AS n
              WHERE ${ofTheDay} AND n.accepted_at >= r.created_at)
           ELSE r.result_count <> (
             SELECT count(*) FROM notification AS n WHERE ${ofTheDay})
           END OR EXISTS (
             SELECT 1 FROM reconciliation_difference AS d
              CROSS JOIN LATERAL (
                SELECT 1 FROM notification AS n
                 WHERE ${resultsBetween(merchantId, from, to)} AND n.business_key = d.business_key
                 LIMIT 1) AS beside
              WHERE d.reconciliation_id = r.id AND d.kind = 'merchant_only'
                AND d.handled_action IS NULL) AS arrived
      FROM reconciliation AS r CROSS JOIN retention
     WHERE r.id = ${id} AND retention.kept_from <= ${startsAt}`;
  return row?.arrived ?? false;
}

interface Reconciled {
  id: string;
  merchantId: string;
  date: string;
  timezone: string;
}
