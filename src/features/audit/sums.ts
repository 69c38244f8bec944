import type { NewEntry } from './store.ts';

const MINUTE = 60_000;
const MAX_ADDRESSES = 20;
/** Actors and actions whose minute runs; beyond them all are told early. */
const MAX_OPEN = 10_000;

interface Minute {
  endsAtMs: number;
  /** Of the calls after the first one, the last. */
  last: NewEntry | null;
  calls: number;
  statuses: Map<number, number>;
  addresses: Map<string, number>;
  lastStatus: number;
}

/** What many refused calls of one minute have in common, as one entry. */
export interface Summed {
  entry: NewEntry;
  status: number;
}

/**
 * Counts refused calls by actor and action: of each minute the first is an entry of its own, and the others are
 * one entry together. Else whoever repeats a call that is refused fills a log that cannot be emptied.
 * The counts are this process' own, and those of the last minute are lost where it is killed.
 */
export function createSums(monotonicMs: () => number) {
  let open = new Map<string, Minute>();

  function take(isOver: (minute: Minute) => boolean): Summed[] {
    const summed: Summed[] = [];
    const running = new Map<string, Minute>();
    for (const [name, minute] of open) {
      if (!isOver(minute)) running.set(name, minute);
      else if (minute.last !== null) summed.push(toSummed(minute.last, minute));
    }
    open = running;
    return summed;
  }

  return {
    /** @returns whether it is counted with others; else it is the first of its minute, and an entry of its own */
    count(entry: NewEntry, status: number): boolean {
      const name = `${entry.principal.keyId} ${entry.action}`;
      const nowMs = monotonicMs();
      const minute = open.get(name);
      if (minute === undefined || (nowMs >= minute.endsAtMs && minute.last === null)) {
        open.set(name, {
          endsAtMs: nowMs + MINUTE,
          last: null,
          calls: 0,
          statuses: new Map(),
          addresses: new Map(),
          lastStatus: status,
        });
        return false;
      }
      minute.last = entry;
      minute.lastStatus = status;
      minute.calls += 1;
      add(minute.statuses, status);
      const address = entry.remoteAddress ?? 'unknown';
      const isRoom = minute.addresses.has(address) || minute.addresses.size < MAX_ADDRESSES;
      add(minute.addresses, isRoom ? address : 'others');
      return true;
    },
    /** What is to be written now. */
    takeOver(): Summed[] {
      const nowMs = monotonicMs();
      const isFull = open.size >= MAX_OPEN;
      return take(({ endsAtMs }) => isFull || nowMs >= endsAtMs);
    },
    takeAll: () => take(() => true),
  };
}

function add<K>(counts: Map<K, number>, name: K): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function toSummed(last: NewEntry, minute: Minute): Summed {
  return {
    status: minute.lastStatus,
    entry: {
      ...last,
      object: { kind: last.object.kind, id: null },
      before: null,
      reason: null,
      asked: {
        summary: 'refused calls of a minute, besides the one that has an entry of its own',
        calls: minute.calls,
        statuses: Object.fromEntries(minute.statuses),
        addresses: Object.fromEntries(minute.addresses),
      },
    },
  };
}
