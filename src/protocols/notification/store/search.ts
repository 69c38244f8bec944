import { among } from '../../../engine/store/conditions.ts';
import { Prisma, type Sql } from '../../../platform/db/client.ts';
import { findByEvent, findByKey } from './narrow.ts';

/** Without an index over the addresses of single notifications, so many of the newest are looked at. */
const NEWEST = 20_000;

/** What a search leads to, on `notification AS n`. */
export interface Search {
  /** The only ones that can be meant, where they are few; null: there may be many. */
  ids: string[] | null;
  /** What an index has in the order of ids. */
  within: Prisma.Sql | null;
  /** What is seen at a row only. */
  condition: Prisma.Sql | null;
}

/**
 * What one searches for, by what it looks like: an id of ours, an address, else an order number or the
 * producer's own id of the event. Each finds its rows by an index, and is looked up first, because of "this or
 * that" in one statement no index can be used.
 *
 * @param merchantIds the only merchants whose rows the caller may see, or asks for; null: all
 */
export async function searchFor(
  sql: Sql,
  text: string,
  merchantIds: string[] | null,
): Promise<Search> {
  const [, prefix] = /^(ntf|dlv|ep)_[0-9a-z]{26}$/.exec(text) ?? [];
  if (prefix === 'ntf') return only([text]);
  if (prefix === 'dlv') return only(await findOwners(sql, text));
  if (prefix === 'ep') return sentTo(await findEndpoints(sql, Prisma.sql`e.id = ${text}`));
  if (/^https?:\/\//i.test(text)) {
    const [endpoints, ids] = await Promise.all([
      findEndpoints(sql, Prisma.sql`e.url = ${text}`),
      findSentThereAlone(sql, text, merchantIds),
    ]);
    if (endpoints.length === 0) return only(ids);
    const there = sentTo(endpoints);
    if (ids.length === 0) return there;
    const alone = Prisma.sql`n.id = ANY (${ids})`;
    return { ids: null, within: null, condition: Prisma.sql`(${there.condition} OR ${alone})` };
  }
  const [byKey, byEvent, isMerchant] = await Promise.all([
    findByKey(sql, merchantIds, [text]),
    findByEvent(sql, merchantIds, text),
    hasMerchant(sql, merchantIds, text),
  ]);
  if (!isMerchant && byKey !== null) return only([...new Set([...byKey, ...byEvent])]);
  const ofMerchant = Prisma.sql`n.merchant_id = ${text}`;
  if (byKey?.length === 0 && byEvent.length === 0) {
    return { ids: null, within: ofMerchant, condition: ofMerchant };
  }
  const condition = Prisma.sql`(n.business_key = ${text} OR n.event_id = ${text} OR ${ofMerchant})`;
  return { ids: null, within: null, condition };
}

function only(ids: string[]): Search {
  return { ids, within: null, condition: null };
}

async function findOwners(sql: Sql, deliveryId: string): Promise<string[]> {
  const rows = await sql.$queryRaw<{ id: string }[]>`
    SELECT d.owner_id AS id FROM delivery AS d WHERE d.id = ${deliveryId}`;
  return rows.map(({ id }) => id);
}

async function hasMerchant(sql: Sql, merchantIds: string[] | null, id: string): Promise<boolean> {
  if (merchantIds !== null && !merchantIds.includes(id)) return false;
  const rows = await sql.$queryRaw<unknown[]>`SELECT 1 AS found FROM merchant WHERE id = ${id}`;
  return rows.length > 0;
}

interface Endpoint {
  id: string;
  merchantId: string;
}

async function findEndpoints(sql: Sql, which: Prisma.Sql): Promise<Endpoint[]> {
  return sql.$queryRaw<Endpoint[]>`
    SELECT e.id, e.merchant_id AS "merchantId" FROM endpoint AS e WHERE ${which}`;
}

async function findSentThereAlone(
  sql: Sql,
  url: string,
  merchantIds: string[] | null,
): Promise<string[]> {
  const own = among(Prisma.sql`m.merchant_id`, merchantIds ?? undefined) ?? Prisma.sql`true`;
  const rows = await sql.$queryRaw<{ id: string }[]>`
    SELECT newest.id FROM (
      SELECT m.id, m.notify_url FROM notification AS m WHERE ${own}
       ORDER BY m.id DESC LIMIT ${NEWEST}) AS newest
     WHERE newest.notify_url = ${url}`;
  return rows.map(({ id }) => id);
}

/**
 * To a registered endpoint: its merchant narrows it down to an index. LIMIT, so that each notification
 * that comes up is asked by its key, and not all deliveries gathered before the first one does.
 */
function sentTo(endpoints: Endpoint[]): Search {
  if (endpoints.length === 0) return only([]);
  const merchants = [...new Set(endpoints.map((each) => each.merchantId))];
  const ids = endpoints.map(({ id }) => id);
  const theirs = among(Prisma.sql`n.merchant_id`, merchants);
  return {
    ids: null,
    within: merchants.length === 1 ? theirs : null,
    condition: Prisma.sql`(${theirs} AND (SELECT true FROM delivery AS d
      WHERE d.owner_id = n.id AND ${among(Prisma.sql`d.endpoint_id`, ids)} LIMIT 1) IS NOT NULL)`,
  };
}
