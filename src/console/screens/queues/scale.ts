const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The first rungs are seconds apart and the last ones hours: a ladder is read by its logarithm. */
export const SCALES = ['log', 'linear'] as const;
export type ScaleName = (typeof SCALES)[number];

/** Where the logarithm begins to bend; below it the scale is nearly a straight line down to 0. */
const BEND_SECONDS = 5;
const LOG_TICKS = [
  0,
  15,
  MINUTE,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  8 * HOUR,
  DAY,
  3 * DAY,
  10 * DAY,
  30 * DAY,
];
const STEPS = [1, 5, 15, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY];
const TICK_PX = 52;
/** The first one is a word. */
const FIRST_TICK_PX = 78;

export interface Scale {
  /** px from the left of the plot */
  x(seconds: number): number;
  /** In seconds, as many as there is room for. */
  ticks: number[];
}

/**
 * @param maxSeconds what stands at the right edge
 * @param widthPx from there to the left one
 */
export function makeScale(name: ScaleName, maxSeconds: number, widthPx: number): Scale {
  const bend = (seconds: number) => (name === 'log' ? Math.log1p(seconds / BEND_SECONDS) : seconds);
  const x = (seconds: number) => (bend(seconds) / bend(maxSeconds)) * widthPx;
  const ticks = name === 'log' ? LOG_TICKS : linearTicks(maxSeconds, widthPx);
  let lastPx = Number.NEGATIVE_INFINITY;
  const roomy = ticks.filter((tick) => {
    const gapPx = lastPx === 0 ? FIRST_TICK_PX : TICK_PX;
    if (tick > maxSeconds || x(tick) - lastPx < gapPx) return false;
    lastPx = x(tick);
    return true;
  });
  return { x, ticks: roomy };
}

function linearTicks(maxSeconds: number, widthPx: number): number[] {
  const most = Math.max(1, Math.floor(widthPx / TICK_PX));
  const step =
    STEPS.find((seconds) => maxSeconds / seconds <= most) ??
    Math.ceil(maxSeconds / DAY / most) * DAY;
  return Array.from({ length: Math.floor(maxSeconds / step) + 1 }, (_, n) => n * step);
}
