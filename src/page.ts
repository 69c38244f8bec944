import { z } from 'zod';
import { invalid } from './problem.ts';

/** One page of a list, as every list answers. */
export interface Page<T> {
  data: T[];
  nextCursor: string | null;
  hasMore: boolean;
}

/** `?limit=&cursor=` of every list. */
export const pageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z.string().min(1).max(512).optional(),
});

export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({ data: z.array(item), nextCursor: z.string().nullable(), hasMore: z.boolean() });
}

/**
 * A point in time as callers write it. JSON Schema's idea of one is wider than what PostgreSQL, or the
 * four digits of a year, can hold: year 0, and offsets of a day, which no place on earth has.
 */
export const moment = z.iso
  .datetime({ offset: true })
  .regex(
    /^[12]\d{3}-.*(Z|[+-](0\d|1[0-4]):\d\d)$/,
    'A year from 1000 to 2999, an offset below 15 hours.',
  );

/** A filter that takes one value or several, comma-separated: `?status=failed,skipped`. */
export function oneOrMore<T extends z.ZodType>(item: T) {
  return z
    .string()
    .transform((text): unknown => text.split(','))
    .pipe(z.array(item).min(1).max(50));
}

const MOST_KEYS = 50;

/**
 * The same for what may hold commas itself: given once, it is the whole text or any of its parts; given several
 * times (`?businessKey=a,b&businessKey=c`), each is one.
 */
export function oneOrMoreKeys<T extends z.ZodType>(item: T) {
  return z
    .union([z.string(), z.array(z.string()).max(MOST_KEYS)])
    .transform((given): unknown => {
      if (typeof given !== 'string' || !given.includes(',')) return [given].flat();
      return [given, ...given.split(',').filter((part) => part !== '')];
    })
    .pipe(
      z
        .array(item)
        .min(1)
        .max(MOST_KEYS + 1),
    );
}

/**
 * Builds a page from `limit + 1` rows: the extra row only tells that there is more.
 *
 * A cursor is the last row's key; callers must treat it as opaque.
 */
export function toPage<Row, T>(
  rows: Row[],
  limit: number,
  keyOf: (row: Row) => string,
  toItem: (row: Row) => T,
): Page<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const hasMore = rows.length > limit;
  return {
    data: shown.map(toItem),
    nextCursor: hasMore && last !== undefined ? encodeCursor(keyOf(last)) : null,
    hasMore,
  };
}

export function encodeCursor(key: string): string {
  return Buffer.from(key).toString('base64url');
}

/** @throws Problem 422 where the text is no cursor of ours. */
export function decodeCursor(cursor: string | undefined): string | null {
  if (cursor === undefined) return null;
  const key = Buffer.from(cursor, 'base64url').toString();
  if (key === '' || encodeCursor(key) !== cursor || key.includes('\u0000')) {
    throw invalid('query.cursor', 'This is not a cursor that a list returned.');
  }
  return key;
}
