import type { SettleReason } from '../../src/engine/delivery.ts';
import type { QueueRules } from '../../src/engine/rules/rules.ts';
import type { AttemptEntry } from '../../src/engine/store/record.ts';

/** A row of `delivery`: what the engine reads and writes of it. Times in ms since the epoch. */
export interface DeliveryRow {
  id: string;
  ownerId: string;
  queue: string;
  policyVersion: number;
  receiverId: string | null;
  status: 'pending' | 'sending' | 'delivered' | 'failed' | 'acknowledged' | 'cancelled' | 'skipped';
  reason: SettleReason | null;
  cycle: number;
  rung: number;
  attemptCount: number;
  trigger: 'ladder' | 'resend' | 'test';
  priority: number;
  dueAt: number | null;
  resumeAt: number | null;
  acceptedAt: number;
  deadlineAt: number;
  resentAt: number | null;
  arrivedAs: 'delivered' | 'acknowledged' | null;
  settledAt: number | null;
  leaseToken: string | null;
  leasedAt: number | null;
  leaseUntil: number | null;
}

/** A row of `receiver`. */
export interface ReceiverRow {
  id: string;
  maxInFlight: number | null;
  ratePerSecond: number | null;
  pausedAt: number | null;
  disabledReason: string | null;
  nextStartAt: number | null;
  allowance: number | null;
  trusted: boolean;
  failureScore: number;
  pauses: number;
  openUntil: number | null;
}

/** A row of `attempt`. */
export interface AttemptRow extends Pick<AttemptEntry, 'outcome' | 'startedAtMs'> {
  deliveryId: string;
  cycle: number;
  number: number;
  trigger: DeliveryRow['trigger'];
}

/** The tables, and the one clock over them. */
export interface Tables {
  nowMs: number;
  deliveries: Map<string, DeliveryRow>;
  /** Those of them that are pending or under a lease: what every look has to walk. */
  live: Map<string, DeliveryRow>;
  receivers: Map<string, ReceiverRow>;
  attempts: AttemptRow[];
  /** Every version that there has ever been, by `queue@version`. */
  policies: Map<string, QueueRules>;
  /** Queues that exist, with their current version. */
  queues: Map<string, number>;
  /** Counts the tokens given out. */
  leases: number;
  /** Told of each row that a statement has changed, once it is done. */
  onChange(row: DeliveryRow, before: DeliveryRow | null): void;
}

export function emptyTables(nowMs: number): Tables {
  return {
    nowMs,
    deliveries: new Map(),
    live: new Map(),
    receivers: new Map(),
    attempts: [],
    policies: new Map(),
    queues: new Map(),
    leases: 0,
    onChange() {},
  };
}

export function newReceiver(id: string, limits: Partial<ReceiverRow> = {}): ReceiverRow {
  return {
    id,
    maxInFlight: null,
    ratePerSecond: null,
    pausedAt: null,
    disabledReason: null,
    nextStartAt: null,
    allowance: null,
    trusted: false,
    failureScore: 0,
    pauses: 0,
    openUntil: null,
    ...limits,
  };
}

/** Writes a row, as the table's CHECKs allow it. @throws what PostgreSQL would refuse */
export function write(tables: Tables, row: DeliveryRow, changes: Partial<DeliveryRow>): void {
  const before = { ...row };
  Object.assign(row, changes);
  refuseIllFormed(row);
  keepLive(tables, row);
  tables.onChange(row, before);
}

export function keepLive(tables: Tables, row: DeliveryRow): void {
  if (row.status === 'pending' || row.leaseToken !== null) tables.live.set(row.id, row);
  else tables.live.delete(row.id);
}

const WITH_REASON = ['failed', 'acknowledged', 'cancelled', 'skipped'];

export function refuseIllFormed(row: DeliveryRow): void {
  const leased = row.leaseToken !== null;
  const open = row.status === 'pending' || row.status === 'sending';
  const checks: Record<string, boolean> = {
    delivery_pending:
      row.status !== 'pending' || (row.dueAt !== null && row.receiverId !== null && !leased),
    delivery_sending: row.status !== 'sending' || leased,
    delivery_lease: leased === (row.leaseUntil !== null) && leased === (row.leasedAt !== null),
    delivery_settled:
      open === (row.settledAt === null) && (row.settledAt === null || row.dueAt === null),
    delivery_arrived:
      row.arrivedAs === null ||
      ['pending', 'sending', 'delivered', 'acknowledged'].includes(row.status),
    delivery_reason: (row.reason !== null) === WITH_REASON.includes(row.status),
  };
  for (const [name, holds] of Object.entries(checks)) {
    if (!holds) throw new Error(`${row.id} violates ${name}: ${JSON.stringify(row)}`);
  }
}

export function policyOf(tables: Tables, queue: string, version: number): QueueRules {
  const policy = tables.policies.get(`${queue}@${version}`);
  if (policy === undefined) throw new Error(`no policy ${queue} version ${version}`);
  return policy;
}

/** Attempts under way at a receiver: a lease counts until it is ended, whoever holds it. */
/** An open circuit lets it go: it was held for an eighth of what was left of its life. */
export function passesCircuit({ dueAt, deadlineAt }: DeliveryRow, nowMs: number): boolean {
  const due = dueAt ?? Number.POSITIVE_INFINITY;
  return nowMs >= due + (deadlineAt - due) / 8;
}

export function leasesAt(tables: Tables, receiverId: string | null): number {
  let leases = 0;
  for (const row of tables.live.values()) {
    if (row.receiverId === receiverId && row.leaseToken !== null) leases += 1;
  }
  return leases;
}

/** `ms` as a column timestamptz(3) keeps it, after PostgreSQL's interval arithmetic in µs. */
export function toColumn(ms: number): number {
  return Math.floor((Math.round(ms * 1000) + 500) / 1000);
}
