import { addDays } from '../../api/calendar-day.ts';
import { type Database, Prisma, type Transaction } from '../../platform/db/client.ts';
import { held, type Lease, lockSettling, longTransaction } from './store-lease.ts';

/**
 * Settles what waited at the edges of this day and the one before, and ends the comparison.
 *
 * 1. A row that only we have and a row that only the merchant's list of a day beside has are the two
 *    halves of one event: they are compared with each other, and both get what comes out. So they
 *    stay, also when one of the two days is compared anew.
 * 2. What of the day before still waits has now had its chance. Only we have it: `gateway_only`. The
 *    merchant's list has it: compared with our result of the day beside, which was noted.
 * 3. The same for this day, where the day after was reconciled first.
 *
 * What agrees stays as a difference of kind `matched`, which callers only see counted. What somebody
 * has handled is left alone. Runs of one merchant settle one after the other.
 *
 * @returns false where the lease is lost
 */
export async function settleAndComplete({ prisma }: Database, lease: Lease): Promise<boolean> {
  const { id, merchantId, timezone, date } = lease;
  return longTransaction(prisma, async (tx) => {
    await lockSettling(tx, merchantId);
    const mine = await tx.$queryRaw<unknown[]>`
      SELECT 1 FROM reconciliation WHERE ${held(lease)} FOR UPDATE`;
    if (mine.length === 0) return false;
    const completedOn = (...dates: string[]) => Prisma.sql`
      SELECT id FROM reconciliation
       WHERE merchant_id = ${merchantId} AND timezone = ${timezone} AND status = 'completed'
         AND date = ANY (${dates}::date[])`;
    const before = addDays(date, -1);
    const after = addDays(date, 1);
    await joinHalves(tx, id, completedOn(before, after));
    await endWaiting(tx, Prisma.sql`d.reconciliation_id IN (${completedOn(before)})`);
    await endWaiting(
      tx,
      Prisma.sql`d.reconciliation_id = ${id} AND EXISTS (${completedOn(after)})`,
    );
    await tx.$executeRaw`
      UPDATE reconciliation
         SET status = 'completed', finished_at = postrider_now(), lease_token = NULL
       WHERE id = ${id}`;
    return true;
  });
}

/** @param beside the reconciliations of the days before and after */
async function joinHalves(tx: Transaction, id: string, beside: Prisma.Sql): Promise<void> {
  const both = Prisma.sql`
    theirs.merchant_status, theirs.merchant_amount, theirs.merchant_currency, ours.gateway_id,
    ours.gateway_version, ours.gateway_accepted_at, ours.gateway_status, ours.gateway_amount,
    ours.gateway_currency,
    reconciliation_verdict(ours.gateway_status, ours.gateway_amount, ours.gateway_currency,
      theirs.merchant_status, theirs.merchant_amount, theirs.merchant_currency) AS kind`;
  const halves = Prisma.sql`
    reconciliation_difference AS ours JOIN reconciliation_difference AS theirs
      ON theirs.business_key = ours.business_key
     AND ours.merchant_status IS NULL AND ours.handled_action IS NULL
     AND theirs.merchant_status IS NOT NULL AND theirs.handled_action IS NULL
     AND theirs.kind = 'pending_cutoff'`;
  const whole = Prisma.sql`
    kind = p.kind, merchant_status = p.merchant_status, merchant_amount = p.merchant_amount,
    merchant_currency = p.merchant_currency, gateway_id = p.gateway_id,
    gateway_version = p.gateway_version, gateway_accepted_at = p.gateway_accepted_at,
    gateway_status = p.gateway_status, gateway_amount = p.gateway_amount,
    gateway_currency = p.gateway_currency, joined = true`;
  await tx.$executeRaw`
    WITH pair AS MATERIALIZED (
      SELECT ours.number, theirs.reconciliation_id AS other_id, theirs.number AS other_number, ${both}
        FROM ${halves}
       WHERE ours.reconciliation_id = ${id} AND ours.kind IN ('gateway_only', 'pending_cutoff')
         AND theirs.reconciliation_id IN (${beside})
      UNION ALL
      SELECT theirs.number, ours.reconciliation_id, ours.number, ${both}
        FROM ${halves}
       WHERE theirs.reconciliation_id = ${id}
         AND ours.reconciliation_id IN (${beside}) AND ours.kind = 'pending_cutoff'
    ), others AS (
      UPDATE reconciliation_difference AS d SET ${whole}
        FROM (SELECT DISTINCT ON (other_id, other_number) * FROM pair
               ORDER BY other_id, other_number) AS p
       WHERE d.reconciliation_id = p.other_id AND d.number = p.other_number
    )
    UPDATE reconciliation_difference AS d SET ${whole}
      FROM (SELECT DISTINCT ON (number) * FROM pair ORDER BY number, other_id) AS p
     WHERE d.reconciliation_id = ${id} AND d.number = p.number`;
}

async function endWaiting(tx: Transaction, which: Prisma.Sql): Promise<void> {
  await tx.$executeRaw`
    UPDATE reconciliation_difference AS d
       SET kind = CASE WHEN merchant_status IS NULL THEN 'gateway_only'
                       ELSE reconciliation_verdict(gateway_status, gateway_amount, gateway_currency,
                              merchant_status, merchant_amount, merchant_currency) END
     WHERE ${which} AND d.kind = 'pending_cutoff' AND d.handled_action IS NULL`;
}
