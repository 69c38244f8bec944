import type { Scope } from '../../../api/scope.ts';
import type { DeliveryStatus } from '../../../engine/delivery.ts';
import { DELIVERY_STATUSES, leastAdvanced } from '../../../engine/delivery.ts';
import { allOf, among, areOpen, inStates } from '../../../engine/store/conditions.ts';
import { SHOWN_REASON } from '../../../engine/store/shown-reason.ts';
import { SHOWN_STATUS } from '../../../engine/store/shown-status.ts';
import { shownUrl } from '../../../engine/store/shown-url.ts';
import { Prisma, type Sql } from '../../../platform/db/client.ts';
import type { Notification } from '../contract.ts';
import { type Search, searchFor } from './search.ts';

export interface NotificationFilter {
  merchantId?: string[] | undefined;
  businessKey?: string[] | undefined;
  type?: string[] | undefined;
  queue?: string[] | undefined;
  status?: DeliveryStatus[] | undefined;
  from?: string | undefined;
  to?: string | undefined;
  search?: string | undefined;
}

export interface NotificationRow {
  id: string;
  merchant_id: string;
  type: string;
  business_key: string;
  event_id: string | null;
  queue: string;
  occurred_at: Date;
  accepted_at: Date;
  result: Notification['result'];
  deliveries: Notification['deliveries'] | null;
}

/** A notification with its deliveries, from `notification AS n`. */
export const columnsFor = (producerKeyId: string | null): Prisma.Sql => Prisma.sql`
  n.id, n.merchant_id, n.type, n.business_key, n.event_id, n.queue, n.occurred_at, n.accepted_at,
  n.body -> 'result' AS result,
  (SELECT json_agg(json_build_object('id', d.id, 'endpointId', d.endpoint_id,
            'url', ${shownUrl(producerKeyId)}, 'status', ${SHOWN_STATUS}, 'reason', ${SHOWN_REASON},
            'cycle', d.cycle,
            'attemptCount', d.attempt_count,
            'nextAttemptAt', CASE WHEN d.status = 'pending' THEN
              to_char(d.due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') END,
            'deadlineAt', to_char(d.deadline_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
            ORDER BY d.id)
     FROM delivery AS d LEFT JOIN endpoint AS e ON e.id = d.endpoint_id
    WHERE d.owner_id = n.id) AS deliveries`;

/** Notifications by id, whoever's they are: for those that have just been sent again. */
export async function findNotifications(
  sql: Sql,
  ids: string[],
  producerKeyId: string | null,
): Promise<Map<string, Notification>> {
  const rows = await sql.$queryRaw<NotificationRow[]>`
    SELECT ${columnsFor(producerKeyId)} FROM notification AS n WHERE n.id = ANY (${ids})`;
  return new Map(rows.map((row) => [row.id, toNotification(row)]));
}

export async function findNotification(
  sql: Sql,
  scope: Scope,
  id: string,
): Promise<Notification | null> {
  const rows = await sql.$queryRaw<NotificationRow[]>`
    SELECT ${columnsFor(scope.producerKeyId)} FROM notification AS n WHERE n.id = ${id} AND ${visible(scope)}`;
  return rows.map(toNotification)[0] ?? null;
}

/** The key that sent a notification. */
export async function findProducer(sql: Sql, id: string): Promise<string | null> {
  const [row] = await sql.$queryRaw<{ keyId: string }[]>`
    SELECT producer_key_id AS "keyId" FROM notification WHERE id = ${id}`;
  return row?.keyId ?? null;
}

/** Of these those that the caller may see. */
export async function findVisible(sql: Sql, scope: Scope, ids: string[]): Promise<string[]> {
  const rows = await sql.$queryRaw<{ id: string }[]>`
    SELECT n.id FROM notification AS n WHERE n.id = ANY (${ids}) AND ${visible(scope)}`;
  return rows.map(({ id }) => id);
}

/** What the feed is asked for, as a condition on `notification AS n`. */
export async function conditionOf(
  sql: Sql,
  scope: Scope,
  filter: NotificationFilter,
): Promise<Prisma.Sql> {
  return allOf([
    visible(scope),
    among(Prisma.sql`n.merchant_id`, filter.merchantId),
    among(Prisma.sql`n.business_key`, filter.businessKey),
    among(Prisma.sql`n.type`, filter.type),
    among(Prisma.sql`n.queue`, filter.queue),
    filter.status && hasStatus(filter.status),
    filter.from ? Prisma.sql`n.accepted_at >= ${new Date(filter.from)}` : null,
    filter.to ? Prisma.sql`n.accepted_at < ${new Date(filter.to)}` : null,
    filter.search
      ? meant(await searchFor(sql, filter.search, merchantIdsOf(scope, undefined)))
      : null,
  ]);
}

/**
 * The least advanced delivery is in one of these states. `IS NOT NULL`, because of any comparison the
 * planner expects next to nothing, and would look at all rows before it sorts them.
 */
export function isLeast(statuses: DeliveryStatus[]): Prisma.Sql {
  return Prisma.sql`array_position(${statuses}::text[],
    (SELECT ${SHOWN_STATUS} AS shown FROM delivery AS d WHERE d.owner_id = n.id
      ORDER BY array_position(${[...DELIVERY_STATUSES]}::text[], ${SHOWN_STATUS}) LIMIT 1)) IS NOT NULL`;
}

export function hasStatus(statuses: DeliveryStatus[]): Prisma.Sql {
  if (!areOpen(statuses)) return isLeast(statuses);
  // So some delivery is: few are, and an index has them.
  return Prisma.sql`EXISTS (SELECT FROM delivery AS o WHERE o.owner_id = n.id
      AND o.merchant_id = n.merchant_id AND ${inStates(Prisma.sql`o`, statuses)}) AND ${isLeast(statuses)}`;
}

/** Whose are asked for: a merchant's own, whatever it asks; null: everybody's. */
export function merchantIdsOf({ merchantId }: Scope, asked: string[] | undefined): string[] | null {
  return merchantId === null ? (asked ?? null) : [merchantId];
}

function meant({ ids, condition }: Search): Prisma.Sql | null {
  return ids === null ? condition : Prisma.sql`n.id = ANY (${ids})`;
}

export function visible({ merchantId, producerKeyId, merchants }: Scope): Prisma.Sql {
  return allOf([
    merchantId === null ? null : Prisma.sql`n.merchant_id = ${merchantId}`,
    among(Prisma.sql`n.merchant_id`, merchants),
    producerKeyId === null ? null : Prisma.sql`n.producer_key_id = ${producerKeyId}`,
  ]);
}

export function toNotification(row: NotificationRow): Notification {
  const deliveries = row.deliveries ?? [];
  return {
    id: row.id,
    merchantId: row.merchant_id,
    type: row.type,
    businessKey: row.business_key,
    eventId: row.event_id,
    queue: row.queue,
    status: leastAdvanced(deliveries.map((delivery) => delivery.status)),
    result: row.result,
    occurredAt: row.occurred_at.toISOString(),
    acceptedAt: row.accepted_at.toISOString(),
    deliveries,
  };
}
