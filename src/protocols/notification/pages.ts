import { decodeCursor, type Page, toSparsePage } from '../../api/pagination.ts';
import { invalid, Problem } from '../../api/problem.ts';
import type { Principal } from '../../api/route.ts';
import type { Scope } from '../../api/scope.ts';
import type { Sql } from '../../platform/db/client.ts';
import type { Notification } from './contract.ts';
import { endsPage, feedPage, type ReadPage } from './feed.ts';
import type { NotificationFilter } from './store/find.ts';
import { listNotifications } from './store/list.ts';

/** @throws Problem 422 where both feeds are asked for, 403 for a merchant that asks for the producers' */
export function pageFor(
  { undelivered, ended }: { undelivered: string; ended: string },
  { role }: Principal,
): ReadPage {
  if (ended !== 'true') return undelivered === 'true' ? feedPage : listPage;
  if (undelivered === 'true') {
    throw invalid(
      'query.ended',
      'What has ended and what is undelivered are two feeds: ask for one.',
    );
  }
  if (role === 'merchant') {
    throw new Problem(
      403,
      'forbidden',
      'The feed of ends is for those who sent the notifications.',
    );
  }
  return endsPage;
}

async function listPage(
  sql: Sql,
  scope: Scope,
  filter: NotificationFilter,
  { cursor, limit }: { cursor?: string | undefined; limit: number },
): Promise<Page<Notification>> {
  const before = decodeCursor(cursor);
  if (/^(feed|ends):/.test(before ?? '')) {
    throw invalid('query.cursor', 'This cursor is of a feed: add undelivered=true or ended=true.');
  }
  const found = await listNotifications(sql, scope, filter, before, limit + 1);
  return toSparsePage(
    found,
    limit,
    (row) => row.id,
    (row) => row,
  );
}
