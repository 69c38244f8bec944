import { type Database, Prisma } from '../db/client.ts';
import type { Owners } from './owner.ts';
import { tellOwners } from './recorder.ts';
import { endLostAttempt, type Steps, wakeFor } from './run.ts';
import { findOverdueLeases } from './store/claim.ts';
import { settleDeliveries } from './store/settle.ts';

/** Rows in one statement; a sweep goes on until less than this is found. */
const BATCH = 500;

/**
 * Ends what a dead or hanging worker left behind: the attempt is logged as `unknown`, the ladder
 * goes on. Of two sweepers one wins, by the lease's token.
 *
 * @returns how many leases had run out
 */
export async function recoverLostAttempts(
  { prisma }: Database,
  steps: Pick<Steps, 'policyOf' | 'readLost' | 'record' | 'report' | 'wake'>,
): Promise<number> {
  let found = 0;
  for (;;) {
    const overdue = await findOverdueLeases(prisma, BATCH);
    found += overdue.length;
    const nowMs = await databaseNowMs(prisma);
    await Promise.all(
      overdue.map(async (delivery) => {
        const policy = await steps.policyOf(delivery.queue, delivery.policyVersion);
        const ending = endLostAttempt(delivery, policy, steps.readLost(delivery), nowMs);
        const recorded = await steps.record(ending, delivery, null);
        if (recorded === null) return;
        if (ending.attempt !== null) steps.report({ delivery, entry: ending.attempt, recorded });
        if (recorded.waitMs !== null) await steps.wake([wakeFor(recorded)]);
      }),
    );
    if (overdue.length < BATCH) return found;
  }
}

/** Ends what waited past its deadline: behind a pause, an open circuit, or while nothing ran. */
export async function expireDeliveries({ prisma }: Database, owners: Owners): Promise<number> {
  let found = 0;
  for (;;) {
    const { expired, afterCommit } = await prisma.$transaction(async (tx) => {
      const settled = await settleDeliveries(
        tx,
        Prisma.sql`d.deadline_at <= postrider_now()`,
        ['pending'],
        { status: 'failed', reason: 'deadline_passed' },
        BATCH,
      );
      return { expired: settled.length, afterCommit: await tellOwners(tx, owners, settled) };
    });
    for (const act of afterCommit) act();
    found += expired;
    if (expired < BATCH) return found;
  }
}

async function databaseNowMs(prisma: Database['prisma']): Promise<number> {
  const [row] = await prisma.$queryRaw<{ now: Date }[]>`SELECT postrider_now() AS now`;
  return row?.now.getTime() ?? Date.now();
}
