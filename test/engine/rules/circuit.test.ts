import { expect, test } from 'vitest';
import type { WebhookResponse } from '../../../src/engine/http/send.ts';
import { healthOf } from '../../../src/engine/rules/circuit.ts';
import type { Claimed } from '../../../src/engine/store/claim.ts';

const AT_AN_ENDPOINT = { receiverId: 'ep_1', endpointId: 'ep_1' } as Claimed;
const AT_A_ONE_OFF_ADDRESS = { receiverId: 'url_1', endpointId: null } as Claimed;
const RULES = { maxInFlight: 20, nextInMs: 600_000 };

const response = (statusCode: number, more: Partial<WebhookResponse> = {}) =>
  ({
    kind: 'response',
    statusCode,
    body: '',
    retryAfterMs: null,
    cutOff: null,
    remoteAddress: null,
    durationMs: 3,
    heldMs: 3,
    ...more,
  }) as WebhookResponse;
const silence = (durationMs: number): WebhookResponse => ({
  kind: 'failure',
  outcome: 'timeout',
  error: '',
  remoteAddress: null,
  durationMs,
  heldMs: durationMs,
});
const scoreOf = (answer: WebhookResponse) =>
  healthOf(AT_AN_ENDPOINT, answer, 'http_status', RULES).score;

test('a failure weighs what it cost: the seconds for which it held a place', () => {
  expect(scoreOf(response(500, { durationMs: 1500, heldMs: 1500 }))).toBe(30);
  expect(scoreOf(silence(500))).toBe(10);
  expect(scoreOf(silence(1000))).toBe(20);
  expect(scoreOf(silence(15_000))).toBe(40);
  expect(scoreOf(silence(60_000))).toBe(40);
  expect(healthOf(AT_AN_ENDPOINT, response(200), 'success', RULES).score).toBe(0);
});

test('a failure that comes quickly weighs nothing, whatever it says', () => {
  expect(scoreOf(response(500))).toBe(0);
  expect(scoreOf(response(500, { durationMs: 1000, heldMs: 1000 }))).toBe(0);
  expect(scoreOf({ ...silence(3), outcome: 'connection_error' } as WebhookResponse)).toBe(0);
});

test('Retry-After holds an endpoint, but for a minute at most, and never beyond the next attempt', () => {
  const held = (retryAfterMs: number, nextInMs: number | null) =>
    healthOf(AT_AN_ENDPOINT, response(503, { retryAfterMs }), 'http_status', {
      ...RULES,
      nextInMs,
    }).holdMs;
  expect(held(5_000, 15_000)).toBe(5_000);
  expect(held(3_600_000, 3_600_000)).toBe(60_000);
  // The last call before a deadline.
  expect(held(3_600_000, 6_000.7)).toBe(6_000);
  expect(held(3_600_000, null)).toBe(60_000);
});

test('one payment’s address says nothing of the others at its origin', () => {
  const answer = response(429, { retryAfterMs: 30_000 });
  expect(healthOf(AT_A_ONE_OFF_ADDRESS, answer, 'http_status', RULES)).toMatchObject({
    hasCircuit: false,
    slowDown: false,
    holdMs: null,
    gone: false,
  });
  expect(healthOf(AT_A_ONE_OFF_ADDRESS, response(410), 'http_status', RULES).gone).toBe(false);
});

test('the time that this process lagged weighs nothing', () => {
  expect(scoreOf(response(500, { durationMs: 4000, heldMs: 3 }))).toBe(0);
  expect(scoreOf({ ...silence(500), durationMs: 4000 } as WebhookResponse)).toBe(10);
});
