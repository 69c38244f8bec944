import type { Scope } from '../../../api/scope.ts';
import type { DeliveryStatus, ShownReason } from '../../../engine/delivery.ts';
import type { OwnedDelivery } from '../../../engine/protocol.ts';
import { allOf, among } from '../../../engine/store/conditions.ts';
import { SHOWN_REASON } from '../../../engine/store/shown-reason.ts';
import { SHOWN_STATUS } from '../../../engine/store/shown-status.ts';
import { shownUrl } from '../../../engine/store/shown-url.ts';
import { Prisma, type Sql } from '../../../platform/db/client.ts';
import type { AttemptView, DeliveryView } from '../contract.ts';

export interface DeliveryFilter {
  merchantId?: string[] | undefined;
  endpointId?: string[] | undefined;
  queue?: string[] | undefined;
  type?: string[] | undefined;
  status?: DeliveryStatus[] | undefined;
  businessKey?: string[] | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

export interface DeliveryRow {
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
  reason: ShownReason | null;
  cycle: number;
  attempt_count: number;
  due_at: Date | null;
  accepted_at: Date;
  deadline_at: Date;
  settled_at: Date | null;
}

export const columnsFor = (
  producerKeyId: string | null,
) => Prisma.sql`d.id, d.owner_id, d.purpose, d.merchant_id, d.type, d.business_key,
  d.queue, d.policy_version, d.endpoint_id, ${shownUrl(producerKeyId)} AS url,
  ${SHOWN_STATUS} AS status, ${SHOWN_REASON} AS reason,
  d.cycle, d.attempt_count, CASE WHEN d.status = 'pending' THEN d.due_at END AS due_at,
  d.accepted_at, d.deadline_at, d.settled_at`;

export async function findDelivery(
  sql: Sql,
  scope: Scope,
  id: string,
): Promise<DeliveryView | null> {
  const rows = await sql.$queryRaw<DeliveryRow[]>`
    SELECT ${columnsFor(scope.producerKeyId)} FROM delivery AS d LEFT JOIN endpoint AS e ON e.id = d.endpoint_id
     WHERE d.id = ${id} AND ${visible(scope)}`;
  return rows.map(toView)[0] ?? null;
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
export async function findOwned(sql: Sql, id: string): Promise<OwnedDelivery | null> {
  const rows = await sql.$queryRaw<OwnedDelivery[]>`
    SELECT d.owner_kind AS "ownerKind", d.owner_id AS "ownerId", d.purpose, d.status,
           (SELECT count(*)::int FROM attempt AS a WHERE a.delivery_id = d.id) AS attempts
      FROM delivery AS d WHERE d.id = ${id}`;
  return rows[0] ?? null;
}

function visible({ merchantId, producerKeyId, merchants }: Scope): Prisma.Sql {
  return allOf([
    merchantId === null ? null : Prisma.sql`d.merchant_id = ${merchantId}`,
    among(Prisma.sql`d.merchant_id`, merchants),
    producerKeyId === null
      ? null
      : Prisma.sql`EXISTS (SELECT 1 FROM notification AS n
                            WHERE n.id = d.owner_id AND n.producer_key_id = ${producerKeyId})`,
  ]);
}

export function toView(row: DeliveryRow): DeliveryView {
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
