import { Prisma } from '../../db/client.ts';

/** Without an index over the addresses of single notifications, so many of the newest are looked at. */
const NEWEST = 20_000;

/**
 * What one searches for, by what it looks like: an id of ours, an address, else an order number or the
 * producer's own id of the event. A condition on `notification AS n`; each finds its rows by an index.
 *
 * @param merchantId the only merchant whose rows the caller may see; null: all
 */
export function searchFor(text: string, merchantId: string | null): Prisma.Sql {
  const [, prefix] = /^(ntf|dlv|ep)_[0-9a-z]{26}$/.exec(text) ?? [];
  if (prefix === 'ntf') return Prisma.sql`n.id = ${text}`;
  if (prefix === 'dlv') {
    return Prisma.sql`n.id = (SELECT d.owner_id FROM delivery AS d WHERE d.id = ${text})`;
  }
  if (prefix === 'ep') return sentTo(Prisma.sql`e.id = ${text}`);
  if (/^https?:\/\//i.test(text)) return hasAddress(text, merchantId);
  return Prisma.sql`(n.business_key = ${text} OR n.event_id = ${text} OR n.merchant_id = ${text})`;
}

/** To a registered endpoint. Its merchant narrows it down to an index. */
function sentTo(endpoint: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`(n.merchant_id = ANY (ARRAY(SELECT e.merchant_id FROM endpoint AS e WHERE ${endpoint}))
    AND EXISTS (SELECT FROM delivery AS d JOIN endpoint AS e ON e.id = d.endpoint_id
                 WHERE d.owner_id = n.id AND ${endpoint}))`;
}

function hasAddress(url: string, merchantId: string | null): Prisma.Sql {
  return Prisma.sql`(${sentTo(Prisma.sql`e.url = ${url}`)} OR n.id = ANY (ARRAY(
    SELECT newest.id FROM (
      SELECT m.id, m.notify_url FROM notification AS m
       WHERE ${merchantId}::text IS NULL OR m.merchant_id = ${merchantId}
       ORDER BY m.id DESC LIMIT ${NEWEST}) AS newest
     WHERE newest.notify_url = ${url})))`;
}
