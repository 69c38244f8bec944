/** One value of an object that was changed. */
export interface Change {
  /** Where it stands: `limits.maxInFlight`. */
  path: string;
  /** As JSON; undefined: it was not there. */
  before: string | undefined;
  after: string | undefined;
  isSame: boolean;
}

/**
 * Two states of an object, value by value, by path. Lists are one value: a ladder is read as a whole.
 *
 * @param before null: it was not there, or nobody looked
 */
export function changesOf(
  before: Record<string, unknown> | null,
  after: Record<string, unknown> | null,
): Change[] {
  const old = flatten(before ?? {});
  const now = flatten(after ?? {});
  const paths = new Set([...now.keys(), ...old.keys()]);
  return [...paths].map((path) => {
    const [was, is] = [old.get(path), now.get(path)];
    return { path, before: was, after: is, isSame: was === is };
  });
}

function flatten(value: Record<string, unknown>, prefix = ''): Map<string, string> {
  const flat = new Map<string, string>();
  for (const [name, item] of Object.entries(value)) {
    const path = prefix + name;
    const isInner = typeof item === 'object' && item !== null && !Array.isArray(item);
    if (isInner && Object.keys(item).length > 0) {
      for (const [inner, text] of flatten(item as Record<string, unknown>, `${path}.`)) {
        flat.set(inner, text);
      }
    } else {
      flat.set(path, JSON.stringify(item) ?? 'null');
    }
  }
  return flat;
}
