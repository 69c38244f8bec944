import { newId } from '../platform/ids.ts';
import type { Clock } from '../platform/time/clock.ts';
import type { Outcome } from './delivery.ts';
import type { Sender, WebhookRequest, WebhookResponse } from './http/send.ts';
import type { HeldLease, Leases } from './leases.ts';
import type { Undeliverable } from './protocol.ts';
import type { Heard } from './record.ts';
import { decide, type Verdict } from './rules/decide.ts';
import { judge } from './rules/outcome.ts';
import type { QueueRules } from './rules/rules.ts';
import type { Claim, Claimed, Wanted } from './store/claim.ts';
import type { AttemptEntry, Ending, Recorded, Transition } from './store/record.ts';
import type { Wake } from './timers/wake-queue.ts';

/** An attempt as it ended, for the log, the metrics and the live view. */
export interface AttemptReport {
  delivery: Claimed;
  entry: AttemptEntry;
  /** null: the lease was lost before the result came; somebody else has gone on. */
  recorded: Recorded | null;
}

/** The steps of a delivery, each of them shared by all that take it at the same time. */
export interface Steps {
  claim(wanted: Wanted): Promise<Claim | null>;
  policyOf(queue: string, version: number): Promise<QueueRules>;
  compose(delivery: Claimed): Promise<WebhookRequest | Undeliverable>;
  /** The leases that this process holds. */
  leases: Pick<Leases, 'hold' | 'holds'>;
  /** When an attempt may start, by `clock`: starts at one receiver are kept apart. */
  pace(receiverId: string, plannedAt: number, intervalMs: number): number;
  sender: Sender;
  /** What an answer means to the delivery's owner. */
  read(delivery: Claimed, answer: WebhookResponse, outcome: Outcome): Verdict;
  /** What it means that nobody knows how an attempt ended. */
  readLost(delivery: Claimed): Verdict;
  /** null: the lease was lost, or could not be ended in its time. Never rejects. */
  record(ending: Ending, delivery: Claimed, heard: Heard | null): Promise<Recorded | null>;
  wake(wakes: Wake[]): Promise<void>;
  report(report: AttemptReport): void;
  /** Something of ours failed before anything was sent: a lost database, a secret nobody can open. */
  fault(error: unknown, delivery: Claimed): void;
  random(): number;
  clock: Clock;
  /** Aborted when the process must end: attempts under way are broken off and given back. */
  shutdown: AbortSignal;
}

const RETRY_OWN_FAULT_MS = 5_000;

/** What a lane learns from one run. */
export type RunResult =
  | { kind: 'refused'; wanted: Wanted; claim: Claim | null }
  | { kind: 'ended'; delivery: Claimed; entry: AttemptEntry | null; recorded: Recorded | null };

/**
 * The way of one delivery: claim → send → judge → decide → record → wake.
 *
 * How an accepted notification gets here: once it is committed, `accept` wakes its deliveries
 * (`Worker.wake`, or a BullMQ job when they are not due yet); `lane.offer` takes each up if it has a
 * place and calls this, and the claims of a moment share one statement (`laneFor` in engine.ts).
 *
 * Where a crash can happen, and what makes it good:
 * - before the claim: the delivery is due and nobody holds it; the sweep finds it;
 * - between claim and record: the lease runs out; the sweep logs the attempt as `unknown` and lets
 *   the ladder go on, with the same `webhook-id`;
 * - between record and wake: the delivery is pending with a due time; the sweep finds it;
 * - in a shutdown: the attempt is broken off and the lease given back, nothing is charged.
 */
export async function run(wanted: Wanted, steps: Steps): Promise<RunResult> {
  const claim = await steps.claim(wanted);
  if (claim?.verdict !== 'claimed') return { kind: 'refused', wanted, claim };
  return finish(claim.delivery, steps);
}

/** The way of a delivery that is already in this process' hands. Never rejects. */
export async function finish(
  delivery: Claimed,
  steps: Omit<Steps, 'claim'>,
): Promise<RunResult & { kind: 'ended' }> {
  const lease = steps.leases.hold(delivery);
  const ended = await attempt(delivery, lease, steps).catch((error) =>
    giveBack(delivery, error, steps),
  );
  const recorded = await steps.record(ended.ending, delivery, ended.heard);
  lease.release();
  if (ended.ending.attempt !== null) {
    steps.report({ delivery, entry: ended.ending.attempt, recorded });
  }
  if (recorded !== null && recorded.waitMs !== null) await steps.wake([wakeFor(recorded)]);
  return { kind: 'ended', delivery, entry: ended.ending.attempt, recorded };
}

interface Ended {
  ending: Ending;
  heard: Heard | null;
}

