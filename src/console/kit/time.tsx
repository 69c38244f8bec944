import { Tooltip } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useNow } from './now.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const UNITS = [
  ['day', DAY],
  ['hour', HOUR],
  ['minute', MINUTE],
  ['second', SECOND],
] as const;

/** A moment as people say it, "3 min ago"; exactly when one points at it. */
export function Time({ at }: { at: string }) {
  const { i18n } = useTranslation();
  const nowMs = useNow(SECOND);
  return (
    <Tooltip label={exactTime(at, i18n.language)}>
      <time dateTime={at}>{relativeTime(Date.parse(at) - nowMs, i18n.language)}</time>
    </Tooltip>
  );
}

/** The moment itself, to the second; the date only where it is not today's. */
export function ExactTime({ at }: { at: string }) {
  const { i18n } = useTranslation();
  const date = new Date(at);
  const isToday = date.toDateString() === new Date(useNow(MINUTE)).toDateString();
  const text = new Intl.DateTimeFormat(i18n.language, {
    ...(!isToday && { month: 'short', day: 'numeric' }),
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  }).format(date);
  return (
    <Tooltip label={exactTime(at, i18n.language)}>
      <time dateTime={at}>{text}</time>
    </Tooltip>
  );
}

/** With milliseconds and the time zone. */
export function exactTime(at: string, language: string): string {
  return new Intl.DateTimeFormat(language, {
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    fractionalSecondDigits: 3,
    hourCycle: 'h23',
    timeZoneName: 'short',
  }).format(new Date(at));
}

/** @param ms from now; negative: ago */
function relativeTime(ms: number, language: string): string {
  const [unit, lengthMs] = UNITS.find(([, length]) => Math.abs(ms) >= length) ?? ['second', SECOND];
  const format = new Intl.RelativeTimeFormat(language, { numeric: 'auto', style: 'short' });
  return format.format(Math.trunc(ms / lengthMs), unit);
}

/** `840 ms`, `2.4 s`, `3 min 20 s`, `1 h 5 min`, `2 d 3 h`. */
export function duration(ms: number): string {
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < 10 * SECOND) return `${(ms / SECOND).toFixed(1).replace(/\.0$/, '')} s`;
  const [big, small] =
    ms >= DAY
      ? ([
          ['d', DAY],
          ['h', HOUR],
        ] as const)
      : ms >= HOUR
        ? ([
            ['h', HOUR],
            ['min', MINUTE],
          ] as const)
        : ([
            ['min', MINUTE],
            ['s', SECOND],
          ] as const);
  const whole = Math.floor(ms / big[1]);
  const rest = Math.floor((ms % big[1]) / small[1]);
  const parts = [whole > 0 ? `${whole} ${big[0]}` : '', rest > 0 ? `${rest} ${small[0]}` : ''];
  return parts.filter((part) => part !== '').join(' ');
}
