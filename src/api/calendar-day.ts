import { z } from 'zod';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A calendar day: `2026-11-22`. */
export const calendarDate = z.iso
  .date('Expected a date such as 2026-11-22')
  .refine((date) => date > '1970-01-01' && date < '9999-12-31', 'This date is out of range');

/**
 * The name of an IANA time zone, as this runtime spells it: `asia/shanghai` becomes `Asia/Shanghai`.
 * Bare offsets such as `+08:00` are refused, since not every supported runtime knows them.
 */
export const timezone = z
  .string()
  .max(64)
  .transform((name, context) => {
    const known = /^[A-Za-z]/.test(name) ? canonicalZone(name) : null;
    if (known !== null) return known;
    context.addIssue({ code: 'custom', message: 'Expected an IANA time zone, such as UTC' });
    return z.NEVER;
  });

function canonicalZone(name: string): string | null {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return null;
  }
}

/** A day in time. `startsAt` belongs to it, `endsAt` to the next one. */
export interface Day {
  date: string;
  timezone: string;
  startsAt: Date;
  endsAt: Date;
}

/**
 * When a calendar day begins and ends in a zone. Days follow each other without gap or overlap,
 * whatever the zone does at midnight; where clocks change a day has 23 or 25 hours, and a day that a
 * zone skipped altogether is empty.
 */
export function dayIn(date: string, timezone: string): Day {
  return {
    date,
    timezone,
    startsAt: timeIn(date, '00:00', timezone),
    endsAt: timeIn(addDays(date, 1), '00:00', timezone),
  };
}

export function addDays(date: string, days: number): string {
  return new Date(Date.parse(date) + days * DAY_MS).toISOString().slice(0, 10);
}

/** The UTC days that `[from, to)` touches, in order. */
export function utcDatesBetween(from: Date, to: Date): string[] {
  const dates: string[] = [];
  for (let ms = Math.floor(from.getTime() / DAY_MS) * DAY_MS; ms < to.getTime(); ms += DAY_MS) {
    dates.push(new Date(ms).toISOString().slice(0, 10));
  }
  return dates;
}

/** What the zone's calendar and clock show: `2026-11-22 08:30`. */
export function shownIn(timezone: string): (at: number | Date) => string {
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone: timezone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  return (at) => format.format(at);
}

/**
 * The first millisecond at which the zone's calendar and clock show this or something later. Searched for, as
 * the runtime tells what a clock shows at a time but not the reverse.
 *
 * @param time `08:30`
 */
export function timeIn(date: string, time: string, timezone: string): Date {
  const shown = shownIn(timezone);
  const wanted = `${date} ${time}`;
  const midnightUtc = Date.parse(date);
  // Zones are at most 14 hours ahead and 12 behind; one that skips a day is a day further.
  let before = midnightUtc - 15 * HOUR_MS;
  let after = midnightUtc + 61 * HOUR_MS;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (shown(middle) >= wanted) after = middle;
    else before = middle;
  }
  return new Date(after);
}
