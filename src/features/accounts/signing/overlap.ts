/**
 * Whether some type would be heard by both of two endpoints. Filters are words, or the beginning of some with `*`
 * after it; none at all hears everything.
 */
export function hearTheSame(one: readonly string[], other: readonly string[]): boolean {
  if (one.length === 0 || other.length === 0) return true;
  return one.some((filter) => other.some((each) => overlap(filter, each)));
}

function overlap(one: string, other: string): boolean {
  const [a, b] = [beginning(one), beginning(other)];
  if (a === null && b === null) return one === other;
  if (a === null) return b !== null && one.startsWith(b);
  if (b === null) return other.startsWith(a);
  return a.startsWith(b) || b.startsWith(a);
}

/** What stands before a `*`; null: there is none. */
function beginning(filter: string): string | null {
  return filter.endsWith('*') ? filter.slice(0, -1) : null;
}
