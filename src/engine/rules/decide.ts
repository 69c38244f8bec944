import type { SettleReason } from '../delivery.ts';
import { longestDelayMs, stepTo } from './ladder.ts';
import type { LadderRules } from './rules.ts';

/** What `decide` must know of a delivery whose attempt has just ended. All times in ms since the epoch. */
export interface LadderPosition {
  /** Index into the ladder of the attempt that has just ended. */
  rung: number;
  trigger: 'ladder' | 'resend' | 'test';
  deadlineMs: number;
  /** When the ladder was to go on, had nobody asked for an attempt in between. */
  resumeMs: number | null;
}

/** What becomes of a delivery after an attempt. */
export type Decision = { kind: 'settle'; status: 'delivered'; reason: null } | Failed | Retry;

interface Failed {
  kind: 'settle';
  status: 'failed';
  reason: SettleReason;
}

interface Retry {
  kind: 'retry';
  rung: number;
  delayMs: number;
}

/** What an answer means to whoever the delivery belongs to. */
export type Verdict =
  /** Done. */
  | { kind: 'yes' }
  /** Never: nothing more is sent. */
  | { kind: 'no'; reason: SettleReason }
  /** Not yet: asked again after a while, and the ladder stays where it is. */
  | { kind: 'later'; delayMs: number }
  /**
   * It arrived, but what it is to bring comes later and by another way: it is given that long, then the
   * ladder goes on. Also after the last rung, so that the last attempt counts like the others.
   */
  | { kind: 'heard'; patienceMs: number }
  /** Anything else: the ladder decides; the receiver may have asked for more time. */
  | { kind: 'unknown'; retryAfterMs: number | null };

/**
 * What comes after an attempt. Pure: the clock and the dice are parameters.
 *
 * @param nowMs ms since the epoch, on the database's clock
 * @param random 0 ≤ random < 1, for the jitter
 */
export function decide(
  standing: LadderPosition,
  rules: LadderRules,
  reading: Verdict,
  nowMs: number,
  random: number,
): Decision {
  if (reading.kind === 'yes') return { kind: 'settle', status: 'delivered', reason: null };
  if (reading.kind === 'no') return { kind: 'settle', status: 'failed', reason: reading.reason };
  if (standing.trigger === 'test')
    return { kind: 'settle', status: 'failed', reason: 'ladder_spent' };

  const leftMs = standing.deadlineMs - nowMs;
  if (reading.kind === 'later') return postpone(standing.rung, reading.delayMs, leftMs);
  const next = nextRung(standing, rules, leftMs, nowMs, random);
  if (reading.kind === 'heard') return leaveTime(next, reading.patienceMs, leftMs, rules);
  if (next.kind === 'settle') return next;
  return { ...next, delayMs: lengthen(next.delayMs, reading.retryAfterMs, leftMs) };
}

function nextRung(
  standing: LadderPosition,
  rules: LadderRules,
  leftMs: number,
  nowMs: number,
  random: number,
): Failed | Retry {
  // An attempt asked for in between leaves the ladder where it was.
  if (standing.resumeMs !== null) {
    if (leftMs <= 0) return { kind: 'settle', status: 'failed', reason: 'deadline_passed' };
    return { kind: 'retry', rung: standing.rung, delayMs: Math.max(0, standing.resumeMs - nowMs) };
  }
  const rung = standing.rung + 1;
  const step = stepTo(rules, rung, leftMs, random);
  if (step !== null) return { kind: 'retry', ...step };
  const spent = rung >= rules.ladderSeconds.length;
  return { kind: 'settle', status: 'failed', reason: spent ? 'ladder_spent' : 'deadline_passed' };
}

/**
 * The receiver gets its time before the next attempt, or before the end. A rung behind the last one
 * stands for the end: nothing is sent any more when it is due.
 */
function leaveTime(
  next: Failed | Retry,
  patienceMs: number,
  leftMs: number,
  { ladderSeconds }: LadderRules,
): Decision {
  if (leftMs <= 0) return { kind: 'settle', status: 'failed', reason: 'deadline_passed' };
  const rung = next.kind === 'retry' ? next.rung : ladderSeconds.length;
  const delayMs = next.kind === 'retry' ? Math.max(next.delayMs, patienceMs) : patienceMs;
  return { kind: 'retry', rung, delayMs: Math.min(delayMs, leftMs) };
}

/** Retry-After lengthens a delay, never shortens it, and never leads past the deadline. */
function lengthen(delayMs: number, retryAfterMs: number | null, leftMs: number): number {
  if (retryAfterMs === null) return delayMs;
  return Math.max(delayMs, Math.min(retryAfterMs, longestDelayMs(leftMs)));
}

function postpone(rung: number, delayMs: number, leftMs: number): Decision {
  return delayMs < leftMs
    ? { kind: 'retry', rung, delayMs }
    : { kind: 'settle', status: 'failed', reason: 'deadline_passed' };
}
