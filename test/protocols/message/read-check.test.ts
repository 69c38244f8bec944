import { describe, expect, test } from 'vitest';
import type { WebhookResponse } from '../../../src/engine/http/send.ts';
import { readCheck, readSilence } from '../../../src/protocols/message/check.ts';

const answered = (
  statusCode: number,
  body = '',
  retryAfterMs: number | null = null,
): WebhookResponse => ({
  kind: 'response',
  statusCode,
  body,
  retryAfterMs,
  cutOff: null,
  remoteAddress: null,
  durationMs: 1,
  heldMs: 1,
});
const unanswered = (outcome: 'timeout' | 'dns_error' | 'blocked_target'): WebhookResponse => ({
  kind: 'failure',
  outcome,
  error: 'no answer',
  remoteAddress: null,
  durationMs: 1,
  heldMs: 1,
});

describe('what a check-back was answered', () => {
  test('a clear word decides', () => {
    expect(readCheck(answered(200, '{"status":"committed"}'), 0)).toEqual({ kind: 'yes' });
    const no = { kind: 'no', reason: 'rolled_back' };
    expect(readCheck(answered(200, '{"status":"rolled_back","since":1}'), 0)).toEqual(no);
    expect(readCheck(answered(409), 0)).toEqual(no);
  });

  test.each([
    answered(200),
    answered(200, 'committed'),
    answered(200, 'null'),
    answered(200, '["committed"]'),
    answered(200, '{"status":["committed"]}'),
    answered(200, '{"__proto__":{"status":"committed"}}'),
    answered(302, '{"status":"committed"}'),
    answered(404, '{"status":"rolled_back"}'),
    answered(500, '{"status":"committed"}'),
  ])('anything else tells nothing: %j', (answer) => {
    expect(readCheck(answer, 0)).toEqual({ kind: 'unknown', retryAfterMs: 10_000 });
  });

  test('no answer uses no step, and the pauses grow all the same', () => {
    const pauses = Array.from({ length: 8 }, (_, before) =>
      readCheck(unanswered('timeout'), before),
    );
    expect(pauses).toEqual(
      [10, 20, 40, 80, 160, 300, 300, 300].map((s) => ({ kind: 'later', delayMs: s * 1000 })),
    );
    expect(readCheck(unanswered('dns_error'), 3)).toEqual(readSilence(3));
    expect(readCheck(unanswered('blocked_target'), 8000)).toEqual({
      kind: 'later',
      delayMs: 300_000,
    });
    expect(readCheck(answered(404), 2)).toEqual({ kind: 'unknown', retryAfterMs: 40_000 });
    expect(readCheck(answered(503, '', 60_000), 0)).toEqual({
      kind: 'unknown',
      retryAfterMs: 60_000,
    });
  });

  test('still working: at a fixed interval', () => {
    for (const before of [0, 100]) {
      expect(readCheck(answered(425), before)).toEqual({ kind: 'later', delayMs: 5_000 });
    }
  });
});
