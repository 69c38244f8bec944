import type { QueueRules } from '../../src/engine/rules/rules.ts';
import { type Claim, type Claimed, LEASE_MARGIN_MS } from '../../src/engine/store/claim.ts';
import {
  type DeliveryRow,
  leasesAt,
  passesCircuit,
  policyOf,
  type ReceiverRow,
  type Tables,
  write,
} from './rows.ts';

const PACING_MS = 100;
const SLOWER = 1.02;
const MOST_AHEAD = 1000;

type Verdict = 'free' | 'held' | 'later' | 'busy' | 'behind';

interface Due {
  row: DeliveryRow;
  policy: QueueRules;
  /** Its place in the list of what was asked for. */
  wish: number;
  ahead: number;
  /** Its place at its receiver among those that were asked for. */
  line: number;
  /** The same with those ahead of it that were not. */
  place: number;
}

interface Judged extends Due {
  suspect: boolean;
  verdict: Verdict;
  waitMs: number;
  startInMs: number;
  intervalMs: number | null;
}

/** What the database's function `claim_deliveries` does, in the order of its CTEs. */
export function claim(
  tables: Tables,
  ids: string[],
  places: number,
  suspectPlaces: number,
  tick: number,
): Map<string, Claim> {
  const wanted = ids.flatMap((id, wish) => {
    const row = tables.deliveries.get(id);
    return row?.status === 'pending' ? [{ row, wish }] : [];
  });
  const judged = judge(tables, dueOf(tables, wanted, new Set(ids)));
  const chosen = choose(judged, places, suspectPlaces);
  pace(tables, chosen);
  const answers = new Map<string, Claim>();
  const byId = new Map(judged.map((each) => [each.row.id, each]));
  for (const { row } of wanted) {
    const its = byId.get(row.id);
    if (its !== undefined && chosen.includes(its)) lease(tables, its);
    answers.set(row.id, answer(tables, row, its, tick));
  }
  return answers;
}

function dueOf(
  tables: Tables,
  wanted: { row: DeliveryRow; wish: number }[],
  asked: Set<string>,
): Due[] {
  const due = wanted
    .filter(({ row }) => (row.dueAt ?? Infinity) <= tables.nowMs && row.deadlineAt > tables.nowMs)
    .map(({ row, wish }) => ({
      row,
      wish,
      policy: policyOf(tables, row.queue, row.policyVersion),
      ahead: row.priority > 0 ? countAhead(tables, row, asked) : 0,
      line: 0,
      place: 0,
    }));
  const seen = new Map<string | null, number>();
  for (const each of due.toSorted((a, b) => a.row.priority - b.row.priority || a.wish - b.wish)) {
    const receiver = tables.receivers.get(each.row.receiverId ?? '') as ReceiverRow;
    const waitsForNobody = receiver.openUntil !== null && passesCircuit(each.row, tables.nowMs);
    each.line = (seen.get(each.row.receiverId) ?? 0) + 1;
    seen.set(each.row.receiverId, each.line);
    each.place = each.line + (waitsForNobody ? 0 : each.ahead);
  }
  return due;
}

/** New ones that wait for the same receiver and were not asked for. */
function countAhead(tables: Tables, row: DeliveryRow, asked: Set<string>): number {
  let ahead = 0;
  for (const other of tables.live.values()) {
    const waits =
      other.status === 'pending' &&
      other.queue === row.queue &&
      other.receiverId === row.receiverId &&
      other.priority < row.priority &&
      (other.dueAt ?? Infinity) <= tables.nowMs;
    if (waits && !asked.has(other.id)) ahead += 1;
  }
  return Math.min(ahead, MOST_AHEAD);
}

function judge(tables: Tables, due: Due[]): Judged[] {
  const gates = new Map(
    [...byReceiver(due)].map(([id, its]) => [
      id,
      gateOf(tables, tables.receivers.get(id) as ReceiverRow, its),
    ]),
  );
  return due.map((each) => {
    const gate = gates.get(each.row.receiverId ?? '') as ReturnType<typeof gateOf>;
    const opensAt = passesCircuit(each.row, tables.nowMs) ? tables.nowMs : gate.opensAt;
    const startInMs =
      gate.intervalMs === null
        ? null
        : gate.startsAt - tables.nowMs + (each.place - 1) * gate.intervalMs;
    return {
      ...each,
      suspect: gate.suspect,
      intervalMs: gate.intervalMs,
      startInMs: startInMs ?? 0,
      waitMs: Math.max(opensAt - tables.nowMs, startInMs === null ? 0 : startInMs - PACING_MS),
      verdict: verdictOf(each, gate, startInMs, tables.nowMs),
    };
  });
}

function byReceiver<T extends Due>(all: T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const each of all) {
    const id = each.row.receiverId ?? '';
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [each]);
    else group.push(each);
  }
  return groups;
}

function verdictOf(
  due: Due,
  gate: ReturnType<typeof gateOf>,
  startInMs: number | null,
  nowMs: number,
): Verdict {
  if (gate.held) return 'held';
  const passes = passesCircuit(due.row, nowMs);
  const room = passes ? gate.room : Math.min(gate.room, gate.roomToProbe);
  if (!passes && gate.opensAt > nowMs) return 'later';
  if (due.line > room) return 'busy';
  if (due.place > room) return 'behind';
  return startInMs !== null && startInMs > PACING_MS ? 'later' : 'free';
}

