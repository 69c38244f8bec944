import { setTimeout as sleep } from 'node:timers/promises';
import { decodeCursor, encodeCursor, type Page } from '../../api/pagination.ts';
import { invalid } from '../../api/problem.ts';
import type { Scope } from '../../api/scope.ts';
import type { Sql } from '../../platform/db/client.ts';
import type { Notification } from './contract.ts';
import {
  type FeedEntry,
  type FeedPlace,
  findFeedEnd,
  findHeldBack,
  horizonReached,
  isKnownPlace,
  readFeed,
} from './store/feed.ts';
import type { NotificationFilter } from './store/find.ts';

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
  const end = isByIndex(scope, filter) ? null : await findFeedEnd(sql, scope, filter, after);
  const entries = await readAllNow({ sql, scope, filter, after, upTo: end }, limit + 1);
  const shown = entries.slice(0, limit);
  const last = shown.at(-1);
  if (last === undefined && after !== null && !(await isKnownPlace(sql, after))) {
    throw invalid(
      'query.cursor',
      'This cursor is from before the database was restored: begin again with `from`.',
      'cursor_expired',
    );
  }
  const hasMore = entries.length > limit;
  if (!hasMore && end !== null) {
    return {
      data: shown.map(({ notification }) => notification),
      nextCursor: cursorOf(end),
      hasMore: true,
    };
  }
  return {
    data: shown.map(({ notification }) => notification),
    nextCursor: last === undefined ? null : cursorOf(last),
    hasMore,
  };
}

function cursorOf({ createdXid, id }: FeedPlace): string {
  return encodeCursor(`feed:${createdXid}:${id}`);
}

/** Whether the index of the feed knows all that is asked for. */
function isByIndex(
  { producerKeyId }: Scope,
  { type, queue, businessKey, status, to, search }: NotificationFilter,
): boolean {
  return [producerKeyId ?? undefined, type, queue, businessKey, status, to, search].every(
    (each) => each === undefined,
  );
}

interface Asked {
  sql: Sql;
  scope: Scope;
  filter: NotificationFilter;
  after: FeedPlace | null;
  upTo: FeedPlace | null;
}

const GRACE_MS = 1_000;
const FIRST_LOOK_MS = 5;

/**
 * What was accepted before the reader asked is to be in the answer. Transactions of other writers may
 * hold it back, mostly for some milliseconds: those are waited for. A longer one is not; the reader
 * finds what it held back when it comes again.
 */
async function readAllNow(
  { sql, scope, filter, after, upTo }: Asked,
  limit: number,
): Promise<FeedEntry[]> {
  // Asked before the first look: what is let go between the two is in it anyway.
  const target = await findHeldBack(sql, scope, filter);
  const entries = await readFeed(sql, scope, filter, after, limit, upTo);
  if (target === null || entries.length === limit) return entries;
  const endsAt = performance.now() + GRACE_MS;
  for (let pauseMs = FIRST_LOOK_MS; performance.now() < endsAt; pauseMs *= 2) {
    if (await horizonReached(sql, target)) break;
    await sleep(pauseMs);
  }
  return readFeed(sql, scope, filter, after, limit, upTo);
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
