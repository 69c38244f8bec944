import { Tooltip } from '@mantine/core';
import i18next from 'i18next';
import { useTranslation } from 'react-i18next';
import { useNow } from './now.ts';
import classes from './time.module.css';

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
  return <Moment at={at} text={relativeTime(Date.parse(at) - nowMs, i18n.language)} />;
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
  return <Moment at={at} text={text} />;
}

/** Whoever points at it, or touches it, sees it by the own clock and as the logs have it. */
function Moment({ at, text }: { at: string; text: string }) {
  const { i18n } = useTranslation();
  const own = exactTime(at, i18n.language);
  return (
    <Tooltip
      label={`${own}\n${new Date(at).toISOString()}`}
      className={classes.both}
      events={{ hover: true, focus: false, touch: true }}
    >
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

/** From small to large: how the languages write them. */
const SHORT = {
  en: { ms: 'ms', s: 's', min: 'min', h: 'h', d: 'd' },
  zh: { ms: '毫秒', s: '秒', min: '分', h: '小时', d: '天' },
} as const;

/** `840 ms`, `2.4 s`, `3 min 20 s`, `1 h 5 min`, `2 d 3 h`; in Chinese `3 分 20 秒`. */
export function duration(ms: number): string {
  const unit = SHORT[i18next.language === 'zh' ? 'zh' : 'en'];
  if (ms < SECOND) return `${Math.round(ms)} ${unit.ms}`;
  if (ms < 10 * SECOND) return `${(ms / SECOND).toFixed(1).replace(/\.0$/, '')} ${unit.s}`;
  if (ms >= DAY) return twoParts(ms, [unit.d, DAY], [unit.h, HOUR]);
  if (ms >= HOUR) return twoParts(ms, [unit.h, HOUR], [unit.min, MINUTE]);
  return twoParts(ms, [unit.min, MINUTE], [unit.s, SECOND]);
}

type Part = readonly [name: string, lengthMs: number];

function twoParts(ms: number, big: Part, small: Part): string {
  const counts = [
    [Math.floor(ms / big[1]), big[0]],
    [Math.floor((ms % big[1]) / small[1]), small[0]],
  ] as const;
  return counts.flatMap(([count, name]) => (count > 0 ? [`${count} ${name}`] : [])).join(' ');
}
