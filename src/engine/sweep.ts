import { endLostAttempt, type Steps, wakeFor } from './run.ts';
import type { EngineStore } from './store/engine-store.ts';

/** Rows in one statement; a sweep goes on until less than this is found. */
const BATCH = 500;

/**
 * Ends what a dead or hanging worker left behind: the attempt is logged as `unknown`, the ladder
 * goes on. Of two sweepers one wins, by the lease's token.
 *
 * @returns how many leases had run out
 */
export async function recoverLostAttempts(
  store: Pick<EngineStore, 'findOverdueLeases' | 'nowMs'>,
  steps: Pick<Steps, 'leases' | 'policyOf' | 'readLost' | 'record' | 'report' | 'wake'>,
): Promise<number> {
  let found = 0;
  for (;;) {
    const overdue = await store.findOverdueLeases(BATCH);
    // What this process still has in its hands is late, not lost.
    const lost = overdue.filter(({ leaseToken }) => !steps.leases.holds(leaseToken));
    found += lost.length;
    const nowMs = await store.nowMs();
    await Promise.all(
      lost.map(async (delivery) => {
        const policy = await steps.policyOf(delivery.queue, delivery.policyVersion);
        const ending = endLostAttempt(delivery, policy, steps.readLost(delivery), nowMs);
        const recorded = await steps.record(ending, delivery, null);
        if (recorded === null) return;
        if (ending.attempt !== null) steps.report({ delivery, entry: ending.attempt, recorded });
        if (recorded.waitMs !== null) await steps.wake([wakeFor(recorded)]);
      }),
    );
    if (overdue.length < BATCH || lost.length === 0) return found;
  }
}

/** Ends what waited past its deadline: behind a pause, an open circuit, or while nothing ran. */
export async function expireDeliveries(store: Pick<EngineStore, 'expire'>): Promise<number> {
  let found = 0;
  for (;;) {
    const expired = await store.expire(BATCH);
    found += expired;
    if (expired < BATCH) return found;
  }
}
