import { dayIn } from '../../api/calendar-day.ts';
import { invalid, notFound, Problem } from '../../api/problem.ts';
import type { Database } from '../../platform/db/client.ts';
import type { ReconciliationView } from './contract.ts';
import { digestOf } from './records.ts';
import { findByFile, findStanding, insertReconciliation, type Upload } from './store.ts';
import { hasArrived } from './store-arrived.ts';

/** Lists of one merchant that may wait to be compared. */
const MAX_RUNNING = 20;
/** That one merchant may have kept for it in 24 hours: fifty lists of the largest kind. */
const MAX_RECORDS_A_DAY = 5_000_000;

/**
 * Takes a merchant's list of a day in. The same list again, in whatever order or form, is the same
 * reconciliation: it is answered as it stands, or compared anew where it failed or results have
 * arrived since ours were collected. What arrives while it runs is for the next time.
 *
 * @throws Problem 404 for an unknown merchant, 422 for a day that has not begun or is no longer kept,
 *   429 where too many of its lists wait, or too many records came in a day
 */
export async function takeList(
  database: Database,
  list: Omit<Upload, 'sha256'>,
): Promise<{ hasBegun: boolean; reconciliation: ReconciliationView }> {
  const upload = { ...list, sha256: await digestOf(list.records) };
  const earlier = await findByFile(database.prisma, upload);
  if (earlier !== null && !(await isToBegin(database, earlier))) {
    return { hasBegun: false, reconciliation: earlier };
  }
  await requireReady(database, upload, earlier === null ? upload.records.length : 0);
  const hasBegun = await insertReconciliation(database, upload, earlier?.finishedAt ?? null);
  const reconciliation = await findByFile(database.prisma, upload);
  if (reconciliation === null) throw new Error('the reconciliation is gone');
  return { hasBegun, reconciliation };
}

async function isToBegin({ prisma }: Database, earlier: ReconciliationView): Promise<boolean> {
  if (earlier.status === 'running') return false;
  return earlier.status === 'failed' || hasArrived(prisma, earlier);
}

async function requireReady(
  { prisma }: Database,
  { merchantId, date, timezone }: Upload,
  newRecords: number,
): Promise<void> {
  const standing = await findStanding(prisma, merchantId);
  if (standing === null) throw notFound('merchant');
  const { startsAt } = dayIn(date, timezone);
  if (startsAt > standing.now) throw invalid('date', 'This day has not begun.');
  if (startsAt < standing.keptFrom) {
    throw invalid('date', 'The notifications of this day are no longer kept; its statement is.');
  }
  if (standing.running >= MAX_RUNNING) {
    const detail = `${MAX_RUNNING} lists of this merchant wait to be compared already.`;
    throw new Problem(429, 'too_many_reconciliations', detail, { headers: { 'retry-after': '5' } });
  }
  if (newRecords > 0 && standing.recordsToday + newRecords > MAX_RECORDS_A_DAY) {
    const detail = `This merchant's lists of the last 24 hours hold ${standing.recordsToday} records already, of ${MAX_RECORDS_A_DAY} that it may have.`;
    throw new Problem(429, 'too_many_records', detail, { headers: { 'retry-after': '3600' } });
  }
}
