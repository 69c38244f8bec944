import { lockEnded, REMOVAL, removeDeliveries } from '../../../engine/store/remove.ts';
import {
  type Place,
  placeAfter,
  type Removal,
  removeAlong,
} from '../../../platform/db/batch-delete.ts';
import { type Database, Prisma, type Sql } from '../../../platform/db/client.ts';

type Finished = Place & { branchCount: number };

/**
 * Removes transactions that finished before, with their branches and all calls of these. One with a
 * call that somebody has sent again since then stays whole.
 *
 * @param limit branches at once: they bring the calls, and a transaction may have fifty
 */
export function removeFinishedTransactions(
  { prisma }: Database,
  before: Date,
  limit: number,
): Removal {
  return removeAlong((after) =>
    prisma.$transaction(async (tx) => {
      const found = await lockFinished(tx, before, after, limit);
      const batch = fitting(found, limit);
      const branches = await findBranches(
        tx,
        batch.map(({ id }) => id),
      );
      const ended = await lockEnded(
        tx,
        branches.map(({ id }) => id),
        Prisma.sql`d.owner_kind = 'tcc'`,
        before,
      );
      const staying = new Set(
        branches.flatMap(({ id, transactionId }) => (ended.has(id) ? [] : [transactionId])),
      );
      const ids = batch.flatMap(({ id }) => (staying.has(id) ? [] : [id]));
      const gone = branches.filter(({ transactionId }) => !staying.has(transactionId));
      await removeDeliveries(
        tx,
        gone.flatMap(({ id }) => ended.get(id) ?? []),
      );
      await tx.$executeRaw`DELETE FROM tcc_branch WHERE transaction_id = ANY (${ids})`;
      const removed = await tx.$executeRaw`DELETE FROM tcc_transaction WHERE id = ANY (${ids})`;
      const next = batch.length < found.length ? (batch.at(-1) ?? null) : placeAfter(found, limit);
      return { removed, next };
    }, REMOVAL),
  );
}

/** Waits for nobody: what somebody holds is left for the next time. */
async function lockFinished(
  tx: Sql,
  before: Date,
  after: Place,
  limit: number,
): Promise<Finished[]> {
  return tx.$queryRaw<Finished[]>`
    SELECT id, finished_at AS at, branch_count AS "branchCount" FROM tcc_transaction
     WHERE finished_at < ${before} AND (finished_at, id) > (${after.at}, ${after.id})
     ORDER BY finished_at, id LIMIT ${limit} FOR UPDATE SKIP LOCKED`;
}

/** The first of them, up to so many branches; one at least. */
function fitting(found: readonly Finished[], limit: number): Finished[] {
  let branches = 0;
  return found.filter(({ branchCount }, index) => {
    branches += branchCount;
    return index === 0 || branches <= limit;
  });
}

async function findBranches(tx: Sql, transactionIds: string[]) {
  return tx.$queryRaw<{ transactionId: string; id: string }[]>`
    SELECT transaction_id AS "transactionId", id FROM tcc_branch
     WHERE transaction_id = ANY (${transactionIds})`;
}
