import { expect, test } from 'vitest';
import { endLostAttempt } from '../../src/engine/run.ts';
import type { Claimed } from '../../src/engine/store/claim.ts';

const SECOND = 1000;
const LEASED_AT_MS = Date.UTC(2026, 0, 1);
const POLICY = {
  queue: 'q',
  version: 1,
  preset: null,
  ladderSeconds: [0, 60, 600],
  deadlineSeconds: 3600,
  jitter: 0,
  timeoutMs: 15_000,
  success: { body: 'any' },
  supersede: false,
  maxInFlightPerEndpoint: 20,
  ratePerSecondPerEndpoint: null,
  concurrency: 200,
} as const;
const CLAIMED: Claimed = {
  id: 'dlv_1',
  leaseToken: 'token',
  leasedAtMs: LEASED_AT_MS,
  leasedAtTick: 0,
  leasedForMs: 25_000,
  startInMs: 0,
  intervalMs: 0,
  suspect: false,
  ownerKind: 'notification',
  ownerId: 'ntf_1',
  purpose: 'notify',
  queue: 'q',
  policyVersion: 1,
  receiverId: 'ep_1',
  endpointId: 'ep_1',
  url: null,
  cycle: 1,
  rung: 1,
  attemptCount: 1,
  trigger: 'ladder',
  dueMs: null,
  deadlineMs: LEASED_AT_MS + 3600 * SECOND,
  resumeMs: null,
};

/** What follows when the loss is noticed 25 s after the lease began. */
function lost(more: Partial<Claimed>) {
  const nowMs = LEASED_AT_MS + 25 * SECOND;
  const unknown = { kind: 'unknown', retryAfterMs: null } as const;
  return endLostAttempt({ ...CLAIMED, ...more }, POLICY, unknown, nowMs).next;
}

test('after a lost attempt the ladder goes on as from its start', () => {
  expect(lost({})).toEqual({ to: 'pending', rung: 2, delayMs: 575 * SECOND });
});

test('a lost attempt that was asked for in between leaves the ladder at its time', () => {
  const resumeMs = LEASED_AT_MS + 200 * SECOND;
  const next = lost({ trigger: 'resend', resumeMs });
  expect(next).toEqual({ to: 'pending', rung: 1, delayMs: 175 * SECOND });
});

test('the time until the loss was noticed costs no rung', () => {
  // The next one begins 600 s after the start of this one, and so just before the deadline.
  const next = lost({ deadlineMs: LEASED_AT_MS + 610 * SECOND });
  expect(next).toEqual({ to: 'pending', rung: 2, delayMs: 575 * SECOND });
});
