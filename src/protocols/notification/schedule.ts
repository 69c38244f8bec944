import type { z } from 'zod';
import { type DeliveryStatus, isSettled } from '../../engine/delivery.ts';
import { planFrom } from '../../engine/rules/ladder.ts';
import type { LadderRules } from '../../engine/rules/rules.ts';
import type { schedule } from './contract.ts';

/** Where a delivery stands on its ladder. All times in ms since the epoch. */
export interface Standing extends LadderRules {
  status: DeliveryStatus;
  shownStatus: string;
  cycle: number;
  policyVersion: number;
  /** Index into the ladder of the attempt that is waited for, or under way. */
  rung: number;
  dueMs: number | null;
  /** When the ladder goes on, after an attempt that was asked for in between. */
  resumeMs: number | null;
  deadlineMs: number;
  nowMs: number;
}

type Schedule = z.input<typeof schedule>;

/** What is still to come if every attempt fails at once. A delivery that is settled has nothing left. */
export function scheduleOf(standing: Standing): Schedule {
  return {
    status: standing.shownStatus as Schedule['status'],
    cycle: standing.cycle,
    policyVersion: standing.policyVersion,
    ladderLength: standing.ladderSeconds.length,
    deadlineAt: toIso(standing.deadlineMs),
    attempts: isSettled(standing.status) ? [] : [...outOfTurn(standing), ...onLadder(standing)],
  };
}

/** One that somebody asked for, while the ladder waits. */
function outOfTurn({ dueMs, resumeMs, status }: Standing): Schedule['attempts'] {
  if (resumeMs === null || dueMs === null || status !== 'pending') return [];
  return [{ rung: null, delaySeconds: 0, at: toIso(dueMs), latest: toIso(dueMs) }];
}

function onLadder(standing: Standing): Schedule['attempts'] {
  const { ladderSeconds, rung, resumeMs, dueMs, deadlineMs, nowMs, status } = standing;
  if (rung >= ladderSeconds.length) return [];
  const isUnderWay = status === 'sending' && resumeMs === null;
  // The time of the first is known already, jitter included; those behind it follow from it.
  const firstMs = resumeMs ?? (isUnderWay ? null : dueMs);
  const startMs = Math.max(firstMs ?? nowMs, nowMs);
  const first =
    firstMs === null || startMs >= deadlineMs
      ? []
      : [
          {
            rung: rung + 1,
            delaySeconds: ladderSeconds[rung] ?? 0,
            at: toIso(firstMs),
            latest: toIso(startMs),
          },
        ];
  const rest = planFrom(standing, rung + 1, startMs, deadlineMs);
  return [
    ...first,
    ...rest.map(({ attempt, delaySeconds, atMs, latestMs }) => ({
      rung: attempt,
      delaySeconds,
      at: toIso(atMs),
      latest: toIso(latestMs),
    })),
  ];
}

function toIso(ms: number): string {
  return new Date(Math.floor(ms)).toISOString();
}
