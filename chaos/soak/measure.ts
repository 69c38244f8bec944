/** One thing that is measured again and again, over the whole run. */
export interface Measure {
  name: string;
  unit: string;
  points: readonly Point[];
  /** What it must not do; null: it is only shown. */
  limit: Limit | null;
}

export interface Point {
  /** Since the beginning, s. */
  atS: number;
  value: number;
}

/**
 * By how much it may rise over the second half of the run, by the slope: a share of its middle value
 * there, and so much in any case, in its unit. And what it must stay below in that half.
 */
export interface Limit {
  share: number;
  by: number;
  most?: number;
  /** It swings, with garbage, busy moments and the connections of clients: only what it falls back to counts. */
  floor?: true;
}

export interface Judgement {
  /** The middle value of the second half. */
  middle: number;
  /** Over the second half, in its unit. */
  rise: number;
  perHour: number;
  /** In words; null: it keeps its limit. */
  broken: string | null;
}

/** Fewer say nothing of a slope. */
const FEWEST_POINTS = 10;
/** Between as many points all pairs are looked at; of more, every so many-th. */
const MOST_POINTS = 300;
const HOUR_S = 3600;
/** Of the run: within it, what swings has fallen back once. */
const FLOOR_SHARE = 1 / 6;

/** The first half is for caches, plans and heaps to fill: only the second one is judged. */
export function judge({ name, unit, points, limit }: Measure): Judgement {
  const half = (points.at(-1)?.atS ?? 0) / 2;
  const late = (limit?.floor ? floorOf(points) : points).filter(({ atS }) => atS >= half);
  const values = late.map(({ value }) => value);
  const middle = median(values);
  const perSecond = slopeOf(late);
  const rise = perSecond * half;
  return { middle, rise, perHour: perSecond * HOUR_S, broken: brokenBy() };

  function brokenBy(): string | null {
    if (limit === null) return null;
    if (late.length < FEWEST_POINTS) return `${name}: ${late.length} points are too few to judge`;
    const mayRise = Math.max(limit.share * middle, limit.by);
    if (rise > mayRise) {
      return `${name} rises by ${rise.toFixed(1)} ${unit} in the second half, over ${mayRise.toFixed(1)}`;
    }
    const highest = Math.max(...values);
    if (highest <= (limit.most ?? Number.POSITIVE_INFINITY)) return null;
    return `${name} goes up to ${highest.toFixed(1)} ${unit}, over ${limit.most}`;
  }
}

/** The lowest that it was, in the stretch up to each point. */
function floorOf(points: readonly Point[]): Point[] {
  const stretchS = FLOOR_SHARE * (points.at(-1)?.atS ?? 0);
  return points.map(({ atS }) => {
    const stretch = points.filter((each) => each.atS <= atS && each.atS >= atS - stretchS);
    return { atS, value: Math.min(...stretch.map(({ value }) => value)) };
  });
}

/** The middle one of the slopes between all pairs (Theil and Sen): a few wild points change nothing. Per second. */
function slopeOf(points: readonly Point[]): number {
  const every = Math.ceil(points.length / MOST_POINTS);
  const some = points.filter((_, n) => n % every === 0);
  const slopes = some.flatMap((one, n) =>
    some.slice(n + 1).map((other) => (other.value - one.value) / (other.atS - one.atS)),
  );
  return slopes.length === 0 ? 0 : median(slopes);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
