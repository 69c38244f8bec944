import type { Database } from '../../platform/db/client.ts';
import { held, type Lease, lockSettling, longTransaction } from './store-lease.ts';

/**
 * Before a list is compared anew: takes away what its earlier comparison found. Two kinds of rows stay,
 * with their numbers, and their business keys are not compared again:
 *
 * - what somebody has handled;
 * - what was joined with the list of a day beside, and what agreed in the end: the other half waits no
 *   longer, so a new comparison would find half of an event and take it for all.
 *
 * By the worker and not with the list's arrival, as it has to wait for a run of a day beside that is
 * settling in this moment, and may be joining the very rows that would go.
 */
export async function clearEarlier({ prisma }: Database, lease: Lease): Promise<void> {
  await longTransaction(prisma, async (tx) => {
    const todo = await tx.$queryRaw<unknown[]>`
      SELECT 1 FROM reconciliation
       WHERE ${held(lease)} AND row_count IS NULL AND difference_count > 0`;
    if (todo.length === 0) return;
    await lockSettling(tx, lease.merchantId);
    await tx.$executeRaw`
      DELETE FROM reconciliation_difference
       WHERE reconciliation_id = (SELECT id FROM reconciliation
                                   WHERE ${held(lease)} AND row_count IS NULL FOR UPDATE)
         AND handled_action IS NULL AND NOT joined AND kind <> 'matched'`;
  });
}
