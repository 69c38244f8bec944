import { type Database, Prisma, type Sql } from '../../db/client.ts';
import { lockEnded, REMOVAL, removeDeliveries } from '../../delivery/store/remove.ts';
import { type Place, placeAfter, type Removal, removeAlong } from '../../removal.ts';

/** `id` is the gid. */
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
      const staying = new Set(branches.flatMap(({ id, gid }) => (ended.has(id) ? [] : [gid])));
      const gids = batch.flatMap(({ id }) => (staying.has(id) ? [] : [id]));
      const gone = branches.filter(({ gid }) => !staying.has(gid));
      await removeDeliveries(
        tx,
        gone.flatMap(({ id }) => ended.get(id) ?? []),
      );
      await tx.$executeRaw`DELETE FROM tcc_branch WHERE gid = ANY (${gids})`;
      const removed = await tx.$executeRaw`DELETE FROM tcc_transaction WHERE gid = ANY (${gids})`;
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
    SELECT gid AS id, finished_at AS at, branch_count AS "branchCount" FROM tcc_transaction
     WHERE finished_at < ${before} AND (finished_at, gid) > (${after.at}, ${after.id})
     ORDER BY finished_at, gid LIMIT ${limit} FOR UPDATE SKIP LOCKED`;
}

/** The first of them, up to so many branches; one at least. */
function fitting(found: readonly Finished[], limit: number): Finished[] {
  let branches = 0;
  return found.filter(({ branchCount }, index) => {
    branches += branchCount;
    return index === 0 || branches <= limit;
  });
}

async function findBranches(tx: Sql, gids: string[]): Promise<{ gid: string; id: string }[]> {
  return tx.$queryRaw<{ gid: string; id: string }[]>`
    SELECT gid, id FROM tcc_branch WHERE gid = ANY (${gids})`;
}
