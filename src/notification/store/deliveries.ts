import { Prisma, type Sql } from '../../db/client.ts';
import type { Owned } from '../../delivery/owner.ts';
import { SHOWN_REASON } from '../../delivery/store/shown-reason.ts';
import { SHOWN_STATUS } from '../../delivery/store/shown-status.ts';
import type { AttemptView, DeliveryView } from '../contract.ts';
import { allOf, among, areOpen, inStates } from './conditions.ts';
import type { Scope } from './find.ts';

export interface DeliveryFilter {
  merchantId?: string[] | undefined;
  endpointId?: string[] | undefined;
  queue?: string[] | undefined;
  type?: string[] | undefined;
  status?: string[] | undefined;
  businessKey?: string[] | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

interface DeliveryRow {
  id: string;
  owner_id: string;
  purpose: string;
  merchant_id: string | null;
  type: string;
  business_key: string;
  queue: string;
  policy_version: number;
  endpoint_id: string | null;
  url: string | null;
  status: DeliveryView['status'];
  reason: string | null;
  cycle: number;
  attempt_count: number;
  due_at: Date | null;
  accepted_at: Date;
  deadline_at: Date;
  settled_at: Date | null;
}

const COLUMNS = Prisma.sql`d.id, d.owner_id, d.purpose, d.merchant_id, d.type, d.business_key,
  d.queue, d.policy_version, d.endpoint_id, coalesce(d.url, e.url) AS url,
  ${SHOWN_STATUS} AS status, ${SHOWN_REASON} AS reason,
  d.cycle, d.attempt_count, CASE WHEN d.status = 'pending' THEN d.due_at END AS due_at,
  d.accepted_at, d.deadline_at, d.settled_at`;

export async function findDelivery(
  sql: Sql,
  scope: Scope,
  id: string,
): Promise<DeliveryView | null> {
  const rows = await sql.$queryRaw<DeliveryRow[]>`
    SELECT ${COLUMNS} FROM delivery AS d LEFT JOIN endpoint AS e ON e.id = d.endpoint_id
     WHERE d.id = ${id} AND ${visible(scope)}`;
  return rows.map(toView)[0] ?? null;
}

/** Newest first. @param before the id of the last one seen */
export async function listDeliveries(
  sql: Sql,
  scope: Scope,
  filter: DeliveryFilter,
  before: string | null,
  limit: number,
): Promise<DeliveryView[]> {
  if (scope.producerKeyId !== null) {
    return listProduced(sql, scope, scope.producerKeyId, filter, before, limit);
  }
  const older = before === null ? null : Prisma.sql`d.id < ${before}`;
  const rows = await sql.$queryRaw<DeliveryRow[]>`
    SELECT ${COLUMNS} FROM delivery AS d LEFT JOIN endpoint AS e ON e.id = d.endpoint_id
     WHERE ${allOf([visible(scope), conditionOf(filter), older])} ORDER BY d.id DESC LIMIT ${limit}`;
  return rows.map(toView);
}

/**
 * A producer's: by its notifications, the newest of those first, because they have an index of whose
 * they are, and deliveries have not. (Rejected: one on deliveries, which every step of an attempt
 * would have to write.)
 */
async function listProduced(
  sql: Sql,
  { merchantId }: Scope,
  producerKeyId: string,
  filter: DeliveryFilter,
  before: string | null,
  limit: number,
): Promise<DeliveryView[]> {
  const own = Prisma.sql`SELECT * FROM delivery AS o WHERE o.owner_id = n.id`;
  // Sorted, so that the planner cannot turn it into a walk through all deliveries beside the producer's.
  const deliveries = isOpen(filter) ? own : Prisma.sql`${own} ORDER BY o.id DESC`;
  const rows = await sql.$queryRaw<DeliveryRow[]>`
    SELECT ${COLUMNS} FROM notification AS n CROSS JOIN LATERAL (${deliveries}) AS d
      LEFT JOIN endpoint AS e ON e.id = d.endpoint_id
     WHERE ${allOf([
       Prisma.sql`n.producer_key_id = ${producerKeyId}`,
       merchantId === null ? null : Prisma.sql`n.merchant_id = ${merchantId}`,
       // What a delivery has from its notification: said of that, it can lead into an index.
       among(Prisma.sql`n.merchant_id`, filter.merchantId),
       among(Prisma.sql`n.business_key`, filter.businessKey),
       among(Prisma.sql`n.type`, filter.type),
       conditionOf(filter),
       before === null ? null : olderThan(before),
     ])}
     ORDER BY n.id DESC, d.id DESC LIMIT ${limit}`;
  return rows.map(toView);
}

function isOpen({ status }: DeliveryFilter): boolean {
  return status !== undefined && areOpen(status);
}

function olderThan(before: string): Prisma.Sql {
  const owner = Prisma.sql`(SELECT last.owner_id FROM delivery AS last WHERE last.id = ${before})`;
  // The first half is implied by the second, but only the first leads into the index.
  return Prisma.sql`n.id <= ${owner} AND (n.id, d.id) < (${owner}, ${before})`;
}

function conditionOf(filter: DeliveryFilter): Prisma.Sql {
  return allOf([
    among(Prisma.sql`d.merchant_id`, filter.merchantId),
    among(Prisma.sql`d.endpoint_id`, filter.endpointId),
    filter.endpointId && ofTheirMerchants(filter.endpointId),
    among(Prisma.sql`d.queue`, filter.queue),
    among(Prisma.sql`d.type`, filter.type),
    inStates(Prisma.sql`d`, filter.status),
    among(Prisma.sql`d.business_key`, filter.businessKey),
    filter.from ? Prisma.sql`d.accepted_at >= ${new Date(filter.from)}` : null,
    filter.to ? Prisma.sql`d.accepted_at < ${new Date(filter.to)}` : null,
  ]);
}

/** Deliveries to an endpoint are its merchant's, and of a merchant there is an index. */
function ofTheirMerchants([first, ...others]: string[]): Prisma.Sql {
  return others.length === 0
    ? Prisma.sql`d.merchant_id = (SELECT o.merchant_id FROM endpoint AS o WHERE o.id = ${first})`
    : Prisma.sql`d.merchant_id = ANY (ARRAY(
        SELECT o.merchant_id FROM endpoint AS o WHERE o.id = ANY (${[first, ...others]})))`;
}

/** Oldest first. @param after cycle and number of the last one seen */
export async function listAttempts(
  sql: Sql,
  deliveryId: string,
  after: { cycle: number; number: number },
  limit: number,
): Promise<AttemptView[]> {
  const rows = await sql.$queryRaw<Array<Omit<AttemptView, 'startedAt'> & { startedAt: Date }>>`
    SELECT id, number, cycle, trigger, resent_by AS "resentBy", started_at AS "startedAt", duration_ms AS "durationMs", outcome,
           status_code AS "statusCode", response_excerpt AS "responseExcerpt",
           remote_address AS "remoteAddress", error
      FROM attempt
     WHERE delivery_id = ${deliveryId} AND (cycle, number) > (${after.cycle}, ${after.number})
     ORDER BY cycle, number LIMIT ${limit}`;
  return rows.map((row) => ({ ...row, startedAt: row.startedAt.toISOString() }));
}

/** What the protocol that sends a delivery knows of it. */
export async function findOwned(sql: Sql, id: string): Promise<Owned | null> {
  const rows = await sql.$queryRaw<Owned[]>`
    SELECT d.owner_kind AS "ownerKind", d.owner_id AS "ownerId", d.purpose, d.status,
           (SELECT count(*)::int FROM attempt AS a WHERE a.delivery_id = d.id) AS attempts
      FROM delivery AS d WHERE d.id = ${id}`;
  return rows[0] ?? null;
}

function visible({ merchantId, producerKeyId }: Scope): Prisma.Sql {
  return allOf([
    merchantId === null ? null : Prisma.sql`d.merchant_id = ${merchantId}`,
    producerKeyId === null
      ? null
      : Prisma.sql`EXISTS (SELECT 1 FROM notification AS n
                            WHERE n.id = d.owner_id AND n.producer_key_id = ${producerKeyId})`,
  ]);
}

function toView(row: DeliveryRow): DeliveryView {
  return {
    id: row.id,
    // Whichever protocol sends it.
    notificationId: row.purpose === 'notify' ? row.owner_id : null,
    merchantId: row.merchant_id,
    type: row.type,
    businessKey: row.business_key,
    queue: row.queue,
    policyVersion: row.policy_version,
    endpointId: row.endpoint_id,
    url: row.url,
    status: row.status,
    reason: row.reason,
    cycle: row.cycle,
    attemptCount: row.attempt_count,
    nextAttemptAt: row.due_at?.toISOString() ?? null,
    acceptedAt: row.accepted_at.toISOString(),
    deadlineAt: row.deadline_at.toISOString(),
    settledAt: row.settled_at?.toISOString() ?? null,
  };
}
