import { type Removal, removeRows } from '../../platform/db/batch-delete.ts';
import type { Database } from '../../platform/db/client.ts';

const ROWS_AT_ONCE = 5000;

/**
 * Removes comparisons that ended before, settled or not: the notifications they speak of are gone, so
 * nothing in them could be sent again. The statements they were made from remain, and who settled
 * what is in the audit log.
 */
export function removeEndedReconciliations({ prisma }: Database, before: Date): Removal {
  return removeRows(1, () => removeSome(prisma, before));
}

/**
 * Some of the oldest one's rows, and with the last of them itself. A day on which two books agree in
 * nothing has a difference for every payment: too many for one transaction.
 *
 * @returns how many rows went; 0: there is nothing more
 */
async function removeSome(prisma: Database['prisma'], before: Date): Promise<number> {
  return prisma.$transaction(async (tx) => {
    const [old] = await tx.$queryRaw<{ id: string }[]>`
      SELECT id FROM reconciliation WHERE finished_at < ${before}
       ORDER BY finished_at LIMIT 1 FOR UPDATE SKIP LOCKED`;
    if (old === undefined) return 0;
    const differences = await tx.$executeRaw`
      DELETE FROM reconciliation_difference WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM reconciliation_difference WHERE reconciliation_id = ${old.id}
         ORDER BY number LIMIT ${ROWS_AT_ONCE}))`;
    // Left where a comparison failed.
    const rows = await tx.$executeRaw`
      DELETE FROM reconciliation_row WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM reconciliation_row WHERE reconciliation_id = ${old.id}
         ORDER BY business_key LIMIT ${ROWS_AT_ONCE}))`;
    if (differences === ROWS_AT_ONCE || rows === ROWS_AT_ONCE) return differences + rows;
    await tx.$executeRaw`DELETE FROM reconciliation WHERE id = ${old.id}`;
    return differences + rows + 1;
  });
}