/** compose → send → judge → decide. Rejects only where nothing may be charged. */
async function attempt(
  delivery: Claimed,
  lease: HeldLease,
  steps: Omit<Steps, 'claim'>,
): Promise<Ended> {
  const clock = clockOf(delivery, steps.clock);
  const [policy, letter] = await Promise.all([
    steps.policyOf(delivery.queue, delivery.policyVersion),
    steps.compose(delivery),
  ]);
  if ('undeliverable' in letter) {
    const { status, reason } = letter.undeliverable;
    return { ending: ending(delivery, null, { to: status, reason }), heard: null };
  }

  const plannedAt = delivery.leasedAtTick + delivery.startInMs;
  const startAt = steps.pace(delivery.receiverId, plannedAt, delivery.intervalMs);
  const earlyMs = startAt - steps.clock.now();
  if (earlyMs > 0) await steps.clock.sleep(earlyMs, steps.shutdown);
  const startedAtMs = clock.nowMs();
  if (startedAtMs >= delivery.deadlineMs) {
    const next: Transition = { to: 'failed', reason: 'deadline_passed' };
    return { ending: ending(delivery, null, next), heard: null };
  }
  if (delivery.trigger === 'ladder' && delivery.rung >= policy.ladderSeconds.length) {
    const next: Transition = { to: 'failed', reason: 'ladder_spent' };
    return { ending: ending(delivery, null, next), heard: null };
  }

  // A process that stood still: somebody else has it by now, or soon will.
  if (steps.clock.now() >= lease.endsAt()) {
    return { ending: ending(delivery, null, { to: 'released', delayMs: 0 }), heard: null };
  }

  const answer = await steps.sender.send(letter, {
    deliveryId: delivery.id,
    attempt: delivery.attemptCount + 1,
    cycle: delivery.cycle,
    timeoutMs: policy.timeoutMs,
    nowMs: startedAtMs,
    signal: steps.shutdown,
  });
  const outcome = judge(answer, letter.success ?? policy.success);
  const decision = decide(
    standingOf(delivery),
    policy,
    steps.read(delivery, answer, outcome),
    clock.nowMs(),
    steps.random(),
  );
  const entry = entryOf(delivery, answer, outcome, startedAtMs);
  const heard = { answer, maxInFlight: policy.maxInFlightPerEndpoint };
  return { ending: ending(delivery, entry, transitionOf(decision)), heard };
}

/** An attempt whose process died in it: charged as one, and what follows counts from its start. */
export function endLostAttempt(
  delivery: Claimed,
  policy: QueueRules,
  reading: Verdict,
  nowMs: number,
): Ending {
  const entry: AttemptEntry = {
    id: newId('att'),
    trigger: delivery.trigger,
    startedAtMs: delivery.leasedAtMs,
    durationMs: null,
    outcome: 'unknown',
    statusCode: null,
    responseExcerpt: null,
    remoteAddress: null,
    error: 'The gateway stopped before the answer was recorded.',
  };
  // As of its start, so that the time until somebody noticed costs neither delay nor rung.
  const decision = decide(standingOf(delivery), policy, reading, delivery.leasedAtMs, 0);
  const sinceStartMs = nowMs - delivery.leasedAtMs;
  const next = transitionOf(
    decision.kind === 'retry'
      ? { ...decision, delayMs: Math.max(0, decision.delayMs - sinceStartMs) }
      : decision,
  );
  return ending(delivery, entry, next);
}

/** Nothing is charged for what is our own fault; a fault that stays is tried again at a walk. */
function giveBack(delivery: Claimed, error: unknown, steps: Omit<Steps, 'claim'>): Ended {
  const delayMs = steps.shutdown.aborted ? 0 : RETRY_OWN_FAULT_MS;
  if (!steps.shutdown.aborted) steps.fault(error, delivery);
  return { ending: ending(delivery, null, { to: 'released', delayMs }), heard: null };
}

function ending(delivery: Claimed, attempt: AttemptEntry | null, next: Transition): Ending {
  const { id: deliveryId, queue, receiverId, leaseToken } = delivery;
  return { deliveryId, queue, receiverId, leaseToken, attempt, next };
}

function standingOf({ rung, trigger, deadlineMs, resumeMs }: Claimed) {
  return { rung, trigger, deadlineMs, resumeMs };
}

function transitionOf(decision: ReturnType<typeof decide>): Transition {
  if (decision.kind === 'retry') {
    return { to: 'pending', rung: decision.rung, delayMs: decision.delayMs };
  }
  if (decision.status === 'delivered') return { to: 'delivered' };
  return { to: 'failed', reason: decision.reason };
}

function entryOf(
  { trigger }: Claimed,
  answer: WebhookResponse,
  outcome: Outcome,
  startedAtMs: number,
): AttemptEntry {
  const answered = answer.kind === 'response';
  return {
    id: newId('att'),
    trigger,
    startedAtMs,
    durationMs: Math.round(answer.durationMs),
    outcome,
    statusCode: answered ? answer.statusCode : null,
    responseExcerpt: answered ? answer.body : null,
    remoteAddress: answer.remoteAddress,
    error: answered ? shortcomingOf(answer, outcome) : answer.error,
  };
}

const CUT_OFF = {
  timeout: 'The answer began, but did not end in time.',
  no_end: 'The answer began, but did not end in time.',
  connection_error: 'The connection broke within the answer.',
};

function shortcomingOf({ cutOff }: { cutOff: keyof typeof CUT_OFF | null }, outcome: Outcome) {
  return cutOff === null || outcome === 'success' ? null : CUT_OFF[cutOff];
}

/** The job of a delivery's next attempt. Its key differs for each due time. */
export function wakeFor(
  due: Pick<Recorded, 'id' | 'queue' | 'dueAtMs' | 'waitMs'> & { receiverId?: string | null },
): Wake {
  return {
    queue: due.queue,
    deliveryId: due.id,
    receiverId: due.receiverId ?? null,
    delayMs: Math.max(0, Math.ceil(due.waitMs ?? 0)),
    key: `${due.id}-${due.dueAtMs ?? 0}`,
  };
}

/** The database's clock, carried on by this process' monotonic one: local time never matters. */
function clockOf({ leasedAtMs, leasedAtTick }: Claimed, clock: Clock) {
  return { nowMs: () => leasedAtMs + clock.now() - leasedAtTick };
}
