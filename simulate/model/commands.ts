import type { QueueRules } from '../../src/engine/rules/rules.ts';
import type { Resent } from '../../src/engine/store/resend.ts';
import type { EndWithoutAttempt } from '../../src/engine/store/settle.ts';
import { endOf } from './arrived.ts';
import {
  type DeliveryRow,
  keepLive,
  policyOf,
  refuseIllFormed,
  type Tables,
  write,
} from './rows.ts';

const SECOND = 1000;

/** A delivery to be made. */
export type NewRow = Pick<
  DeliveryRow,
  'id' | 'ownerId' | 'queue' | 'policyVersion' | 'receiverId'
> & {
  delayMs: number;
  deadlineMs: number;
};

/** `createDeliveries`, which stands in its owner's statement. */
export function create(tables: Tables, made: NewRow[]): void {
  for (const { delayMs, deadlineMs, ...rest } of made) {
    const heard = rest.receiverId !== null;
    const row: DeliveryRow = {
      ...rest,
      status: heard ? 'pending' : 'skipped',
      reason: heard ? null : 'no_endpoint',
      cycle: 1,
      rung: 0,
      attemptCount: 0,
      trigger: 'ladder',
      priority: 0,
      dueAt: heard ? tables.nowMs + delayMs : null,
      resumeAt: null,
      acceptedAt: tables.nowMs,
      deadlineAt: tables.nowMs + deadlineMs,
      resentAt: null,
      arrivedAs: null,
      settledAt: heard ? null : tables.nowMs,
      leaseToken: null,
      leasedAt: null,
      leaseUntil: null,
    };
    refuseIllFormed(row);
    tables.deliveries.set(row.id, row);
    keepLive(tables, row);
    tables.onChange(row, null);
  }
}

/** `resendDeliveries`. */
export function resend(
  tables: Tables,
  ids: string[],
  options: { delivered: 'refuse' | 'repeat'; priority: 0 | 2; askedAgoMs: number },
): Resent[] {
  const rows = ids.flatMap((id) => tables.deliveries.get(id) ?? []);
  return rows.map((row) => {
    const verdict = resendVerdict(tables, row, options);
    if (verdict === 'due') makeDue(tables, row, options.priority);
    const dueAtMs = verdict === 'due' ? row.dueAt : null;
    return { id: row.id, verdict, queue: row.queue, receiverId: row.receiverId, dueAtMs };
  });
}

function resendVerdict(
  { nowMs }: Tables,
  row: DeliveryRow,
  { delivered, askedAgoMs }: { delivered: 'refuse' | 'repeat'; askedAgoMs: number },
): Resent['verdict'] {
  const hasArrived = row.status === 'delivered' || row.arrivedAs === 'delivered';
  const refused = hasArrived && delivered === 'refuse';
  if (row.leaseToken !== null) return 'in_flight';
  if (row.resentAt !== null && row.resentAt > nowMs - askedAgoMs) {
    return refused ? 'already_delivered' : 'already_due';
  }
  if (refused) return 'already_delivered';
  if (row.receiverId === null) return 'no_receiver';
  const dueByRequest = row.trigger === 'resend' && (row.dueAt ?? Infinity) <= nowMs;
  return row.status === 'pending' && dueByRequest ? 'already_due' : 'due';
}

function makeDue(tables: Tables, row: DeliveryRow, priority: 0 | 2): void {
  const { nowMs } = tables;
  const due = { trigger: 'resend', dueAt: nowMs, resentAt: nowMs } as const;
  if (row.status === 'pending') {
    write(tables, row, { ...due, resumeAt: row.resumeAt ?? row.dueAt });
    return;
  }
  const { deadlineSeconds } = policyOf(tables, row.queue, row.policyVersion);
  write(tables, row, {
    ...due,
    status: 'pending',
    reason: null,
    settledAt: null,
    cycle: row.cycle + 1,
    rung: 0,
    attemptCount: 0,
    priority,
    resumeAt: null,
    arrivedAs:
      row.status === 'delivered' || row.status === 'acknowledged' ? row.status : row.arrivedAs,
    deadlineAt: nowMs + deadlineSeconds * SECOND,
  });
}

/** `settleDeliveries`. */
export function settle(
  tables: Tables,
  which: (row: DeliveryRow) => boolean,
  from: readonly string[],
  end: EndWithoutAttempt,
  among: Iterable<DeliveryRow> = tables.deliveries.values(),
): number {
  const chosen = [...among].filter((row) => from.includes(row.status) && which(row));
  for (const row of chosen) {
    const settled = { dueAt: null, resumeAt: null, settledAt: tables.nowMs };
    write(tables, row, { ...endOf(row, end), ...settled });
  }
  return chosen.length;
}

/** `bringForward`. */
export function bringForward(tables: Tables, ids: string[]): string[] {
  const chosen = ids
    .flatMap((id) => tables.deliveries.get(id) ?? [])
    .filter(({ status, dueAt }) => status === 'pending' && (dueAt ?? 0) > tables.nowMs);
  for (const row of chosen) write(tables, row, { dueAt: tables.nowMs });
  return chosen.map(({ id }) => id);
}

/** `putQueue`: a next version, which deliveries accepted from now on have. */
export function putPolicy(tables: Tables, policy: Omit<QueueRules, 'version'>): QueueRules {
  const version = 1 + [...tables.policies.values()].filter((p) => p.queue === policy.queue).length;
  const made = { ...policy, version };
  tables.policies.set(`${policy.queue}@${version}`, made);
  tables.queues.set(policy.queue, version);
  return made;
}

export function pause(tables: Tables, receiverId: string): void {
  const receiver = tables.receivers.get(receiverId);
  if (receiver !== undefined) receiver.pausedAt ??= tables.nowMs;
}

export function resume(tables: Tables, receiverId: string): void {
  const receiver = tables.receivers.get(receiverId);
  if (receiver === undefined) return;
  Object.assign(receiver, {
    pausedAt: null,
    disabledReason: null,
    failureScore: 0,
    pauses: 0,
    openUntil: null,
    allowance: null,
  });
}
