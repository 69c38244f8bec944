import type { SecretBox } from './secret-box.ts';

/** Something sealed, in a place where `key` finds it. */
export interface Sealed<Key> {
  key: Key;
  sealed: string;
  /** What it was sealed for, as the secret box wants it. */
  context: string;
}

/** Where sealed texts lie. */
export interface SealedPlace<Key = unknown> {
  /**
   * One page, in the order of the keys: of a bounded number of rows those that do not begin with
   * `sealedPrefix`.
   *
   * @param after null: from the beginning
   * @returns also where the next page begins; null: this was the last one
   */
  findOldSeals(
    sealedPrefix: string,
    after: Key | null,
  ): Promise<{ found: Sealed<Key>[]; next: Key | null }>;
  /** Only where the old seal still stands: what was written in between wins. @returns how many */
  replaceSeals(seals: { key: Key; before: string; after: string }[]): Promise<number>;
}

export interface Resealed {
  resealed: number;
  /** Sealed with a key that is not configured, or damaged. */
  unreadable: number;
}

/**
 * Seals with the first encryption key all that was sealed with another: after it, the others may be
 * dropped. Several processes may do it at once, and any of them may stop halfway.
 *
 * @returns null when it was told to stop before it was through
 */
export async function resealPlaces(
  secrets: SecretBox,
  places: readonly SealedPlace[],
  stopping: AbortSignal,
): Promise<Resealed | null> {
  const total: Resealed = { resealed: 0, unreadable: 0 };
  for (const place of places) {
    let after: unknown = null;
    do {
      if (stopping.aborted) return null;
      const { found, next } = await place.findOldSeals(secrets.sealedPrefix, after);
      const seals = found.flatMap(({ key, sealed, context }) => {
        const resealed = reseal(secrets, sealed, context);
        return resealed === null ? [] : [{ key, before: sealed, after: resealed }];
      });
      total.unreadable += found.length - seals.length;
      if (seals.length > 0) total.resealed += await place.replaceSeals(seals);
      after = next;
    } while (after !== null);
  }
  return total;
}

function reseal(secrets: SecretBox, sealed: string, context: string): string | null {
  try {
    return secrets.seal(secrets.open(sealed, context), context);
  } catch {
    return null;
  }
}
