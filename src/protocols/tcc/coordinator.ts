import { setTimeout as pause } from 'node:timers/promises';
import { invalid, notFound, Problem } from '../../api/problem.ts';
import type { DeliveryCommands } from '../../engine/commands.ts';
import { UNSETTLED } from '../../engine/delivery.ts';
import { wakeFor } from '../../engine/run.ts';
import type { Waker } from '../../engine/timers/wake-queue.ts';
import { coalesced } from '../../platform/coalesce.ts';
import type { Database, Sql } from '../../platform/db/client.ts';
import { newId } from '../../platform/ids.ts';
import { exactFingerprintOf, fingerprintOf } from '../../platform/json/fingerprint.ts';
import { elementTexts, memberText, unrounded } from '../../platform/json/text.ts';
import { advance } from './advance.ts';
import { type BranchInput, MOST_BRANCHES, type TransactionInput } from './contract.ts';
import { branchCall, decide, TRY_QUEUE } from './decide.ts';
import { move } from './move.ts';
import { requireTurn } from './resend.ts';
import type { Decision } from './store/decide.ts';
import {
  findBranch,
  findState,
  findStates,
  findTransaction,
  type Scope,
  type State,
} from './store/find.ts';
import { findLane, insertBranch, insertTransaction, type NewBranch } from './store/insert.ts';
import type { NewUrls } from './store/move.ts';
import { lockTransactions, noteResolved, resumeTransactions } from './store/progress.ts';

export interface CoordinatorDeps {
  database: Database;
  wake: Waker;
  commands: Pick<DeliveryCommands, 'resend' | 'settleOwners'>;
  /** Why an address may not be called; null: it may. */
  checkUrl(url: string): string | null;
}

export type Coordinator = ReturnType<typeof createCoordinator>;

const SECOND = 1000;
const FIRST_LOOK_MS = 20;
const LONGEST_LOOK_MS = 250;

