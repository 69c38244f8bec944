import type { Renew } from '../../src/engine/leases.ts';
import type { QueueRules } from '../../src/engine/rules/rules.ts';
import type { Wanted } from '../../src/engine/store/claim.ts';
import type { EngineStore } from '../../src/engine/store/engine-store.ts';
import type { DueSearch } from '../../src/engine/store/find-due.ts';
import { claim, toClaimed } from './claim.ts';
import { settle } from './commands.ts';
import { record } from './record.ts';
import { type DeliveryRow, leasesAt, passesCircuit, policyOf, type Tables, write } from './rows.ts';

const BEHIND_A_CIRCUIT = 50;

/** What the engine may ask of the tables, answered at once; whoever uses it adds the waiting. */
export type ModelStore = {
  [K in keyof EngineStore]: (
    ...args: Parameters<EngineStore[K]>
  ) => Awaited<ReturnType<EngineStore[K]>>;
};

/** @param tick the asking process' monotonic clock, ms */
export function modelStore(tables: Tables, tick: () => number): ModelStore {
  return {
    nowMs: () => tables.nowMs,
    policyOf: (queue, version) => policyOf(tables, queue, version),
    currentPolicies: () => currentPolicies(tables),
    claim: (_queue, wanted, places, suspectPlaces) =>
      claim(
        tables,
        wanted.map(({ id }) => id),
        places,
        suspectPlaces,
        tick(),
      ),
    renew: (leases, forMs) => renew(tables, leases, forMs),
    findDue: (search) => findDue(tables, search),
    findOverdueLeases: (limit) =>
      [...tables.live.values()]
        .filter(({ leaseUntil }) => leaseUntil !== null && leaseUntil <= tables.nowMs)
        .sort((a, b) => (a.leaseUntil ?? 0) - (b.leaseUntil ?? 0))
        .slice(0, limit)
        .map((row) => toClaimed(row, tick())),
    record: (items) => record(tables, items),
    expire: (limit) =>
      settle(
        tables,
        ({ deadlineAt }) => deadlineAt <= tables.nowMs,
        ['pending'],
        { status: 'failed', reason: 'deadline_passed' },
        [...tables.live.values()]
          .filter(({ deadlineAt }) => deadlineAt <= tables.nowMs)
          .slice(0, limit),
      ),
  };
}

function renew(tables: Tables, leases: Parameters<Renew>[0], forMs: number): ReadonlySet<string> {
  const renewed = new Set<string>();
  for (const { deliveryId, leaseToken } of leases) {
    const row = tables.deliveries.get(deliveryId);
    if (row === undefined || row.leaseToken !== leaseToken) continue;
    write(tables, row, { leaseUntil: Math.max(row.leaseUntil ?? 0, tables.nowMs + forMs) });
    renewed.add(leaseToken);
  }
  return renewed;
}

function currentPolicies(tables: Tables): QueueRules[] {
  return [...tables.queues].map(([queue, version]) => policyOf(tables, queue, version));
}

/** `findDue`: receiver by receiver, each one's first, then each one's second … */
function findDue(tables: Tables, search: DueSearch): { wanted: Wanted[]; next: string } {
  const waiting = [...tables.live.values()].filter(
    (row) => row.status === 'pending' && row.queue === search.queue,
  );
  const { walked, next } = walk(waiting, search);
  const found = walked.flatMap((receiverId) => {
    const room = Math.min(roomAt(tables, receiverId, search), search.limit);
    const due = waiting
      .filter((row) => row.receiverId === receiverId && (row.dueAt ?? Infinity) <= tables.nowMs)
      .filter(({ deadlineAt }) => deadlineAt > tables.nowMs)
      .sort(byTurn);
    return letThrough(tables, receiverId, due)
      .slice(0, Math.max(0, room))
      .map((row, place) => ({ row, place }));
  });
  found.sort((a, b) => a.place - b.place || byTurn(a.row, b.row));
  const wanted = found
    .slice(0, search.limit)
    .map(({ row }) => ({ id: row.id, receiverId: row.receiverId }));
  return { wanted, next };
}

/** What a circuit, if there is one, does not hold: one that probes, and who has been held for long enough. */
function letThrough(tables: Tables, receiverId: string, due: DeliveryRow[]): DeliveryRow[] {
  const openUntil = tables.receivers.get(receiverId)?.openUntil ?? null;
  if (openUntil === null) return due;
  const mayProbe = openUntil <= tables.nowMs && leasesAt(tables, receiverId) === 0;
  return [0, 1, 2]
    .flatMap((priority) =>
      due.filter((row) => row.priority === priority).slice(0, BEHIND_A_CIRCUIT),
    )
    .filter((row, line) => passesCircuit(row, tables.nowMs) || (line === 0 && mayProbe));
}

function byTurn(a: DeliveryRow, b: DeliveryRow): number {
  return a.priority - b.priority || (a.dueAt ?? 0) - (b.dueAt ?? 0) || (a.id < b.id ? -1 : 1);
}

function walk(waiting: DeliveryRow[], { scope }: DueSearch): { walked: string[]; next: string } {
  if ('receiverIds' in scope) return { walked: scope.receiverIds, next: '' };
  const walked = [...new Set(waiting.map(({ receiverId }) => receiverId ?? ''))]
    .filter((receiverId) => receiverId > scope.after)
    .sort()
    .slice(0, scope.receivers);
  return { walked, next: walked.length === scope.receivers ? (walked.at(-1) ?? '') : '' };
}

function roomAt(tables: Tables, receiverId: string, search: DueSearch): number {
  const receiver = tables.receivers.get(receiverId);
  if (receiver === undefined || receiver.pausedAt !== null || receiver.disabledReason !== null) {
    return 0;
  }
  const shut = (receiver.nextStartAt ?? 0) > tables.nowMs + 100;
  const unproved = !receiver.trusted || receiver.failureScore > 0;
  if (shut || (search.suspects === 'without' && unproved)) return 0;
  const most = Math.min(
    receiver.maxInFlight ?? Number.POSITIVE_INFINITY,
    search.maxInFlight,
    receiver.allowance ?? Number.POSITIVE_INFINITY,
  );
  return most - leasesAt(tables, receiverId);
}
