import { type Database, Prisma, type Transaction } from '../platform/db/client.ts';
import { cancelForEndpoint } from './cancel.ts';
import type { DeliveryStatus } from './delivery.ts';
import type { Protocols } from './protocol.ts';
import { finish, type Steps, wakeFor } from './run.ts';
import { settleTelling } from './settle-telling.ts';
import type { NewDelivery } from './store/create.ts';
import { createLeased } from './store/create-leased.ts';
import { findDueAtReceiver } from './store/find-due.ts';
import type { AttemptEntry } from './store/record.ts';
import { type ResendOptions, type Resent, resendDeliveries } from './store/resend.ts';
import { currentPolicies } from './store/rules.ts';
import type { EndWithoutAttempt, Settled } from './store/settle.ts';
import type { Waker } from './timers/wake-queue.ts';

/** What others may do to deliveries. */
export interface DeliveryCommands {
  /**
   * Makes deliveries due now and wakes them; one verdict for each that exists.
   * @param by the key that asks
   * @param asked.askedAt `performance.now()` when the request came: requests that overlap make one attempt
   * @param asked.to another address, for deliveries that have one of their own
   */
  resend(
    ids: string[],
    delivered: 'refuse' | 'repeat',
    by: string,
    asked?: { askedAt?: number; to?: ResendOptions['to'] },
  ): Promise<Resent[]>;
  /** Ends deliveries of these owners that have not ended, also those being sent. */
  settleOwners(
    ownerIds: string[],
    from: readonly DeliveryStatus[],
    end: EndWithoutAttempt,
  ): Promise<Settled[]>;
  /** Ends what waits for an endpoint that was deleted: a page of it. */
  cancelForEndpoint(endpointId: string): Promise<'more' | 'done'>;
  /** A receiver may be called again: what waits for it is woken, the first few; each passes its place on. */
  wakeReceiver(receiverId: string): Promise<void>;
  /**
   * One attempt at once, here and now, never repeated; by its queue's current rules.
   *
   * @param admit called in the transaction that makes the delivery; what it throws undoes it
   */
  attemptOnce(
    delivery: Omit<NewDelivery, 'policyVersion'>,
    admit: (tx: Transaction, maxInFlight: number) => Promise<void>,
  ): Promise<AttemptEntry | null>;
}

/** Waiting deliveries woken when a receiver opens again; as they end, they draw in the rest. */
const FIRST_WOKEN = 20;

export function createCommands(
  database: Database,
  wake: Waker,
  protocols: Protocols,
  steps: Omit<Steps, 'claim'>,
): DeliveryCommands {
  const { prisma } = database;
  return {
    async resend(ids, delivered, by, { askedAt = performance.now(), to } = {}) {
      const askedAgoMs = Math.ceil(performance.now() - askedAt);
      const options = { delivered, priority: 0, by, askedAgoMs, to } as const;
      const resent = await resendDeliveries(prisma, ids, options);
      const due = resent.filter((each) => each.verdict === 'due');
      void wake(due.map((each) => wakeFor({ ...each, waitMs: 0 })));
      return resent;
    },
    settleOwners(ownerIds, from, end) {
      const which = Prisma.sql`d.owner_id = ANY (${ownerIds})`;
      return settleTelling(prisma, protocols, which, from, end);
    },
    cancelForEndpoint: (endpointId) => cancelForEndpoint(database, protocols, endpointId),
    async wakeReceiver(receiverId) {
      const due = await findDueAtReceiver(prisma, receiverId, FIRST_WOKEN);
      void wake(due.map((each) => wakeFor({ ...each, waitMs: 0 })));
    },
    async attemptOnce(delivery, admit) {
      const policies = await currentPolicies(prisma);
      const policy =
        policies.find((each) => each.queue === delivery.queue) ??
        policies.find((each) => each.queue === 'default');
      if (policy === undefined) throw new Error('the default queue is missing');
      const { queue, version: policyVersion, timeoutMs, maxInFlightPerEndpoint } = policy;
      const leased = await prisma.$transaction(async (tx) => {
        await admit(tx, maxInFlightPerEndpoint);
        return createLeased(tx, { ...delivery, queue, policyVersion }, timeoutMs);
      });
      return (await finish(leased, steps)).entry;
    },
  };
}
