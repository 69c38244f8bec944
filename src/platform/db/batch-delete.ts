/** What a batch has removed; whoever goes through them may stop, and rest, before the next one. */
interface Step {
  removed: number;
  isLast: boolean;
}

/** Removes what has ended, batch by batch. In between nothing is held. */
export type Removal = AsyncIterable<Step>;

/** How far a removal has come along an index that has the oldest first. */
export interface Place {
  at: Date;
  id: string;
}

/** For rows that can always go: over when a batch finds fewer than it might. */
export async function* removeRows(
  limit: number,
  remove: (limit: number) => Promise<number>,
): Removal {
  for (let isLast = false; !isLast; ) {
    const removed = await remove(limit);
    isLast = removed < limit;
    yield { removed, isLast };
  }
}

/**
 * For rows of which some stay: each batch begins behind the last one, so that these are met once.
 *
 * @param remove answers where to go on; null: the end was reached
 */
export async function* removeAlong(
  remove: (after: Place) => Promise<{ removed: number; next: Place | null }>,
): Removal {
  for (let place: Place | null = { at: new Date(0), id: '' }; place !== null; ) {
    const { removed, next } = await remove(place);
    place = next;
    yield { removed, isLast: next === null };
  }
}

/** @param looked what a batch has looked at, in the order of the index; fewer than `limit` are the last */
export function placeAfter(looked: readonly Place[], limit: number): Place | null {
  return looked.length < limit ? null : (looked.at(-1) ?? null);
}
