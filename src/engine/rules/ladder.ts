import type { LadderRules } from './rules.ts';

const SECOND = 1000;

/**
 * What is asked once more before the deadline is asked a third of what is left before it, within these bounds.
 * A busy machine is seconds late, and nothing starts after the deadline.
 */
const SHORTEST_LAST_CALL_MS = 2 * SECOND;
const LONGEST_LAST_CALL_MS = 60 * SECOND;

/** The next attempt of a ladder. */
export interface Step {
  /** Index into the ladder. */
  rung: number;
  delayMs: number;
}

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
 * The attempt at `rung`; null when none is left that begins before the deadline.
 *
 * Jitter only lengthens, so no attempt ever comes before its time, and it may only use the slack that is
 * left when every attempt to come takes all of its time: a ladder that fills its day would otherwise lose its
 * last rungs to the jitter of the first ones. (Rejected: jitter to both sides, which keeps the average
 * but makes attempts early; clamping each rung to the deadline, which bunches them there.)
 *
 * A rung that the plan had before the deadline and that no longer fits, because attempts took their time, becomes
 * a last call shortly before it, instead of all that were to come.
 *
 * @param rung index into the ladder of the attempt to come
 * @param leftMs time until the deadline, in ms
 * @param random 0 ≤ random < 1
 */
export function stepTo(
  rules: LadderRules,
  rung: number,
  leftMs: number,
  random: number,
): Step | null {
  const delaySeconds = rules.ladderSeconds[rung];
  if (delaySeconds === undefined) return null;
  const delayMs = delaySeconds * SECOND;
  if (delayMs >= leftMs) return lastCall(rules, rung, leftMs);
  const slackMs = leftMs - reservedMs(rules, rung, leftMs);
  const jitterMs = Math.min(delayMs * rules.jitter * random, slackMs - 1);
  return { rung, delayMs: delayMs + Math.max(0, Math.floor(jitterMs)) };
}

/** The longest delay that still leaves time for an attempt before the deadline; ms, below 0 where none does. */
export function longestDelayMs(leftMs: number): number {
  const beforeMs = Math.min(
    Math.max(Math.floor(leftMs / 3), SHORTEST_LAST_CALL_MS),
    LONGEST_LAST_CALL_MS,
  );
  return leftMs - beforeMs;
}

function lastCall(rules: LadderRules, rung: number, leftMs: number): Step | null {
  const last = plannedRungs(rules) - 1;
  const delayMs = longestDelayMs(leftMs);
  return rung <= last && delayMs > 0 ? { rung: last, delayMs } : null;
}

/** How many rungs begin before the deadline when every attempt fails at once; the others are dropped. */
export function plannedRungs({ ladderSeconds, deadlineSeconds }: LadderRules): number {
  let atSeconds = 0;
  const first = ladderSeconds.findIndex((delaySeconds) => {
    atSeconds += delaySeconds;
    return atSeconds >= deadlineSeconds;
  });
  return first === -1 ? ladderSeconds.length : first;
}

/** The plan of a whole ladder from its acceptance on; rungs behind the deadline are not in it. */
export function previewLadder(rules: LadderRules, fromMs: number): PlannedAttempt[] {
  return planFrom(rules, 0, fromMs, fromMs + rules.deadlineSeconds * SECOND);
}

/**
 * What is to come from a rung on.
 *
 * @param endedMs when the attempt before it ended, ms since the epoch
 */
export function planFrom(
  rules: LadderRules,
  firstRung: number,
  endedMs: number,
  deadlineMs: number,
): PlannedAttempt[] {
  const planned: PlannedAttempt[] = [];
  let atMs = endedMs;
  let latestMs = endedMs;
  for (let rung = firstRung; ; rung += 1) {
    const step = stepTo(rules, rung, deadlineMs - atMs, 0);
    if (step === null) return planned;
    const latest = stepTo(rules, rung, deadlineMs - latestMs, 1) ?? step;
    rung = step.rung;
    atMs += step.delayMs;
    latestMs = Math.max(atMs, latestMs + latest.delayMs);
    const delaySeconds = rules.ladderSeconds[rung] ?? 0;
    planned.push({ attempt: rung + 1, delaySeconds, atMs, latestMs });
  }
}

/**
 * How much of `leftMs` the ladder takes from `rung` on, up to its last rung that still fits, if the attempts
 * before that one take all of their time.
 */
function reservedMs({ ladderSeconds, timeoutMs }: LadderRules, rung: number, leftMs: number) {
  let usedMs = 0;
  let attemptsMs = 0;
  for (const delaySeconds of ladderSeconds.slice(rung)) {
    const nextMs = usedMs + delaySeconds * SECOND;
    if (nextMs >= leftMs) break;
    attemptsMs += timeoutMs;
    usedMs = nextMs;
  }
  return usedMs + attemptsMs - timeoutMs;
}
