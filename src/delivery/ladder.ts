import type { LadderRules } from './policy.ts';

const SECOND = 1000;

/** One attempt as it is planned, if every attempt before it failed at once. */
export interface PlannedAttempt {
  /** 1, 2, 3 … */
  attempt: number;
  /** The ladder's entry, in seconds. */
  delaySeconds: number;
  /** The nominal and also the earliest time, ms since the epoch. */
  atMs: number;
  /** The latest time, with all the jitter there can be, ms since the epoch. */
  latestMs: number;
}

/**
 * How long to wait before the attempt at `rung`, in ms; null when no rung is left that begins
 * before the deadline.
 *
 * Jitter only lengthens, so no attempt ever comes before its time, and it may only use the slack
 * between the end of the ladder and the deadline: a ladder that fills its day would otherwise lose
 * its last rungs to the jitter of the first ones. (Rejected: jitter to both sides, which keeps the
 * average but makes attempts early; clamping each rung to the deadline, which bunches them there.)
 *
 * @param rung index into the ladder of the attempt to come
 * @param leftMs time until the deadline, in ms
 * @param random 0 ≤ random < 1
 */
export function delayBeforeRung(
  rules: Pick<LadderRules, 'ladderSeconds' | 'jitter'>,
  rung: number,
  leftMs: number,
  random: number,
): number | null {
  const delaySeconds = rules.ladderSeconds[rung];
  if (delaySeconds === undefined) return null;
  const delayMs = delaySeconds * SECOND;
  if (delayMs >= leftMs) return null;
  const slackMs = leftMs - reachableMs(rules.ladderSeconds, rung, leftMs);
  const jitterMs = Math.min(delayMs * rules.jitter * random, slackMs - 1);
  return delayMs + Math.max(0, Math.floor(jitterMs));
}

/** The plan of a whole ladder from its acceptance on; rungs behind the deadline are not in it. */
export function previewLadder(rules: LadderRules, fromMs: number): PlannedAttempt[] {
  const planned: PlannedAttempt[] = [];
  const deadlineMs = fromMs + rules.deadlineSeconds * SECOND;
  let atMs = fromMs;
  let latestMs = fromMs;
  for (const [rung, delaySeconds] of rules.ladderSeconds.entries()) {
    const delayMs = delayBeforeRung(rules, rung, deadlineMs - atMs, 0);
    if (delayMs === null) break;
    const latestDelayMs = delayBeforeRung(rules, rung, deadlineMs - latestMs, 1) ?? delayMs;
    atMs += delayMs;
    latestMs = Math.max(atMs, latestMs + latestDelayMs);
    planned.push({ attempt: rung + 1, delaySeconds, atMs, latestMs });
  }
  return planned;
}

/** How much of `leftMs` the ladder takes from `rung` on, up to its last rung that still fits. */
function reachableMs(ladderSeconds: readonly number[], rung: number, leftMs: number): number {
  let usedMs = 0;
  for (const delaySeconds of ladderSeconds.slice(rung)) {
    const nextMs = usedMs + delaySeconds * SECOND;
    if (nextMs >= leftMs) break;
    usedMs = nextMs;
  }
  return usedMs;
}