function gateOf(tables: Tables, receiver: ReceiverRow, due: Due[]) {
  const limits = due.map(({ policy }) => policy.maxInFlightPerEndpoint);
  const rates = due.flatMap(({ policy }) => policy.ratePerSecondPerEndpoint ?? []);
  if (receiver.ratePerSecond !== null) rates.push(receiver.ratePerSecond);
  const rate = rates.length > 0 ? Math.min(...rates) : null;
  const most = Math.min(
    receiver.maxInFlight ?? Number.POSITIVE_INFINITY,
    ...limits,
    receiver.allowance ?? Number.POSITIVE_INFINITY,
  );
  const leases = leasesAt(tables, receiver.id);
  return {
    suspect: !receiver.trusted || receiver.failureScore > 0 || receiver.openUntil !== null,
    held: receiver.pausedAt !== null || receiver.disabledReason !== null,
    opensAt: Math.max(receiver.openUntil ?? 0, tables.nowMs),
    startsAt: Math.max(receiver.nextStartAt ?? 0, tables.nowMs),
    room: most - leases,
    roomToProbe: receiver.openUntil === null ? Number.POSITIVE_INFINITY : 1 - leases,
    intervalMs: rate === null ? null : (SLOWER * 1000) / rate,
  };
}

function choose(judged: Judged[], places: number, suspectPlaces: number): Judged[] {
  const free = judged
    .filter(({ verdict }) => verdict === 'free')
    .sort((a, b) => a.place - b.place || a.wish - b.wish);
  let suspects = 0;
  return free
    .filter(({ suspect }) => {
      if (suspect) suspects += 1;
      return !suspect || suspects <= suspectPlaces;
    })
    .slice(0, places);
}

function pace(tables: Tables, chosen: Judged[]): void {
  const paced = chosen.filter(({ intervalMs }) => intervalMs !== null);
  for (const [id, its] of byReceiver(paced)) {
    const receiver = tables.receivers.get(id) as ReceiverRow;
    const startInMs = Math.max(...its.map((each) => each.startInMs));
    const intervalMs = Math.max(...its.map((each) => each.intervalMs ?? 0));
    receiver.nextStartAt =
      tables.nowMs + toMs(Math.round(startInMs * 1000) + Math.round(intervalMs * 1000));
  }
}

/** µs to a column of ms. */
function toMs(us: number): number {
  return Math.floor((us + 500) / 1000);
}

function lease(tables: Tables, { row, startInMs, policy }: Judged): void {
  tables.leases += 1;
  write(tables, row, {
    status: 'sending',
    leaseToken: `lease-${tables.leases}`,
    leasedAt: tables.nowMs,
    leaseUntil: tables.nowMs + Math.ceil(startInMs) + policy.timeoutMs + LEASE_MARGIN_MS,
  });
}

function answer(tables: Tables, row: DeliveryRow, its: Judged | undefined, tick: number): Claim {
  const receiverId = row.receiverId ?? '';
  if (row.status === 'sending') {
    const startInMs = Math.ceil(its?.startInMs ?? 0);
    const intervalMs = Math.ceil(its?.intervalMs ?? 0);
    const suspect = its?.suspect ?? false;
    return {
      verdict: 'claimed',
      delivery: { ...toClaimed(row, tick), dueMs: row.dueAt, startInMs, intervalMs, suspect },
    };
  }
  if (its === undefined) {
    if (row.deadlineAt <= tables.nowMs) return { verdict: 'expired' };
    return { verdict: 'early', receiverId, waitMs: (row.dueAt ?? 0) - tables.nowMs };
  }
  if (its.verdict === 'free') return { verdict: 'crowded' };
  if (its.verdict === 'later') {
    return { verdict: 'later', receiverId, waitMs: Math.ceil(its.waitMs) };
  }
  return its.verdict === 'behind' ? { verdict: 'behind', receiverId } : { verdict: its.verdict };
}

/** A leased row as the engine sees it. */
export function toClaimed(row: DeliveryRow, tick: number): Claimed {
  return {
    id: row.id,
    leaseToken: row.leaseToken ?? '',
    leasedAtMs: row.leasedAt ?? 0,
    leasedAtTick: tick,
    leasedForMs: (row.leaseUntil ?? 0) - (row.leasedAt ?? 0),
    startInMs: 0,
    intervalMs: 0,
    suspect: false,
    ownerKind: 'notification',
    ownerId: row.ownerId,
    purpose: 'notify',
    queue: row.queue,
    policyVersion: row.policyVersion,
    receiverId: row.receiverId ?? '',
    endpointId: row.receiverId,
    url: null,
    cycle: row.cycle,
    rung: row.rung,
    attemptCount: row.attemptCount,
    trigger: row.trigger,
    dueMs: null,
    deadlineMs: row.deadlineAt,
    resumeMs: row.resumeAt,
  };
}
