import type { WebhookResponse } from '../src/engine/http/send.ts';
import type { Random } from './random.ts';
import { DAY, HOUR, MINUTE } from './settings.ts';

export const TEMPERS = [
  'up',
  'up',
  'up',
  'down',
  'hanging',
  'flapping',
  'slow',
  'gone',
  'throttling',
  'garbage',
  'failing',
] as const;
export type Temper = (typeof TEMPERS)[number];

export function drawTemper(random: Random, from: readonly Temper[]): Temper {
  const temper = random.pick(from);
  // 410 ends everything there, so it must not come as often as the rest.
  return temper === 'gone' && random.chance(0.7) ? 'up' : temper;
}

const FLAPS_MS = 7 * MINUTE;
const SUCCESS = 'success';

/** How such a receiver answers now, and after how long; what lasts longer than the timeout is silence. */
export function answerOf(
  temper: Temper,
  nowMs: number,
  timeoutMs: number,
  random: Random,
): WebhookResponse {
  const durationMs = reactionMs(temper, timeoutMs, random);
  if (temper === 'down' || (temper === 'flapping' && Math.floor(nowMs / FLAPS_MS) % 2 === 0)) {
    return failed('connection_error', random.whole(1, 5));
  }
  if (durationMs >= timeoutMs) return failed('timeout', timeoutMs);
  switch (temper) {
    case 'gone':
      return answered(410, '', null, durationMs);
    case 'throttling':
      return random.chance(0.7)
        ? answered(random.pick([429, 503]), '', drawRetryAfter(random), durationMs)
        : answered(200, SUCCESS, null, durationMs);
    case 'garbage':
      return answered(random.pick([200, 200, 301, 404, 500, 502]), '<html>', null, durationMs);
    case 'failing':
      return answered(random.chance(0.3) ? 200 : 500, SUCCESS, null, durationMs);
    default:
      return answered(200, SUCCESS, null, durationMs);
  }
}

function reactionMs(temper: Temper, timeoutMs: number, random: Random): number {
  if (temper === 'hanging') return timeoutMs;
  if (temper === 'slow') return random.whole(Math.floor(timeoutMs / 2), Math.ceil(timeoutMs * 1.1));
  return Math.min(random.whole(2, 200), timeoutMs - 1);
}

function drawRetryAfter(random: Random): number | null {
  return random.pick([null, 0, 1_000, 30_000, 10 * MINUTE, 2 * HOUR, 2 * DAY]);
}

function answered(
  statusCode: number,
  body: string,
  retryAfterMs: number | null,
  durationMs: number,
): WebhookResponse {
  const remoteAddress = '192.0.2.1';
  return {
    kind: 'response',
    statusCode,
    body,
    retryAfterMs,
    cutOff: null,
    remoteAddress,
    durationMs,
    heldMs: durationMs,
  };
}

function failed(outcome: 'connection_error' | 'timeout', durationMs: number): WebhookResponse {
  return {
    kind: 'failure',
    outcome,
    error: 'not reached',
    remoteAddress: null,
    durationMs,
    heldMs: durationMs,
  };
}
