import { cancelForEndpoint } from '../engine/cancel.ts';
import { startWorker } from '../engine/engine.ts';
import { startCancelling } from '../features/accounts/endpoints/cancel-deleted.ts';
import { startArchiving } from '../features/audit/archive.ts';
import { startSealing } from '../features/audit/seal.ts';
import { startFolding } from '../features/overview/fold.ts';
import { startReconciling } from '../features/reconciliations/run.ts';
import { startResending } from '../features/resends/run.ts';
import { startRetention } from '../features/retention/run.ts';
import { startNotices } from '../features/statement-notices/run.ts';
import { startStatistics } from '../platform/db/statistics.ts';
import { assignSkipped } from '../protocols/notification/assign-skipped.ts';
import { startTelling } from '../protocols/notification/operational/tell.ts';
import { startTimeouts } from '../protocols/tcc/timeouts.ts';
import type { Parts } from './context.ts';
import { endedThings } from './retention-plan.ts';

const SECOND = 1000;
/** Attempts under way get this long to end by themselves. */
const DRAIN_MS = 15 * SECOND;

/** The role `worker`: deliveries, and what else happens without being asked for. */
export async function startWorkerRole(parts: Parts): Promise<void> {
  const { settings, log, databases, closers, running } = parts;
  const { engine, background } = databases;
  const worker = await startWorker(parts.engine);
  running.worker = worker;
  closers.push(() => worker.close(DRAIN_MS));
  closers.push(startStatistics({ database: background, log }));
  closers.push(startTimeouts({ database: engine, wake: parts.wake, log }));
  closers.push(startTelling(background, log).close);
  closers.push(startFolding(background, log).close);
  running.cancelling = startCancelling({
    database: background,
    cancelPage: (id) => cancelForEndpoint(background, parts.engine.protocols, id),
    log,
  });
  closers.push(running.cancelling.close);
  running.reconciling = startReconciling({ database: background, log });
  closers.push(running.reconciling.close);
  running.resending = startResending({
    database: background,
    wake: parts.wake,
    // Further deliveries that come of it are due; nobody hurries, so the sweep may find them.
    adopt: (tx, orphan) => assignSkipped(tx, { wakeReceiver: async () => {} }, orphan),
    log,
  });
  closers.push(running.resending.close);
  const retention = startRetention({
    database: background,
    statements: parts.statements,
    retentionDays: settings.RETENTION_DAYS ?? 0,
    removeExpiredKeys: parts.idempotency.removeExpired,
    ended: endedThings(background),
    log,
  });
  closers.push(retention.close);
  closers.push(startNotices({ database: background, statements: parts.statements, log }).close);
  closers.push(startSealing(background, log).close);
  const { AUDIT_RETENTION_MONTHS: months = 0, AUDIT_ARCHIVE_DIR: folder } = settings;
  if (months > 0 && folder !== undefined) {
    closers.push(startArchiving({ database: background, months, folder, log }).close);
  }
}
