import { z } from 'zod';
import { invalid } from './problem.ts';

/** One page of a list, as every list answers. */
export interface Page<T> {
  data: T[];
  nextCursor: string | null;
  hasMore: boolean;
}

/** What a store found for a page. */
export interface Found<Row> {
  rows: Row[];
  /**
   * The key of the row up to which the list was looked through, where it was left there although the page is not
   * full; null: it is full, or the list is at its end.
   */
  lookedTo: string | null;
}

/**
 * Rows that are looked through for one page, where no index finds those that are asked for. A filter that a million
 * rows do not pass must not have all of them read in one call, sixty calls at a time; so a page may have less than it
 * could, or nothing, and `nextCursor` goes on. (Rejected: an index for each filter. They are on the tables that every
 * notification and every attempt write to.)
 */
export const MOST_LOOKED_THROUGH = 5_000;

const FIRST_LOOK = 2;

interface Look<Row> {
  limit: number;
  /** Those of the next `count` rows that pass, `limit` at most. */
  look(count: number): Promise<Row[]>;
  /** The key of the last of the next `count` rows; null: there are fewer. Asked after the look. */
  endOf(count: number): Promise<string | null>;
  keyOf(row: Row): string;
  /** By their keys' order when absent. */
  isOlder?(row: Row, end: string): boolean;
}

/**
 * Looks through a list, newest first: at some rows first, among which most pages are found, and which the planner
 * knows to be so few that it need not sort all; then at as many as one page may.
 */
export async function lookThrough<Row>(options: Look<Row>): Promise<Found<Row>> {
  const { limit, look, endOf, keyOf, isOlder = (row, end) => keyOf(row) < end } = options;
  let rows: Row[] = [];
  let end: string | null = null;
  for (const count of [FIRST_LOOK * limit, MOST_LOOKED_THROUGH]) {
    rows = await look(count);
    if (rows.length === limit) return { rows, lookedTo: null };
    end = await endOf(count);
    if (end === null) return { rows, lookedTo: null };
  }
  // What came between look and end has moved the end up, perhaps above the last row found.
  const last = rows.at(-1);
  return {
    rows,
    lookedTo: last !== undefined && end !== null && isOlder(last, end) ? keyOf(last) : end,
  };
}

/** `?limit=&cursor=` of every list. */
export const pageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z.string().min(1).max(512).optional(),
});

export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({ data: z.array(item), nextCursor: z.string().nullable(), hasMore: z.boolean() });
}

/** Of a list whose filters no index knows. */
export function sparsePageOf<T extends z.ZodType>(item: T) {
  return pageOf(item).extend({
    hasMore: z
      .boolean()
      .describe(
        `A page looks through ${MOST_LOOKED_THROUGH} entries at most: with filters that few of them pass it may have ` +
          'fewer than `limit`, or none, though there are more. Go on with `nextCursor` while this is true.',
      ),
  });
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

/** The same from what may have been left before its end. */
export function toSparsePage<Row, T>(
  { rows, lookedTo }: Found<Row>,
  limit: number,
  keyOf: (row: Row) => string,
  toItem: (row: Row) => T,
): Page<T> {
  const page = toPage(rows, limit, keyOf, toItem);
  if (page.hasMore || lookedTo === null) return page;
  return { data: page.data, nextCursor: encodeCursor(lookedTo), hasMore: true };
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
