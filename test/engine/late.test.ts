import { expect, test } from 'vitest';
import { createProcess } from '../../simulate/process.ts';
import { randomOf } from '../../simulate/random.ts';
import { drawPolicy } from '../../simulate/settings.ts';
import { createTimeline } from '../../simulate/timeline.ts';
import { createLeases } from '../../src/engine/leases.ts';
import { finish, type Steps } from '../../src/engine/run.ts';
import { type Claimed, LEASE_MARGIN_MS } from '../../src/engine/store/claim.ts';
import type { Ending } from '../../src/engine/store/record.ts';

const LEASED_AT_MS = Date.UTC(2026, 0, 1);
const COMPOSING_MS = 5_000;
const A_DAY_MS = 86_400_000;

/** One attempt whose letter takes five seconds. @returns how it ended, and how often it was sent */
async function attemptWith(
  leftMs: number,
  stalledMs = 0,
): Promise<{ ending: Ending; sent: number }> {
  const timeline = createTimeline(LEASED_AT_MS);
  const random = randomOf(1);
  const machine = { timeline, random, rounds: new Set<never>(), nextWork: () => Infinity };
  const process = createProcess('w1', machine, () => {});
  const { clock } = process;
  const policy = {
    ...drawPolicy(random, 'default'),
    success: { body: 'any' },
    version: 1,
  } as const;
  const endings: Ending[] = [];
  let sent = 0;
  const steps: Omit<Steps, 'claim'> = {
    policyOf: async () => policy,
    compose: async () => {
      await clock.sleep(COMPOSING_MS);
      return { url: 'https://a.example', headers: {}, body: '{}', secrets: [], webhookId: 'ntf_1' };
    },
    leases: createLeases(
      async () => new Set(),
      () => {},
      clock,
    ),
    pace: (_receiverId, plannedAt) => plannedAt,
    sender: {
      async send() {
        sent += 1;
        return {
          kind: 'response',
          statusCode: 200,
          body: '',
          retryAfterMs: null,
          cutOff: null,
          remoteAddress: null,
          durationMs: 1,
          heldMs: 1,
        };
      },
      async close() {},
    },
    read: () => ({ kind: 'yes' }),
    readLost: () => ({ kind: 'yes' }),
    async record(ending) {
      endings.push(ending);
      return null;
    },
    async wake() {},
    report() {},
    fault(error) {
      throw error;
    },
    random: () => 0,
    clock,
    shutdown: new AbortController().signal,
  };
  const claimed: Claimed = {
    id: 'dlv_1',
    leaseToken: 'token',
    leasedAtMs: LEASED_AT_MS,
    leasedAtTick: clock.now(),
    leasedForMs: policy.timeoutMs + LEASE_MARGIN_MS,
    startInMs: 0,
    intervalMs: 0,
    suspect: false,
    ownerKind: 'notification',
    ownerId: 'ntf_1',
    purpose: 'notify',
    queue: 'default',
    policyVersion: 1,
    receiverId: 'ep_1',
    endpointId: 'ep_1',
    url: null,
    cycle: 1,
    rung: 0,
    attemptCount: 0,
    trigger: 'ladder',
    dueMs: null,
    deadlineMs: LEASED_AT_MS + leftMs,
    resumeMs: null,
  };
  const done = finish(claimed, steps);
  process.stall(stalledMs);
  await timeline.runUntil(LEASED_AT_MS + 60_000, () => {});
  await done;
  return { ending: endings[0] as Ending, sent };
}

test('an attempt that was claimed in time and comes to its start too late is not sent', async () => {
  const { ending, sent } = await attemptWith(COMPOSING_MS - 1_000);
  expect(sent).toBe(0);
  expect(ending).toMatchObject({
    attempt: null,
    next: { to: 'failed', reason: 'deadline_passed' },
  });
});

test('a process that stood still past its lease sends nothing: the delivery may be in other hands', async () => {
  const { ending, sent } = await attemptWith(A_DAY_MS, 40_000);
  expect(sent).toBe(0);
  expect(ending).toMatchObject({ attempt: null, next: { to: 'released', delayMs: 0 } });
});

test('one that still makes it is sent', async () => {
  const { ending, sent } = await attemptWith(COMPOSING_MS + 1_000);
  expect(sent).toBe(1);
  expect(ending.next).toEqual({ to: 'delivered' });
});
