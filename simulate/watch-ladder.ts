import { type AttemptRow, type DeliveryRow, policyOf, type Tables } from './model/rows.ts';

/** Counts along each ladder by itself: from what happened, never from what the engine has planned. */
export interface LadderWatch {
  changed(row: DeliveryRow, before: DeliveryRow | null): void;
  startedAt(row: DeliveryRow, nowMs: number): void;
  /** The answer has come, or it was clear that none will. */
  endedAt(deliveryId: string, nowMs: number): void;
  recorded(attempt: AttemptRow): void;
}

interface Way {
  cycle: number;
  /** Attempts of the ladder in this cycle. */
  rungs: number;
  /** Attempts that somebody asked for in between. */
  extras: number;
  number: number;
  /** The next one of the ladder does not begin before. */
  notBeforeMs: number;
  lastEndMs: number;
  /** Somebody has asked for one in between, and it was not recorded yet. */
  extraAsked: boolean;
}

/** A worker's idea of the database's clock is ahead by as long as its claim was on the way. */
const AHEAD_MS = 15;

export function createLadderWatch(tables: Tables, fail: (what: string) => void): LadderWatch {
  const ways = new Map<string, Way>();
  const ladderOf = (row: DeliveryRow) =>
    policyOf(tables, row.queue, row.policyVersion).ladderSeconds;
  const begin = (cycle: number, notBeforeMs: number): Way => ({
    cycle,
    rungs: 0,
    extras: 0,
    number: 0,
    notBeforeMs,
    lastEndMs: 0,
    extraAsked: false,
  });

  return {
    changed(row, before) {
      if (before === null) {
        ways.set(row.id, begin(1, row.acceptedAt + (ladderOf(row)[0] ?? 0) * 1000));
        return;
      }
      const way = ways.get(row.id) as Way;
      if (row.cycle !== before.cycle) {
        if (row.cycle !== before.cycle + 1) fail(`${row.id} skipped a cycle`);
        if (before.settledAt === null) fail(`${row.id} began again before its end`);
        ways.set(row.id, begin(row.cycle, tables.nowMs));
      } else if (row.resumeAt !== null && before.resumeAt === null) {
        way.extraAsked = true;
      }
      if (before.settledAt !== null && row.settledAt === null && row.cycle === before.cycle) {
        fail(`${row.id} came back from its end`);
      }
    },
    startedAt(row, nowMs) {
      const way = ways.get(row.id) as Way;
      // After an attempt in between the ladder goes on at its old time, counted by that clock.
      const slackMs = way.extras > 0 ? AHEAD_MS : 0;
      if (!way.extraAsked && nowMs < way.notBeforeMs - slackMs) {
        fail(`${row.id} begins its attempt ${way.notBeforeMs - nowMs} ms early`);
      }
    },
    endedAt(deliveryId, nowMs) {
      const way = ways.get(deliveryId);
      if (way !== undefined) way.lastEndMs = nowMs;
    },
    recorded(attempt) {
      const row = tables.deliveries.get(attempt.deliveryId) as DeliveryRow;
      const way = ways.get(row.id) as Way;
      if (attempt.cycle !== way.cycle) return fail(`${row.id}: an attempt of another cycle`);
      if (attempt.number !== way.number + 1) {
        return fail(`${row.id}: attempt ${attempt.number} after ${way.number}`);
      }
      way.number += 1;
      if (way.extraAsked) {
        way.extras += 1;
        way.extraAsked = false;
        return;
      }
      way.rungs += 1;
      const ladder = ladderOf(row);
      if (way.rungs > ladder.length) fail(`${row.id} has more attempts than rungs`);
      // A lost attempt ends nobody knows when: what follows counts from its start.
      const lost = attempt.outcome === 'unknown';
      const endedAtMs = lost ? attempt.startedAtMs : way.lastEndMs;
      const nextMs = endedAtMs + (ladder[way.rungs] ?? 0) * 1000;
      // A rung that no longer fits is a last call, in the last third of what was left or in its last two seconds.
      const leftMs = row.deadlineAt - endedAtMs;
      const lastCallMs = row.deadlineAt - Math.max(leftMs / 3, 2_000);
      way.notBeforeMs = nextMs < row.deadlineAt - AHEAD_MS ? nextMs : lastCallMs - AHEAD_MS;
    },
  };
}