/** What callers may ask of transactions, by their ids. All of these throw Problem. */
export function createCoordinator({ database, wake, commands, checkUrl }: CoordinatorDeps) {
  const { prisma } = database;

  async function stateOf(id: string): Promise<State> {
    const state = await findState(prisma, id);
    if (state === null) throw notFound('transaction');
    return state;
  }

  /** A crowd that decides one transaction would take all connections to wait for its row. */
  const together = coalesced<boolean>();

  function tryToDecide(id: string, decision: Decision): Promise<boolean> {
    const cause = decision.decision === 'cancel' ? decision.cause : 'confirm';
    return together(`${cause} ${id}`, async () => {
      const { ids, wakes } = await prisma.$transaction((tx) => decide(tx, [id], decision));
      if (wakes.length > 0) void wake(wakes);
      return ids.length > 0;
    });
  }

  function checkUrls(branch: NewUrls & Pick<Partial<BranchInput>, 'tryUrl'>, at: string): void {
    for (const name of ['tryUrl', 'confirmUrl', 'cancelUrl'] as const) {
      const url = branch[name];
      const refused = url == null ? null : checkUrl(url);
      if (refused !== null) throw invalid(`${at}.${name}`, refused);
    }
  }

  return {
    /** @throws Problem 404 where the scope sees none, 409 `ambiguous_gid` where it sees several */
    async idOf(scope: Scope, gid: string): Promise<string> {
      return (await findOneState(prisma, scope, gid)).id;
    },

    /**
     * @param id a TypeID, its place in lists, and its gid where none was given
     * @returns the id of the transaction, and whether this call has made it
     */
    async create(
      input: TransactionInput,
      rawBody: string,
      id: string,
      producerKeyId: string,
    ): Promise<{ id: string; isNew: boolean }> {
      const gid = input.gid ?? id;
      for (const [index, branch] of input.branches.entries()) {
        checkUrls(branch, `body.branches.${index}`);
      }
      const texts = elementTexts(memberText(rawBody, 'branches') ?? '[]');
      const branches = input.branches.map((branch, index) =>
        newBranch(branch, texts[index] ?? '{}'),
      );
      const fingerprint = fingerprintOf({
        ...input,
        branches: input.branches.map((branch, index) => exactly(branch, texts[index] ?? '{}')),
      });
      const lane = await findLane(prisma, TRY_QUEUE);
      const deliveries =
        input.mode === 'managed'
          ? branches.map((branch) =>
              branchCall(
                { id: branch.id, producerKeyId, businessKey: input.businessKey },
                'try',
                branch.tryUrl ?? '',
                TRY_QUEUE,
                {
                  policyVersion: lane.version,
                  delayMs: lane.firstDelaySeconds * SECOND,
                  deadlineMs: input.timeoutSeconds * SECOND,
                },
              ),
            )
          : [];
      const { businessKey, mode, timeoutSeconds } = input;
      const made = await insertTransaction(prisma, {
        gid,
        id,
        producerKeyId,
        businessKey,
        mode,
        timeoutSeconds,
        fingerprint,
        branches,
        deliveries,
      });
      if (made !== null) {
        if (made.length > 0) void wake(made.map(wakeFor));
        return { id, isNew: true };
      }
      const earlier = await findTransaction(
        prisma,
        (await findOneState(prisma, producerKeyId, gid)).id,
      );
      if (earlier?.fingerprint === fingerprint) return { id: earlier.id, isNew: false };
      throw new Problem(
        409,
        'transaction_conflict',
        `You have another transaction with the gid ${gid}.`,
      );
    },

    async register(id: string, input: BranchInput, rawBody: string): Promise<'made' | 'there'> {
      checkUrls(input, 'body');
      const { mode } = await stateOf(id);
      const branch = newBranch(input, rawBody);
      const earlier = await findBranch(prisma, id, input.branchId);
      if (earlier === null && mode === 'managed') {
        throw decided('A managed transaction has all its branches from the beginning.');
      }
      const result =
        earlier === null ? await insertBranch(prisma, id, branch, MOST_BRANCHES) : 'there';
      if (result === 'made') return 'made';
      const there = await findBranch(prisma, id, input.branchId);
      if (there === null) throw await refusedBranch(await stateOf(id));
      if (there.fingerprint === branch.fingerprint) return 'there';
      throw new Problem(409, 'transaction_conflict', 'This branch was registered differently.');
    },

    async confirm(id: string): Promise<void> {
      const before = await stateOf(id);
      if (before.status === 'trying') {
        if (before.mode === 'managed' && !before.timedOut) {
          throw new Problem(
            409,
            'tries_pending',
            'It is confirmed when all its tries have succeeded.',
          );
        }
        if (!before.timedOut && (await tryToDecide(id, { decision: 'confirm' }))) return;
        // Past its time, though the timer has not been round yet: the answer must not depend on that.
        const late = await stateOf(id);
        if (late.status === 'trying' && late.timedOut) {
          await tryToDecide(id, { decision: 'cancel', cause: 'timed_out', reason: null });
        }
      }
      const { decision, cause } = await stateOf(id);
      if (decision === 'confirm') return;
      if (cause === 'timed_out') {
        throw new Problem(409, 'timed_out', 'Its time was up before it was confirmed.');
      }
      throw new Problem(409, 'already_cancelling', 'This transaction was cancelled.');
    },

    async cancel(id: string, reason: string | null): Promise<void> {
      const { status } = await stateOf(id);
      const decision = { decision: 'cancel', cause: 'requested', reason } as const;
      if (status === 'trying' && (await tryToDecide(id, decision))) return;
      if ((await stateOf(id)).decision === 'cancel') return;
      throw new Problem(409, 'already_confirming', 'This transaction was confirmed.');
    },

    /** Looks until the second phase has ended, one way or the other, or the time is up. */
    async waitForEnd(id: string, waitMs: number): Promise<void> {
      const endsAt = performance.now() + waitMs;
      for (let lookMs = FIRST_LOOK_MS; ; lookMs = Math.min(2 * lookMs, LONGEST_LOOK_MS)) {
        const leftMs = endsAt - performance.now();
        if (leftMs <= 0) return;
        const { status } = await stateOf(id);
        if (status !== 'confirming' && status !== 'cancelling') return;
        await pause(Math.min(lookMs, leftMs));
      }
    },

    /** One more call at once; a suspended transaction goes on with a day of its own. */
    async retry(id: string, branchId: string, keyId: string): Promise<void> {
      const branch = await decidedBranch(id, branchId);
      if (branch.isFinished) return;
      requireTurn(branch);
      // First the call, then the state: a crash in between leaves a call that ends the transaction.
      await commands.resend([branch.deliveryId], 'refuse', keyId);
      await resumeTransactions(prisma, [id]);
    },

    async move(id: string, branchId: string, urls: NewUrls): Promise<void> {
      if (urls.confirmUrl === undefined && urls.cancelUrl === undefined) {
        throw invalid('body', 'Say confirmUrl, cancelUrl, or both.');
      }
      checkUrls(urls, 'body');
      await move(database, id, branchId, urls);
    },

    /** An operator has done by hand what was decided; the transaction goes on to the next branch. */
    async resolve(
      id: string,
      branchId: string,
      by: { reason: string; keyId: string },
    ): Promise<void> {
      const branch = await decidedBranch(id, branchId);
      const wakes = await prisma.$transaction(async (tx) => {
        await lockTransactions(tx, [branch.id]);
        await noteResolved(tx, branch.id, by);
        return advance(tx, [branch.id]);
      });
      if (wakes.length > 0) void wake(wakes);
      await commands.settleOwners([branch.id], UNSETTLED, {
        status: 'cancelled',
        reason: 'cancelled_by_request',
      });
    },
  };

  async function decidedBranch(id: string, branchId: string) {
    const branch = await findBranch(prisma, id, branchId);
    if (branch === null) throw notFound('branch');
    const { decision, deliveryId } = branch;
    if (decision === null || deliveryId === null) {
      throw new Problem(409, 'not_decided', 'This transaction has not been decided yet.');
    }
    return { ...branch, deliveryId };
  }

  async function refusedBranch({ status, timedOut }: State): Promise<Problem> {
    return status === 'trying' && !timedOut
      ? invalid('body.branchId', `A transaction has at most ${MOST_BRANCHES} branches.`)
      : decided('This transaction takes no more branches.');
  }
}

