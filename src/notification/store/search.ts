import { Prisma, type Sql } from '../../db/client.ts';
import { among } from './conditions.ts';

/** Without an index over the addresses of single notifications, so many of the newest are looked at. */
const NEWEST = 20_000;

/**
 * What one searches for, by what it looks like: an id of ours, an address, else an order number or the
 * producer's own id of the event. Each finds its rows by an index; who has an address is looked up
 * first, because of "sent there, or there alone" in one statement no index can be used.
 *
 * @param merchantId the only merchant whose rows the caller may see; null: all
 * @returns a condition on `notification AS n`
 */
export async function searchFor(
  sql: Sql,
  text: string,
  merchantId: string | null,
): Promise<Prisma.Sql> {
  const [, prefix] = /^(ntf|dlv|ep)_[0-9a-z]{26}$/.exec(text) ?? [];
  if (prefix === 'ntf') return Prisma.sql`n.id = ${text}`;
  if (prefix === 'dlv') {
    return Prisma.sql`n.id = (SELECT d.owner_id FROM delivery AS d WHERE d.id = ${text})`;
  }
  if (prefix === 'ep') return sentTo(await findEndpoints(sql, Prisma.sql`e.id = ${text}`));
  if (/^https?:\/\//i.test(text)) {
    const [endpoints, ids] = await Promise.all([
      findEndpoints(sql, Prisma.sql`e.url = ${text}`),
      findSentThereAlone(sql, text, merchantId),
    ]);
    if (ids.length === 0) return sentTo(endpoints);
    const alone = Prisma.sql`n.id = ANY (${ids})`;
    return endpoints.length === 0 ? alone : Prisma.sql`(${sentTo(endpoints)} OR ${alone})`;
  }
  return Prisma.sql`(n.business_key = ${text} OR n.event_id = ${text} OR n.merchant_id = ${text})`;
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
  merchantId: string | null,
): Promise<string[]> {
  const own = merchantId === null ? Prisma.sql`true` : Prisma.sql`m.merchant_id = ${merchantId}`;
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
function sentTo(endpoints: Endpoint[]): Prisma.Sql {
  if (endpoints.length === 0) return Prisma.sql`false`;
  const merchants = [...new Set(endpoints.map((each) => each.merchantId))];
  const ids = endpoints.map(({ id }) => id);
  return Prisma.sql`(${among(Prisma.sql`n.merchant_id`, merchants)}
    AND (SELECT true FROM delivery AS d
          WHERE d.owner_id = n.id AND ${among(Prisma.sql`d.endpoint_id`, ids)} LIMIT 1) IS NOT NULL)`;
}
