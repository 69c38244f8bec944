import { PROTOCOL_QUEUES } from '../../engine/protocol-queues.ts';
import { originReceiver } from '../../engine/receiver-id.ts';
import { wakeFor } from '../../engine/run.ts';
import type { NewDelivery } from '../../engine/store/create.ts';
import type { Wake } from '../../engine/timers/wake-queue.ts';
import type { Transaction } from '../../platform/db/client.ts';
import { newId } from '../../platform/ids.ts';
import {
  type DecidedBranch,
  type Decision,
  decideTransactions,
  findDecidedBranches,
  insertSecondPhase,
} from './store/decide.ts';
import { findLane } from './store/insert.ts';

export const TRY_QUEUE = PROTOCOL_QUEUES.tccTry;
const SECOND_QUEUE = PROTOCOL_QUEUES.tccSecond;

const SECOND = 1000;

/** What has been decided, and what the commit brings. */
export interface Decided {
  ids: string[];
  wakes: Wake[];
}

/**
 * Decides transactions that are still being tried, and makes all calls of their second phase, in the
 * caller's transaction. The first branch's turn is now; the calls of the others are there, and wait
 * for the end of the one before them.
 *
 * Crash points: before the commit nothing is decided, and the timeout will cancel; after it everything
 * that has to be called is in the database, and the sweep finds what was not woken.
 */
export async function decide(tx: Transaction, ids: string[], decision: Decision): Promise<Decided> {
  const decided = await decideTransactions(tx, ids, decision);
  if (decided.length === 0) return { ids: [], wakes: [] };
  const branches = await findDecidedBranches(tx, decided);
  if (decision.decision === 'cancel') branches.reverse();
  const lane = await findLane(tx, SECOND_QUEUE);
  const started = new Set<string>();
  const deliveries = branches.map((branch) => {
    const isFirst = !started.has(branch.transactionId);
    started.add(branch.transactionId);
    const deadlineMs = lane.deadlineSeconds * SECOND;
    return {
      delivery: secondPhase(branch, decision, {
        policyVersion: lane.version,
        delayMs: isFirst ? lane.firstDelaySeconds * SECOND : deadlineMs,
        deadlineMs,
      }),
      isFirst,
    };
  });
  const dueAtMs = await insertSecondPhase(
    tx,
    deliveries.map(({ delivery }) => delivery),
  );
  const wakes = deliveries.flatMap(({ delivery: { id, queue, delayMs }, isFirst }) =>
    isFirst ? [wakeFor({ id, queue, dueAtMs: dueAtMs.get(id) ?? 0, waitMs: delayMs })] : [],
  );
  return { ids: decided, wakes };
}

function secondPhase(
  { id, producerKeyId, businessKey, confirmUrl, cancelUrl }: DecidedBranch,
  { decision }: Decision,
  timing: Pick<NewDelivery, 'policyVersion' | 'delayMs' | 'deadlineMs'>,
): NewDelivery {
  const url = decision === 'confirm' ? confirmUrl : cancelUrl;
  return branchCall({ id, producerKeyId, businessKey }, decision, url, SECOND_QUEUE, timing);
}

/** A call of a branch, as the engine knows it. */
export function branchCall(
  branch: { id: string; producerKeyId: string; businessKey: string },
  op: 'try' | 'confirm' | 'cancel',
  url: string,
  queue: string,
  timing: Pick<NewDelivery, 'policyVersion' | 'delayMs' | 'deadlineMs'>,
): NewDelivery {
  return {
    id: newId('dlv'),
    ownerKind: 'tcc',
    ownerId: branch.id,
    purpose: op,
    merchantId: null,
    type: `tcc.${op}`,
    businessKey: branch.businessKey,
    queue,
    receiverId: originReceiver(branch.producerKeyId, url),
    endpointId: null,
    url,
    ...timing,
  };
}
