import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRetryAfter } from '../../../src/engine/http/retry-after.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 8, 0, 0);
const THIRTY_DAYS_MS = 30 * 86_400_000;

describe('Retry-After', () => {
  it.each([
    ['0', 0],
    ['120', 120_000],
    [' 7 ', 7000],
    ['2592000', THIRTY_DAYS_MS],
    ['2592001', THIRTY_DAYS_MS],
    ['9'.repeat(400), THIRTY_DAYS_MS],
  ])('in seconds: %j', (value, expectedMs) => {
    expect(parseRetryAfter(value, undefined, NOW_MS)).toBe(expectedMs);
  });

  it.each([
    ['Sun, 22 Nov 2026 08:01:30 GMT', 90_000],
    ['sun, 22 nov 2026 08:01:30 gmt', 90_000],
    ['Sunday, 22-Nov-26 08:01:30 GMT', 90_000],
    ['Sun Nov 22 08:01:30 2026', 90_000],
    ['Tue Dec  1 08:00:00 2026', 9 * 86_400_000],
    ['Sun, 22 Nov 2026 07:59:59 GMT', 0],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 0],
    ['Thu, 31 Dec 2026 23:59:60 GMT', THIRTY_DAYS_MS],
    ['Fri, 31 Dec 9999 23:59:59 GMT', THIRTY_DAYS_MS],
  ])('as a date: %j', (value, expectedMs) => {
    expect(parseRetryAfter(value, undefined, NOW_MS)).toBe(expectedMs);
  });

  it('counts from the date of the answer, whatever the receiver takes the time to be', () => {
    const value = 'Sat, 01 Jan 2000 00:00:30 GMT';
    expect(parseRetryAfter(value, 'Sat, 01 Jan 2000 00:00:00 GMT', NOW_MS)).toBe(30_000);
    expect(parseRetryAfter(value, 'yesterday', NOW_MS)).toBe(0);
  });

  it('takes a two-digit year as the nearest one', () => {
    const inMs = (value: string, nowMs: number) => parseRetryAfter(value, undefined, nowMs);
    expect(inMs('Friday, 01-Jan-00 00:00:10 GMT', Date.UTC(2100, 0, 1))).toBe(10_000);
    expect(inMs('Friday, 01-Jan-00 00:00:10 GMT', Date.UTC(2099, 11, 31, 23, 59, 50))).toBe(20_000);
    expect(inMs('Thursday, 31-Dec-99 23:59:59 GMT', Date.UTC(2100, 0, 1))).toBe(0);
  });

  it.each([
    ...['', ' ', '-1', '+1', '1.5', '1e3', '0x10', '12 seconds', 'soon', 'Infinity', 'NaN', '1,2'],
    ...['2026-11-22T08:01:30Z', 'Sun, 31 Feb 2026 08:00:00 GMT', 'Sun, 22 Nov 2026 24:00:00 GMT'],
    ...['Sun, 22 Foo 2026 08:00:00 GMT', 'Sun, 22 Nov 2026 08:00:00 CST', '٣٠'],
  ])('is ignored when HTTP does not know it: %j', (value) => {
    expect(parseRetryAfter(value, undefined, NOW_MS)).toBeNull();
  });

  it('is absent when there is none', () => {
    expect(parseRetryAfter(undefined, undefined, NOW_MS)).toBeNull();
  });

  it('is never negative, longer than 30 days, fractional or no number', () => {
    const date = fc.date({ noInvalidDate: true }).map((when) => when.toUTCString());
    const digits = fc.stringMatching(/^\d{0,30}$/);
    const header = fc.oneof(fc.string(), digits, date, fc.constant(undefined));
    const now = fc.integer({ min: 0, max: Date.UTC(2200, 0, 1) });
    fc.assert(
      fc.property(header, header, now, (value, answeredAt, nowMs) => {
        const delayMs = parseRetryAfter(value, answeredAt, nowMs);
        if (delayMs === null) return;
        expect(Number.isSafeInteger(delayMs)).toBe(true);
        expect(delayMs).toBeGreaterThanOrEqual(0);
        expect(delayMs).toBeLessThanOrEqual(THIRTY_DAYS_MS);
      }),
      { numRuns: 2000 },
    );
  });

  it('gives back any date within 30 days', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: THIRTY_DAYS_MS / 1000 }), (seconds) => {
        const value = new Date(NOW_MS + seconds * 1000).toUTCString();
        expect(parseRetryAfter(value, undefined, NOW_MS)).toBe(seconds * 1000);
      }),
    );
  });
});
