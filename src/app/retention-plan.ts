import { removeEndedReconciliations } from '../features/reconciliations/store-remove.ts';
import { removeEndedJobs } from '../features/resends/store-remove.ts';
import type { RemoveEnded } from '../features/retention/run.ts';
import type { Database } from '../platform/db/client.ts';
import { removeEndedPings } from '../protocols/endpoint-test/store-remove.ts';
import { removeEndedMessages } from '../protocols/message/store/remove.ts';
import { removeEndedCallbacks } from '../protocols/notification/store/callbacks.ts';
import { removeFinishedTransactions } from '../protocols/tcc/store/remove.ts';

/**
 * Everything but notifications that grows with use and goes once it has ended. Messages come first, as
 * what is left of those whose notifications have just gone.
 */
export function endedThings(database: Database): Record<string, RemoveEnded> {
  return {
    messages: (before, limit) => removeEndedMessages(database, before, limit),
    transactions: (before, limit) => removeFinishedTransactions(database, before, limit),
    callbacks: (before, limit) => removeEndedCallbacks(database, before, limit),
    pings: (before, limit) => removeEndedPings(database, before, limit),
    resends: (before, limit) => removeEndedJobs(database, before, limit),
    reconciliations: (before) => removeEndedReconciliations(database, before),
  };
}
