import { invalid, notFound, Problem } from '../../api/problem.ts';
import type { Scope } from '../../api/scope.ts';
import { wakeFor } from '../../engine/run.ts';
import { resendDeliveries } from '../../engine/store/resend.ts';
import type { Wake, Waker } from '../../engine/timers/wake-queue.ts';
import type { RaiseAlerts } from '../../features/alerts.ts';
import { coalesced } from '../../platform/coalesce.ts';
import type { Database, Sql, Transaction } from '../../platform/db/client.ts';
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
import { findMessage, findMessagesOf, type Listed } from './store/find.ts';

type Decision = 'confirm' | 'cancel';

/** Which message a caller means. */
export interface MessageRef {
  /** What its producer calls it. */
  id: string;
  /** The key of that producer: another one may call another message the same. */
  producer?: string | undefined;
  /** It has this delivery. */
  deliveryId?: string | undefined;
  businessKey?: string | undefined;
}

/**
 * What callers may do to messages. All throw Problem 404 for what is not theirs, 422 `ambiguous_message`
 * where several producers have one of that id and it is not said whose is meant.
 */
export interface MessageCommands {
  find(scope: Scope, which: MessageRef, sql?: Sql): Promise<Message>;
  /** By the primary key. */
  read(scope: Scope, key: string): Promise<Message>;
  /** Confirms or cancels. Again: nothing. @throws Problem 409 when it was decided the other way */
  decide(
    scope: Scope,
    which: MessageRef,
    decision: Decision,
    by: 'producer' | 'operator',
  ): Promise<Message>;
  /**
   * A consumer has processed its delivery. @throws Problem 404 for a delivery it does not have, 409
   * `not_deliverable`, `ambiguous_delivery`, `outcome_conflict`
   */
  complete(scope: Scope, which: MessageRef, completion: CompleteMessage): Promise<Message>;
  /** Asks back from the beginning. @throws Problem 409 unless it is suspended */
  recheck(scope: Scope, which: MessageRef): Promise<Message>;
  /** An operator decides for the producer. @throws Problem 409 unless it is suspended */
  resolve(scope: Scope, which: MessageRef, decision: Decision, reason: string): Promise<Message>;
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

  async function find(scope: Scope, which: MessageRef, sql: Sql = prisma): Promise<Listed> {
    return theOne(await findMessagesOf(sql, scope, which.id, which.producer), which);
  }

  async function read(scope: Scope, key: string): Promise<Listed> {
    const found = await findMessage(prisma, scope, key);
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
    read,
    async decide(scope, which, decision, by) {
      const before = await find(scope, which);
      const { key } = before;
      if (decisionOf(before) === null) {
        const from = ['prepared', 'suspended'] as const;
        await together(`${decision} ${key}`, () =>
          tryDecide(key, decision, from, { by, reason: null }),
        );
      }
      const found = await read(scope, key);
      if (decisionOf(found) !== decision) throw decidedOtherwise(found);
      return found;
    },
    async complete(scope, which, completion) {
      const found = await find(scope, which);
      await completed(`${found.key} ${JSON.stringify(completion)}`, async () => {
        const tell = await completeMessage(prisma, { wake, raiseAlerts }, found, completion);
        tell?.();
      });
      return read(scope, found.key);
    },
    async recheck(scope, which) {
      const { key: id } = await find(scope, which);
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
      const found = await read(scope, id);
      // It was asked for before and still goes on.
      const goesOn = found.status === 'prepared' && check.cycle > 1;
      if (wakes === null && !goesOn) throw notSuspended(found);
      return found;
    },
    async resolve(scope, which, decision, reason) {
      const { key: id } = await find(scope, which);
      const decided = await tryDecide(id, decision, ['suspended'], { by: 'operator', reason });
      const found = await read(scope, id);
      const again = found.decidedBy === 'operator' && decisionOf(found) === decision;
      if (!decided && !again) throw notSuspended(found);
      return found;
    },
  };
}

/** @throws Problem 404, or 422 where more than one fits */
function theOne(found: Listed[], { deliveryId, businessKey }: MessageRef): Listed {
  const ofKey = found.filter((each) => (businessKey ?? each.businessKey) === each.businessKey);
  const having = ofKey.filter(({ deliveries }) => deliveries.some(({ id }) => id === deliveryId));
  // Of a single one a delivery that it has not is another question.
  const [one, ...others] = having.length > 0 ? having : ofKey;
  if (one === undefined) throw notFound('message');
  if (others.length === 0) return one;
  throw invalid(
    'query.producer',
    'Several producers have a message of this id: say whose by producer, or name a delivery.',
    'ambiguous_message',
  );
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
