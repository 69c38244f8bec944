import type { Database, Transaction } from '../db/client.ts';
import { coalesced } from '../delivery/coalesce.ts';
import type { Wake, Waker } from '../delivery/queue.ts';
import { wakeFor } from '../delivery/run.ts';
import { resendDeliveries } from '../delivery/store/resend.ts';
import type { Scope } from '../notification/store/find.ts';
import type { RaiseAlerts } from '../operations/alerts.ts';
import { notFound, Problem } from '../problem.ts';
import { completeMessage } from './complete.ts';
import { confirmMessages } from './confirm.ts';
import type { CompleteMessage, Message } from './contract.ts';
import {
  type Decided,
  endCheck,
  findCheck,
  markCancelled,
  markPrepared,
  type Undecided,
} from './store/decide.ts';
import { findMessage } from './store/find.ts';

type Decision = 'confirm' | 'cancel';

/** What callers may do to messages. All throw Problem 404 for what is not theirs. */
export interface MessageCommands {
  find(scope: Scope, id: string): Promise<Message>;
  /** Confirms or cancels. Again: nothing. @throws Problem 409 when it was decided the other way */
  decide(
    scope: Scope,
    id: string,
    decision: Decision,
    by: 'producer' | 'operator',
  ): Promise<Message>;
  /**
   * A consumer has processed its delivery. @throws Problem 404 for a delivery it does not have, 409
   * `not_deliverable`, `ambiguous_delivery`, `outcome_conflict`
   *
   * @param businessKey that of the message, where the caller knows it: of another one it is absent
   */
  complete(
    scope: Scope,
    id: string,
    completion: CompleteMessage,
    businessKey?: string,
  ): Promise<Message>;
  /** Asks back from the beginning. @throws Problem 409 unless it is suspended */
  recheck(scope: Scope, id: string): Promise<Message>;
  /** An operator decides for the producer. @throws Problem 409 unless it is suspended */
  resolve(scope: Scope, id: string, decision: Decision, reason: string): Promise<Message>;
}

interface CommandDeps {
  database: Database;
  wake: Waker;
  raiseAlerts: RaiseAlerts;
}

export function createMessageCommands(deps: CommandDeps): MessageCommands {
  const {
    database: { prisma },
    wake,
    raiseAlerts,
  } = deps;

  /** A crowd that decides one message would take all connections to wait for its row. */
  const together = coalesced<boolean>();
  const completed = coalesced<void>();

  async function find(scope: Scope, id: string): Promise<Message> {
    const found = await findMessage(prisma, scope, id);
    if (found === null) throw notFound('message');
    return found;
  }

  /** @returns whether the message was in one of these states and is decided now */
  async function tryDecide(
    id: string,
    decision: Decision,
    from: readonly Undecided[],
    decided: Decided,
  ): Promise<boolean> {
    const wakes = await prisma
      .$transaction(async (tx) => {
        await endCheck(tx, id);
        return decideIn(tx, id, decision, from, decided);
      })
      .catch(unlessNotNow);
    if (wakes !== null) void wake(wakes);
    return wakes !== null;
  }

  return {
    find,
    async decide(scope, id, decision, by) {
      const before = await find(scope, id);
      if (decisionOf(before) === null) {
        const from = ['prepared', 'suspended'] as const;
        await together(`${decision} ${id}`, () =>
          tryDecide(id, decision, from, { by, reason: null }),
        );
      }
      const found = await find(scope, id);
      if (decisionOf(found) !== decision) throw decidedOtherwise(found);
      return found;
    },
    async complete(scope, id, completion, businessKey) {
      const found = await find(scope, id);
      if (businessKey !== undefined && businessKey !== found.businessKey) throw notFound('message');
      await completed(`${found.id} ${JSON.stringify(completion)}`, async () => {
        const alert = await completeMessage(prisma, raiseAlerts, found, completion);
        alert?.();
      });
      return find(scope, id);
    },
    async recheck(scope, id) {
      await find(scope, id);
      const check = await findCheck(prisma, id);
      if (check === null) throw new Error(`message ${id} has no check-back`);
      const wakes = await prisma
        .$transaction(async (tx) => {
          const resent = await resendDeliveries(tx, [check.id], {
            delivered: 'repeat',
            priority: 0,
            by: null,
          });
          if (!(await markPrepared(tx, id))) throw NOT_NOW;
          return resent
            .filter(({ verdict }) => verdict === 'due')
            .map((each) => wakeFor({ ...each, waitMs: 0 }));
        })
        .catch(unlessNotNow);
      if (wakes !== null) void wake(wakes);
      const found = await find(scope, id);
      // It was asked for before and still goes on.
      const goesOn = found.status === 'prepared' && check.cycle > 1;
      if (wakes === null && !goesOn) throw notSuspended(found);
      return found;
    },
    async resolve(scope, id, decision, reason) {
      await find(scope, id);
      const decided = await tryDecide(id, decision, ['suspended'], { by: 'operator', reason });
      const found = await find(scope, id);
      const again = found.decidedBy === 'operator' && decisionOf(found) === decision;
      if (!decided && !again) throw notSuspended(found);
      return found;
    },
  };
}

/** Rolls a transaction back that came at the wrong time: what it did before it knew is undone. */
const NOT_NOW = new Error('the message is in another state');

async function decideIn(
  tx: Transaction,
  id: string,
  decision: Decision,
  from: readonly Undecided[],
  decided: Decided,
): Promise<Wake[]> {
  if (decision === 'cancel') {
    if ((await markCancelled(tx, [id], from, decided)).length === 0) throw NOT_NOW;
    return [];
  }
  const { ids, wakes } = await confirmMessages(tx, [id], from, decided);
  if (ids.length === 0) throw NOT_NOW;
  return wakes;
}

function unlessNotNow(error: unknown): null {
  if (error !== NOT_NOW) throw error;
  return null;
}

function decisionOf({ status, notificationId }: Message): Decision | null {
  if (notificationId !== null) return 'confirm';
  return status === 'cancelled' ? 'cancel' : null;
}

function decidedOtherwise(message: Message): Problem {
  return decisionOf(message) === 'confirm'
    ? new Problem(409, 'already_confirmed', 'It is confirmed and cannot be cancelled any more.')
    : new Problem(409, 'already_cancelled', 'It is cancelled and cannot be confirmed any more.');
}

function notSuspended({ status }: Message): Problem {
  return new Problem(409, 'not_suspended', `It is ${status}, not suspended.`);
}
