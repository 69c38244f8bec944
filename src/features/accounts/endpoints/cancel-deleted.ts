import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Database } from '../../../platform/db/client.ts';
import { type Repeated, repeat } from '../../../platform/time/periodic.ts';
import { findDeletedWaitedFor } from './store-deleted.ts';

interface CancellingDeps {
  database: Pick<Database, 'prisma'>;
  /** Ends a page of what waits for an endpoint that was deleted. */
  cancelPage(endpointId: string): Promise<'more' | 'done'>;
  log: Pick<Logger, 'error'>;
}

const SECOND = 1000;
const EVERY_MS = 15 * SECOND;
/** Endpoints that something waits for, looked at in one statement. */
const WALK = 1_000;

/**
 * Ends what still waits for deleted endpoints: the rest of a big backlog, what a process that died
 * left, and what was on its way into one while it was deleted. The claim finds those out as well, one
 * by one; but not behind a pause, which nobody can lift any more, nor before they are due.
 */
export function startCancelling(deps: CancellingDeps): Repeated {
  return repeat(
    EVERY_MS,
    (stopping) => cancelDeleted(deps, stopping),
    (error) => deps.log.error({ err: error }, 'cancelling what waits for deleted endpoints failed'),
  );
}

/** One walk over all endpoints that something waits for, with a rest as long as each step. */
async function cancelDeleted(
  { database, cancelPage }: CancellingDeps,
  stopping: AbortSignal,
): Promise<void> {
  let after: Parameters<typeof findDeletedWaitedFor>[1] | null = { queue: '', receiverId: '' };
  while (after !== null && !stopping.aborted) {
    const beganAt = performance.now();
    const { ids, next } = await findDeletedWaitedFor(database.prisma, after, WALK);
    after = next;
    for (const id of ids) {
      while (!stopping.aborted && (await cancelPage(id)) === 'more');
    }
    const restMs = performance.now() - beganAt;
    if (next !== null) await pause(restMs, undefined, { signal: stopping }).catch(() => {});
  }
}
