import { addDays, type Day, dayIn } from '../../api/calendar-day.ts';

/** A day, and with it the days beside it: `[from, to)`. */
export interface DaysAround extends Day {
  from: Date;
  to: Date;
}

export function daysAround({ date, timezone }: Pick<Day, 'date' | 'timezone'>): DaysAround {
  return {
    ...dayIn(date, timezone),
    from: dayIn(addDays(date, -1), timezone).startsAt,
    to: dayIn(addDays(date, 1), timezone).endsAt,
  };
}
