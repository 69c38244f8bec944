const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const UNITS = [
  ['d', DAY],
  ['h', HOUR],
  ['m', MINUTE],
  ['s', 1],
] as const;

/** What people write for the units, in both languages. */
const SECONDS: Record<string, number> = {
  '': 1,
  s: 1,
  sec: 1,
  秒: 1,
  m: MINUTE,
  min: MINUTE,
  分: MINUTE,
  分钟: MINUTE,
  h: HOUR,
  时: HOUR,
  小时: HOUR,
  d: DAY,
  天: DAY,
};

const PART = /(\d+)\s*([a-z\u4e00-\u9fff]*)/gy;

/** `15s`, `3m`, `6h`, `1h30m`, `90`, `3分钟` → seconds; `null`: that is no span of time. */
export function parseSpan(text: string): number | null {
  const written = text.trim().toLowerCase();
  if (written === '') return null;
  let seconds = 0;
  PART.lastIndex = 0;
  for (let at = 0; at < written.length; at = PART.lastIndex) {
    PART.lastIndex = at;
    const part = PART.exec(written);
    const unit = part && SECONDS[part[2] ?? ''];
    if (!unit) return null;
    seconds += Number(part[1]) * unit;
  }
  return Number.isSafeInteger(seconds) ? seconds : null;
}

/** `21300` → `5h55m`: the shortest text that `parseSpan` takes for the same. */
export function writeSpan(seconds: number): string {
  let rest = seconds;
  const parts = UNITS.map(([unit, length]) => {
    const whole = Math.floor(rest / length);
    rest %= length;
    return whole > 0 ? `${whole}${unit}` : '';
  });
  return parts.join('') || '0s';
}

/** The words of a whole ladder, however it is written: with blanks, commas, slashes, lines. */
export function splitLadder(text: string): string[] {
  return text.split(/[\s,;/|→、，；]+/).filter((word) => word !== '');
}

export function writeLadder(ladderSeconds: readonly number[]): string {
  return ladderSeconds.map(writeSpan).join(' ');
}
