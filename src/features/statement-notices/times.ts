import { addDays, shownIn, timeIn } from '../../api/calendar-day.ts';

/** When to be told: so late on the day after the statement's, by the clocks of a zone. */
export interface NoticeTime {
  /** `08:30`. */
  at: string;
  timezone: string;
}

/** When a day's statement is told. */
export function noticeOf(date: string, { at, timezone }: NoticeTime): Date {
  return timeIn(addDays(date, 1), at, timezone);
}

/** The last day whose time to be told has come. */
export function lastTold(now: Date, time: NoticeTime): string {
  const today = shownIn(time.timezone)(now).slice(0, 10);
  const yesterday = addDays(today, -1);
  return noticeOf(yesterday, time) <= now ? yesterday : addDays(yesterday, -1);
}

/** Days that are made good for where nobody could tell them in time. */
const MOST_DAYS = 7;

/** The days that are to be told now, oldest first: those before are passed over. */
export function daysToTell(nextDate: string, now: Date, time: NoticeTime): string[] {
  const last = lastTold(now, time);
  const first = addDays(last, 1 - MOST_DAYS);
  const days: string[] = [];
  for (let date = nextDate > first ? nextDate : first; date <= last; date = addDays(date, 1)) {
    days.push(date);
  }
  return days;
}
