import { setTimeout as sleep } from 'node:timers/promises';
import { decodeCursor, encodeCursor, type Page } from '../../api/pagination.ts';
import { invalid } from '../../api/problem.ts';
import type { Scope } from '../../api/scope.ts';
import type { Sql } from '../../platform/db/client.ts';
import type { Notification } from './contract.ts';
import { findEndOfEnds, findHeldBackEnds, readEnds } from './store/ends.ts';
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

/** Unlike that of the list, so that none takes another's cursor for its own. */
const PLACE = /^(feed|ends):(\d{1,18}):(ntf_[0-9a-z]{26})$/;

type Read = typeof readFeed;

/** A list in the order of the transactions that brought its rows. */
interface Feed {
  /** Begins its cursors. */
  mark: 'feed' | 'ends';
  /** What it holds, in words. */
  of: string;
  read: Read;
  /** Up to where a page looks; null: to the end. */
  findEnd(
    sql: Sql,
    scope: Scope,
    filter: NotificationFilter,
    after: FeedPlace | null,
  ): Promise<FeedPlace | null>;
  findHeldBack(sql: Sql, scope: Scope, filter: NotificationFilter): Promise<string | null>;
}

const UNDELIVERED: Feed = {
  mark: 'feed',
  of: 'undelivered notifications',
  read: readFeed,
  findEnd: async (sql, scope, filter, after) =>
    isByIndex(scope, filter) ? null : findFeedEnd(sql, scope, filter, after),
  findHeldBack,
};

const ENDED: Feed = {
  mark: 'ends',
  of: 'ended notifications',
  read: readEnds,
  findEnd: findEndOfEnds,
  findHeldBack: findHeldBackEnds,
};

interface Asked {
  cursor?: string | undefined;
  limit: number;
}
export type ReadPage = (
  sql: Sql,
  scope: Scope,
  filter: NotificationFilter,
  asked: Asked,
) => Promise<Page<Notification>>;

/** A page of what has not arrived, by when it was accepted. */
export const feedPage: ReadPage = (...asked) => pageOf(UNDELIVERED, ...asked);

/** A page of what has ended, by when it did: for those who sent it. */
export const endsPage: ReadPage = (...asked) => pageOf(ENDED, ...asked);

/**
 * A page of a feed. The last page has a cursor too, to go on from another day; only an
 * empty page has none, and the reader keeps the one it has.
 *
 * @throws Problem 422 for a cursor of something else, or of this database before it was moved
 */
async function pageOf(
  feed: Feed,
  sql: Sql,
  scope: Scope,
  filter: NotificationFilter,
  { cursor, limit }: Asked,
): Promise<Page<Notification>> {
  const after = placeOf(feed, cursor);
  const end = await feed.findEnd(sql, scope, filter, after);
  const entries = await readAllNow(feed, { sql, scope, filter, after, upTo: end }, limit + 1);
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
      nextCursor: cursorOf(feed, end),
      hasMore: true,
    };
  }
  return {
    data: shown.map(({ notification }) => notification),
    nextCursor: last === undefined ? null : cursorOf(feed, last),
    hasMore,
  };
}

function cursorOf({ mark }: Feed, { xid, id }: FeedPlace): string {
  return encodeCursor(`${mark}:${xid}:${id}`);
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

interface Look {
  sql: Sql;
  scope: Scope;
  filter: NotificationFilter;
  after: FeedPlace | null;
  upTo: FeedPlace | null;
}

const GRACE_MS = 1_000;
const FIRST_LOOK_MS = 5;

/**
 * What came before the reader asked is to be in the answer. Transactions of other writers may
 * hold it back, mostly for some milliseconds: those are waited for. A longer one is not; the reader
 * finds what it held back when it comes again.
 */
async function readAllNow(
  { read, findHeldBack }: Feed,
  { sql, scope, filter, after, upTo }: Look,
  limit: number,
): Promise<FeedEntry[]> {
  // Asked before the first look: what is let go between the two is in it anyway.
  const target = await findHeldBack(sql, scope, filter);
  const entries = await read(sql, scope, filter, after, limit, upTo);
  if (target === null || entries.length === limit) return entries;
  const endsAt = performance.now() + GRACE_MS;
  for (let pauseMs = FIRST_LOOK_MS; performance.now() < endsAt; pauseMs *= 2) {
    if (await horizonReached(sql, target)) break;
    await sleep(pauseMs);
  }
  return read(sql, scope, filter, after, limit, upTo);
}

function placeOf(feed: Feed, cursor: string | undefined): FeedPlace | null {
  const key = decodeCursor(cursor);
  if (key === null) return null;
  const [, mark, xid, id] = PLACE.exec(key) ?? [];
  if (mark !== feed.mark || xid === undefined || id === undefined) {
    throw invalid('query.cursor', `This is not a cursor of the feed of ${feed.of}.`);
  }
  return { xid, id };
}
