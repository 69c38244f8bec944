import { type DeliveryRow, leasesAt, type ReceiverRow, type Tables } from './model/rows.ts';
import { MINUTE } from './settings.ts';
import type { Watch } from './watch.ts';

/** Looks whether things go on: nobody starves, and what can end does. */
export interface Progress {
  changed(row: DeliveryRow): void;
  /** When a sweep could find something; Infinity: not before something changes. */
  nextSweepMs(): number;
  /** From now on nothing goes wrong any more. */
  healed(nowMs: number): void;
  /** Now and then. @param canWork whether anybody could have done something just now */
  look(state: { canWork: boolean }): void;
}

/** So long may what is due wait for its turn, while its receiver would take it and somebody works. */
const LONGEST_WAIT_MS = 20 * MINUTE;
/** So long after its due time everything has ended, once all is well: circuits and holds are shorter. */
const LONGEST_END_MS = 15 * MINUTE;

export function createProgress(tables: Tables, watch: Pick<Watch, 'fail'>): Progress {
  /** By receiver: since when nothing has begun there although it could have. */
  const waitingSince = new Map<string, number>();
  let healedAtMs = Number.POSITIVE_INFINITY;

  const receiverOf = ({ receiverId }: DeliveryRow) => tables.receivers.get(receiverId ?? '');

  /** When a pending delivery could begin, as far as its receiver goes; Infinity: unless something changes. */
  function mayBeginMs(row: DeliveryRow): number {
    const receiver = receiverOf(row);
    if (receiver === undefined || isHeld(receiver) || isFull(receiver)) {
      return Number.POSITIVE_INFINITY;
    }
    const dueAt = row.dueAt ?? 0;
    const passesAt = dueAt + (row.deadlineAt - dueAt) / 8;
    const opensAt = Math.min(receiver.openUntil ?? 0, passesAt);
    return Math.max(dueAt, opensAt, (receiver.nextStartAt ?? 0) - 100);
  }

  /** By the stricter of what the claim and the look would say. */
  function isFull(receiver: ReceiverRow): boolean {
    const leases = leasesAt(tables, receiver.id);
    if (leases === 0) return false;
    if (receiver.openUntil !== null) return true;
    const most = Math.min(receiver.maxInFlight ?? Infinity, receiver.allowance ?? Infinity);
    return leases >= most;
  }

  function checkEnds(nowMs: number): void {
    for (const row of tables.live.values()) {
      // A lease ends by its record, or by the sweep soon after it has run out.
      const goesOnMs = Math.max(
        healedAtMs,
        row.leaseUntil ?? Math.min(row.dueAt ?? 0, row.deadlineAt),
      );
      if (nowMs > goesOnMs + LONGEST_END_MS) {
        watch.fail(`${row.id} does not end although all is well: ${JSON.stringify(row)}`);
      }
    }
  }

  return {
    changed(row) {
      if (row.leaseToken !== null && row.receiverId !== null) waitingSince.delete(row.receiverId);
    },
    nextSweepMs() {
      let next = Number.POSITIVE_INFINITY;
      for (const row of tables.live.values()) {
        if (row.leaseUntil !== null) next = Math.min(next, row.leaseUntil);
        if (row.status === 'pending') next = Math.min(next, row.deadlineAt, mayBeginMs(row));
      }
      return next;
    },
    healed(nowMs) {
      healedAtMs = nowMs;
    },
    look({ canWork }) {
      const { nowMs } = tables;
      const able = new Set<string>();
      for (const row of tables.live.values()) {
        if (row.status === 'pending' && mayBeginMs(row) <= nowMs) able.add(row.receiverId ?? '');
      }
      for (const id of [...waitingSince.keys()]) if (!able.has(id)) waitingSince.delete(id);
      if (!canWork) return waitingSince.clear();
      for (const id of able) {
        const sinceMs = waitingSince.get(id) ?? nowMs;
        waitingSince.set(id, sinceMs);
        if (nowMs - sinceMs > LONGEST_WAIT_MS) watch.fail(`${id} starves since ${sinceMs}`);
      }
      checkEnds(nowMs);
    },
  };
}

function isHeld(receiver: ReceiverRow): boolean {
  return receiver.pausedAt !== null || receiver.disabledReason !== null;
}
