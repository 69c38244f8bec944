import type { Sql } from '../db/client.ts';
import { decodeCursor, encodeCursor, type Page } from '../page.ts';
import { invalid } from '../problem.ts';
import type { Notification } from './contract.ts';
import { type FeedPlace, isKnownPlace, readFeed } from './store/feed.ts';
import type { NotificationFilter, Scope } from './store/find.ts';

/** Unlike that of the list, so that neither takes the other's cursor for its own. */
const PLACE = /^feed:(\d{1,18}):(ntf_[0-9a-z]{26})$/;

/**
 * A page of the catch-up feed. The last page has a cursor too, to go on from another day; only an
 * empty page has none, and the reader keeps the one it has.
 *
 * @throws Problem 422 for a cursor of something else, or of this database before it was moved
 */
export async function feedPage(
  sql: Sql,
  scope: Scope,
  filter: NotificationFilter,
  { cursor, limit }: { cursor?: string | undefined; limit: number },
): Promise<Page<Notification>> {
  const after = placeOf(cursor);
  const entries = await readFeed(sql, scope, filter, after, limit + 1);
  const shown = entries.slice(0, limit);
  const last = shown.at(-1);
  if (last === undefined && after !== null && !(await isKnownPlace(sql, after))) {
    throw invalid(
      'query.cursor',
      'This cursor is from before the database was restored: begin again with `from`.',
      'cursor_expired',
    );
  }
  return {
    data: shown.map(({ notification }) => notification),
    nextCursor: last === undefined ? null : encodeCursor(`feed:${last.createdXid}:${last.id}`),
    hasMore: entries.length > limit,
  };
}

function placeOf(cursor: string | undefined): FeedPlace | null {
  const key = decodeCursor(cursor);
  if (key === null) return null;
  const [, createdXid, id] = PLACE.exec(key) ?? [];
  if (createdXid === undefined || id === undefined) {
    throw invalid('query.cursor', 'This is not a cursor of the feed of undelivered notifications.');
  }
  return { createdXid, id };
}
