import type { RecordItem } from '../../src/engine/record.ts';
import { mergeHealth } from '../../src/engine/rules/circuit.ts';
import type { Ending, Health, Recorded } from '../../src/engine/store/record.ts';
import { endOf } from './arrived.ts';
import { type DeliveryRow, type ReceiverRow, type Tables, toColumn, write } from './rows.ts';

const CIRCUIT_OPENS_AT = 200;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/** What the statement in `recordEndings` does. */
export function record(tables: Tables, items: RecordItem[]): Array<Recorded | null> {
  // Whoever waits is looked for in the snapshot from before.
  const waitingBefore = [...tables.live.values()]
    .filter(({ status, dueAt }) => status === 'pending' && (dueAt ?? Infinity) <= tables.nowMs)
    .map(({ queue, receiverId }) => `${queue} ${receiverId}`);
  const answers = items.map(({ ending }) => end(tables, ending, new Set(waitingBefore)));
  for (const health of mergeHealth(items.flatMap((item) => item.health ?? []))) {
    const receiver = tables.receivers.get(health.receiverId);
    if (receiver !== undefined) fare(tables, receiver, health);
  }
  return answers;
}

function end(tables: Tables, ending: Ending, waiting: Set<string>): Recorded | null {
  const row = tables.deliveries.get(ending.deliveryId);
  if (row === undefined || row.leaseToken !== ending.leaseToken) return null;
  const { attempt, next } = ending;
  const released = next.to === 'released';
  const status = released ? 'pending' : next.to;
  const { trigger } = row;
  const wasSending = row.status === 'sending';
  const settles = wasSending && status !== 'pending';
  const said = { status, reason: 'reason' in next ? next.reason : null };
  const isLost = status === 'failed' || status === 'cancelled';
  write(tables, row, {
    ...(wasSending && (isLost ? endOf(row, said) : said)),
    rung: 'rung' in next ? next.rung : row.rung,
    attemptCount: row.attemptCount + (attempt === null ? 0 : 1),
    trigger: released ? row.trigger : 'ladder',
    priority: attempt !== null && row.priority === 0 ? 1 : row.priority,
    dueAt: wasSending && status === 'pending' ? dueAfter(tables, row, ending) : null,
    resumeAt: released ? row.resumeAt : null,
    settledAt: wasSending ? (settles ? tables.nowMs : null) : row.settledAt,
    leaseToken: null,
    leasedAt: null,
    leaseUntil: null,
  });
  if (attempt !== null) {
    const { outcome, startedAtMs } = attempt;
    const { id: deliveryId, cycle, attemptCount: number } = row;
    tables.attempts.push({ deliveryId, cycle, number, trigger, outcome, startedAtMs });
  }
  return toRecorded(tables, row, status, waiting);
}

function dueAfter(tables: Tables, row: DeliveryRow, { next }: Ending): number | null {
  const delayMs = 'delayMs' in next ? Math.ceil(next.delayMs) : 0;
  return next.to === 'released' && delayMs === 0 ? row.dueAt : tables.nowMs + delayMs;
}

function toRecorded(
  tables: Tables,
  row: DeliveryRow,
  status: string,
  waiting: Set<string>,
): Recorded {
  return {
    id: row.id,
    ownerKind: 'notification',
    ownerId: row.ownerId,
    purpose: 'notify',
    queue: row.queue,
    receiverId: row.receiverId ?? '',
    status: row.status,
    reason: row.reason,
    cycle: row.cycle,
    attemptCount: row.attemptCount,
    dueAtMs: row.dueAt,
    waitMs: row.dueAt === null ? null : row.dueAt - tables.nowMs,
    settled:
      row.settledAt === tables.nowMs && (row.status === status || row.status === row.arrivedAs),
    othersWait: waiting.has(`${row.queue} ${row.receiverId}`),
  };
}

/** The receiver's health after a batch: all from what it was before. */
function fare(tables: Tables, receiver: ReceiverRow, health: Health): void {
  const { succeeded } = health;
  const untouched =
    succeeded &&
    receiver.trusted &&
    receiver.failureScore === 0 &&
    receiver.openUntil === null &&
    receiver.allowance === null;
  if (untouched) return;
  const score = receiver.failureScore + health.score;
  const isOpen = (receiver.openUntil ?? 0) > tables.nowMs;
  const opens = health.hasCircuit && !succeeded && !isOpen && score >= CIRCUIT_OPENS_AT;
  const failedQuicklyAsProbe = health.score === 0 && receiver.openUntil !== null && !isOpen;
  const isWell = succeeded || failedQuicklyAsProbe;
  Object.assign(receiver, {
    trusted: succeeded || (receiver.trusted && score < CIRCUIT_OPENS_AT),
    failureScore: isWell ? 0 : Math.min(score, 1000),
    // Both are of the row as it was before.
    allowance: allowanceAfter(receiver, health),
    openUntil: openUntil(tables, receiver, health, opens),
    pauses: isWell ? 0 : opens ? Math.min(receiver.pauses + 1, 30) : receiver.pauses,
    disabledReason: health.gone ? 'gone' : receiver.disabledReason,
  });
}

function openUntil(
  tables: Tables,
  receiver: ReceiverRow,
  { succeeded, score, holdMs }: Health,
  opens: boolean,
): number | null {
  if (holdMs !== null) {
    return Math.max(receiver.openUntil ?? 0, toColumn(tables.nowMs + Math.ceil(holdMs)));
  }
  if (succeeded) return null;
  if ((receiver.openUntil ?? 0) > tables.nowMs) return receiver.openUntil;
  if (score === 0) return null;
  if (!opens) return receiver.openUntil;
  return tables.nowMs + Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** receiver.pauses);
}

function allowanceAfter(receiver: ReceiverRow, health: Health): number | null {
  const { allowance } = receiver;
  const { slowDown, succeeded } = health;
  const most = Math.min(receiver.maxInFlight ?? health.maxInFlight, health.maxInFlight);
  if (slowDown) return Math.max(1, Math.floor(Math.min(allowance ?? most, most) / 2));
  if (!succeeded) return allowance;
  const wasOpen = receiver.openUntil !== null && receiver.pauses > 0;
  if (wasOpen && (allowance ?? 2) <= 2 && most > 2) return 2;
  const lifted = allowance === null ? null : allowance + 1;
  return lifted !== null && lifted < most ? lifted : null;
}
