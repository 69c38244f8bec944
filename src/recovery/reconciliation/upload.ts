import type { Database } from '../../db/client.ts';
import { invalid, notFound } from '../../problem.ts';
import { dayIn } from '../statements/day.ts';
import type { ReconciliationView } from './contract.ts';
import { digestOf } from './records.ts';
import { findByFile, findDayStanding, insertReconciliation, type Upload } from './store.ts';

/**
 * Takes a merchant's list of a day in. The same list again, in whatever order or form, is the same
 * reconciliation: it is answered as it stands, also when our side has changed since.
 *
 * @throws Problem 404 for an unknown merchant, 422 for a day that has not begun or is no longer kept
 */
export async function takeList(
  database: Database,
  list: Omit<Upload, 'sha256'>,
): Promise<{ isNew: boolean; reconciliation: ReconciliationView }> {
  const standing = await findDayStanding(database.prisma, list.merchantId);
  if (standing === null) throw notFound('merchant');
  const { startsAt } = dayIn(list.date, list.timezone);
  if (startsAt > standing.now) throw invalid('date', 'This day has not begun.');
  if (startsAt < standing.keptFrom) {
    throw invalid('date', 'The notifications of this day are no longer kept; its statement is.');
  }
  const upload = { ...list, sha256: digestOf(list.records) };
  const isNew = await insertReconciliation(database, upload);
  const reconciliation = await findByFile(database.prisma, upload);
  if (reconciliation === null) throw new Error('the reconciliation is gone');
  return { isNew, reconciliation };
}
