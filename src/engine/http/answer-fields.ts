import { parseRetryAfter } from './retry-after.ts';

/** For how long a receiver asks to be left alone, ms; null: it does not, or by no status that may. */
export function askedDelayMs(
  statusCode: number,
  headers: Record<string, string | string[] | undefined>,
  nowMs: number,
): number | null {
  if (statusCode !== 429 && statusCode !== 503) return null;
  return parseRetryAfter(firstOf(headers['retry-after']), firstOf(headers.date), nowMs);
}

/** A field may be there several times. */
export function firstOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
