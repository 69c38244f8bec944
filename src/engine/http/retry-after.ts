const SECOND = 1000;
const DAY = 86_400 * SECOND;

/** As long as the longest deadline a queue may have: a longer wait means nothing. */
const LONGEST_MS = 30 * DAY;

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** The three spellings of a date that HTTP has had; all of them are in GMT. */
const DATES = [
  // Sun, 06 Nov 1994 08:49:37 GMT
  /^[a-z]{3}, (?<day>\d{2}) (?<month>[a-z]{3}) (?<year>\d{4}) (?<time>\d{2}:\d{2}:\d{2}) gmt$/,
  // Sunday, 06-Nov-94 08:49:37 GMT
  /^[a-z]{6,9}, (?<day>\d{2})-(?<month>[a-z]{3})-(?<year>\d{2}) (?<time>\d{2}:\d{2}:\d{2}) gmt$/,
  // Sun Nov  6 08:49:37 1994
  /^[a-z]{3} (?<month>[a-z]{3}) (?<day>[ \d]\d) (?<time>\d{2}:\d{2}:\d{2}) (?<year>\d{4})$/,
];

/**
 * How long a receiver asks to be left alone, in ms: 0 to 30 days. Null when it doesn't ask, or in a
 * way that HTTP doesn't know.
 *
 * A date is taken relative to the answer's own `Date`, so that a receiver's wrong clock doesn't
 * matter; without one, relative to `nowMs`.
 */
export function parseRetryAfter(
  value: string | undefined,
  answeredAt: string | undefined,
  nowMs: number,
): number | null {
  if (value === undefined) return null;
  const text = value.trim();
  if (/^\d+$/.test(text)) return clamp(Number(text) * SECOND);
  const untilMs = parseHttpDate(text, nowMs);
  if (untilMs === null) return null;
  return clamp(untilMs - (parseHttpDate(answeredAt ?? '', nowMs) ?? nowMs));
}

function clamp(ms: number): number {
  return Math.min(Math.max(ms, 0), LONGEST_MS);
}

/** Ms since the epoch. `Date.parse` would do, were it not for all the other things that it takes. */
function parseHttpDate(text: string, nowMs: number): number | null {
  if (text.length > 40) return null;
  const lower = text.trim().toLowerCase();
  const found = DATES.map((form) => form.exec(lower)?.groups).find((groups) => groups);
  if (found === undefined) return null;
  const { day = '', month = '', year = '', time = '' } = found;
  const monthIndex = MONTHS.indexOf(month);
  const midnightMs = Date.UTC(fullYear(year, nowMs), monthIndex, Number(day));
  const [hours = 0, minutes = 0, seconds = 0] = time.split(':').map(Number);
  const rolledOver = new Date(midnightMs).getUTCDate() !== Number(day);
  // 60 is a leap second.
  if (monthIndex < 0 || rolledOver || hours > 23 || minutes > 59 || seconds > 60) return null;
  return midnightMs + (hours * 3600 + minutes * 60 + seconds) * SECOND;
}

/** A year of two digits is the one that lies within 50 years (RFC 9110, 5.6.7). */
function fullYear(year: string, nowMs: number): number {
  if (year.length === 4) return Number(year);
  const now = new Date(nowMs).getUTCFullYear();
  const candidate = now - (now % 100) + Number(year);
  if (candidate > now + 50) return candidate - 100;
  return candidate <= now - 50 ? candidate + 100 : candidate;
}
