import type { AttemptContext, WebhookRequest } from '../src/engine/http/send.ts';
import { type DeliveryRow, leasesAt, passesCircuit, policyOf, type Tables } from './model/rows.ts';
import type { Process } from './process.ts';
import type { Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';
import { createLadderWatch } from './watch-ladder.ts';

/** Looks at everything that happens, and says what must not. */
export interface Watch {
  /** The first thing that must not be; null: none yet. */
  readonly violation: string | null;
  fail(what: string): void;
  /** A row has just been written. */
  changed(row: DeliveryRow, before: DeliveryRow | null): void;
  /** A request leaves. @returns to be called when it has ended for its sender */
  sendBegan(process: Process, letter: WebhookRequest, stamp: AttemptContext): () => void;
  /** After each step. */
  step(): void;
  /** Attempts that began although their delivery's lease was not held any more. */
  readonly overruns: number;
  readonly sends: number;
}

/** What two clocks make of the time since a claim, ms: more than their drift allows. */
const CLOCK_SLACK_MS = 10;

export function createWatch(tables: Tables, timeline: Timeline, trace: Trace): Watch {
  let violation: string | null = null;
  let overruns = 0;
  let sends = 0;
  let attemptsSeen = 0;
  const webhookIds = new Map<string, string>();
  const underWay = new Set<{
    process: Process;
    receiverId: string;
    token: string | null;
    id: string;
  }>();
  const fail = (what: string) => {
    violation ??= `${what} (at ${timeline.nowMs})`;
  };
  const ladder = createLadderWatch(tables, fail);

  function claimed(row: DeliveryRow, before: DeliveryRow): void {
    const { nowMs } = tables;
    const receiver = tables.receivers.get(row.receiverId ?? '');
    if (before.status !== 'pending') fail(`${row.id} was claimed while ${before.status}`);
    if (before.leaseToken !== null) fail(`${row.id} has two leases`);
    if ((before.dueAt ?? Infinity) > nowMs) fail(`${row.id} was claimed before it was due`);
    if (row.deadlineAt <= nowMs) fail(`${row.id} was claimed after its deadline`);
    if (receiver === undefined) {
      fail(`${row.id} goes nowhere`);
      return;
    }
    if (receiver.pausedAt !== null) fail(`${row.id} was claimed for a paused receiver`);
    if (receiver.disabledReason !== null) fail(`${row.id} was claimed for a disabled receiver`);
    const passes = passesCircuit(before, nowMs);
    if ((receiver.openUntil ?? 0) > nowMs && !passes)
      fail(`${row.id} was claimed behind an open circuit`);
    const most = Math.min(
      receiver.maxInFlight ?? mostInFlight(tables),
      receiver.allowance ?? Infinity,
      receiver.openUntil === null || passes ? Infinity : 1,
    );
    if (leasesAt(tables, receiver.id) > most) fail(`more than ${most} at once at ${receiver.id}`);
  }

  return {
    get violation() {
      return violation;
    },
    get overruns() {
      return overruns;
    },
    get sends() {
      return sends;
    },
    fail,
    changed(row, before) {
      trace.note(
        tables.nowMs,
        row.id,
        row.status,
        row.reason,
        row.cycle,
        row.attemptCount,
        row.dueAt,
      );
      if (before !== null && before.leaseToken === null && row.leaseToken !== null) {
        claimed(row, before);
      }
      if (before !== null && before.leaseToken !== null && row.leaseToken !== null) {
        if (before.leaseToken !== row.leaseToken) fail(`${row.id}: a lease was taken over`);
      }
      ladder.changed(row, before);
    },
    sendBegan(process, letter, stamp) {
      sends += 1;
      trace.note(
        timeline.nowMs,
        process.name,
        'sends',
        stamp.deliveryId,
        stamp.cycle,
        stamp.attempt,
      );
      const row = tables.deliveries.get(stamp.deliveryId) as DeliveryRow;
      const first = webhookIds.get(row.id) ?? letter.webhookId;
      webhookIds.set(row.id, first);
      if (first !== letter.webhookId) fail(`${row.id} changed its webhook-id`);
      const isHeld = row.leaseToken !== null && row.cycle === stamp.cycle;
      const isFresh = isHeld && row.attemptCount + 1 === stamp.attempt;
      const mayBeLate = process.lastStalledAtMs > timeline.nowMs - LONGEST_HOLD_MS;
      if (isFresh) ladder.startedAt(row, timeline.nowMs);
      else if (mayBeLate) overruns += 1;
      else fail(`${row.id} is sent without a lease`);
      if (timeline.nowMs > row.deadlineAt + CLOCK_SLACK_MS)
        fail(`${row.id} is sent after its deadline`);

      const request = {
        process,
        receiverId: row.receiverId ?? '',
        token: isFresh ? row.leaseToken : null,
        id: row.id,
      };
      underWay.add(request);
      const together = [...underWay].filter(
        (each) =>
          each.receiverId === request.receiverId &&
          each.process.isAlive &&
          each.token !== null &&
          tables.deliveries.get(each.id)?.leaseToken === each.token,
      );
      const receiver = tables.receivers.get(request.receiverId);
      const most = receiver?.maxInFlight ?? mostInFlight(tables);
      if (together.length > most) fail(`${together.length} requests at once at ${receiver?.id}`);
      if (new Set(together.map(({ id }) => id)).size < together.length && !mayBeLate) {
        fail(`${row.id} is sent twice at once`);
      }
      return () => {
        if (isFresh) ladder.endedAt(row.id, timeline.nowMs);
        underWay.delete(request);
      };
    },
    step() {
      for (; attemptsSeen < tables.attempts.length; attemptsSeen += 1) {
        const attempt = tables.attempts[attemptsSeen];
        if (attempt !== undefined) ladder.recorded(attempt);
      }
      for (const request of underWay) {
        if (!request.process.isAlive) underWay.delete(request);
      }
    },
  };
}

/** A process that stood still may be as late as that with what it held: its lease, and a little more. */
const LONGEST_HOLD_MS = 60_000;

function mostInFlight(tables: Tables): number {
  return Math.max(...[...tables.policies.values()].map((each) => each.maxInFlightPerEndpoint));
}

/** For the end of a day: whoever was accepted has ended, or there is a time at which it goes on. */
export function checkNothingForgotten(tables: Tables): string | null {
  for (const row of tables.deliveries.values()) {
    const goesOn = row.status === 'pending' ? row.dueAt !== null : row.leaseUntil !== null;
    if (row.settledAt === null && !goesOn) return `${row.id} has neither an end nor a time`;
    if (row.settledAt === null && tables.live.get(row.id) !== row) return `${row.id} was mislaid`;
    const { ladderSeconds } = policyOf(tables, row.queue, row.policyVersion);
    if (row.rung > ladderSeconds.length) return `${row.id} is beyond its ladder`;
  }
  return null;
}