/** A gid is its producer's: of somebody who sees everybody's it may need a producer beside it. */
export async function findOneState(sql: Sql, scope: Scope, gid: string): Promise<State> {
  const [state, another] = await findStates(sql, scope, gid);
  if (state === undefined) throw notFound('transaction');
  if (another === undefined) return state;
  throw new Problem(
    409,
    'ambiguous_gid',
    `Several producers have a transaction with the gid ${gid}. Say whose is meant: ?producer=${state.producer} or ?producer=${another.producer}.`,
  );
}

function newBranch(input: BranchInput, text: string): NewBranch {
  return {
    id: newId('brn'),
    branchId: input.branchId,
    tryUrl: input.tryUrl ?? null,
    confirmUrl: input.confirmUrl,
    cancelUrl: input.cancelUrl,
    payloadText: memberText(text, 'payload') ?? '{}',
    // Those that are stored were made so, with the null.
    fingerprint: exactFingerprintOf({ ...exactly(input, text), tryUrl: input.tryUrl ?? null }),
  };
}

/** For comparing: numbers of the payload that a double cannot hold stay what they are. */
function exactly(input: BranchInput, text: string): BranchInput {
  const payload = unrounded(input.payload, memberText(text, 'payload') ?? '{}');
  return { ...input, payload: payload as BranchInput['payload'] };
}

function decided(detail: string): Problem {
  return new Problem(409, 'transaction_decided', detail);
}
