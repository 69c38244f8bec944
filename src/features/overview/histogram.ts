/**
 * Durations in slots that widen by a fourth power root of two: 0–1 ms, and then four slots for each
 * doubling. A percentile is told as the middle of its slot, a tenth off at the most. Thirty days are
 * slot 126, so a histogram is a short list of counts that can be added up.
 */
const SLOTS_PER_DOUBLING = 4;

/** SQL: the slot of a number of milliseconds, null of null. `slotOf` says the same. */
export function slotSql(ms: string): string {
  const slot = `floor(ln(greatest(${ms}, 1)::float8) / ln(2::float8) * ${SLOTS_PER_DOUBLING} + 1e-9)`;
  // greatest() leaves nulls out.
  return `CASE WHEN ${ms} IS NOT NULL THEN ${slot}::int END`;
}

export function slotOf(ms: number): number {
  return Math.floor(Math.log2(Math.max(ms, 1)) * SLOTS_PER_DOUBLING + 1e-9);
}

/** The middle of a slot, ms. */
function middleOf(slot: number): number {
  return Math.round(2 ** ((slot + 0.5) / SLOTS_PER_DOUBLING));
}

export function addCounts(a: readonly number[], b: readonly number[]): number[] {
  const [long, short] = a.length >= b.length ? [a, b] : [b, a];
  return long.map((count, slot) => count + (short[slot] ?? 0));
}

/** @returns null where nothing was counted */
export function percentilesOf(
  counts: readonly number[],
): { p50: number; p95: number; p99: number } | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const at = (share: number) => {
    let left = Math.ceil(total * share);
    const slot = counts.findIndex((count) => {
      left -= count;
      return left <= 0;
    });
    return middleOf(slot);
  };
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}
