import { type Found, lookThrough } from '../../../api/pagination.ts';
import type { Scope } from '../../../api/scope.ts';
import { allOf, among } from '../../../engine/store/conditions.ts';
import { SHOWN_REASON } from '../../../engine/store/shown-reason.ts';
import { shownUrl } from '../../../engine/store/shown-url.ts';
import { Prisma, type Sql } from '../../../platform/db/client.ts';
import type { Message } from '../contract.ts';

export interface MessageFilter {
  messageId?: string[] | undefined;
  producer?: string[] | undefined;
  merchantId?: string[] | undefined;
  businessKey?: string[] | undefined;
  status?: string[] | undefined;
  outcome?: ('success' | 'failed')[] | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

/** A message as it is shown, with its place in the list and its primary key. */
export type Listed = Message & { place: string; key: string };

type Row = Omit<Listed, 'deliveries' | 'preparedAt' | 'suspendedAt' | 'decidedAt'> & {
  deliveries: Message['deliveries'] | null;
  preparedAt: Date;
  suspendedAt: Date | null;
  decidedAt: Date | null;
};

const iso = (time: string) =>
  Prisma.raw(`to_char(${time} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`);

const FAILED = Prisma.sql`m.id IN (
  SELECT c.message_id FROM message_completion AS c WHERE c.outcome = 'failed')`;
const OUTCOMES = {
  failed: FAILED,
  success: Prisma.sql`(m.status = 'confirmed' AND message_status(m) = 'completed' AND NOT ${FAILED})`,
};

const columnsFor = ({ producerKeyId }: Scope) => Prisma.sql`
  m.place::text AS place, m.id AS key, coalesce(m.message_id, m.id) AS id,
  m.producer_key_id AS "producerKeyId", message_status(m) AS status, m.merchant_id AS "merchantId", m.type,
  m.business_key AS "businessKey", m.event_id AS "eventId", m.completion,
  m.complete_after_seconds AS "completeAfterSeconds", m.check_after_seconds AS "checkAfterSeconds",
  m.check_url AS "checkUrl", m.prepared_at AS "preparedAt", m.suspended_at AS "suspendedAt",
  m.decided_at AS "decidedAt", m.decided_by AS "decidedBy", m.reason,
  CASE WHEN ${OUTCOMES.failed} THEN 'failed' WHEN ${OUTCOMES.success} THEN 'success' END AS outcome,
  m.notification_id AS "notificationId",
  (SELECT json_build_object('deliveryId', d.id,
            'count', (SELECT count(*) FROM attempt AS a WHERE a.delivery_id = d.id),
            'nextAt', CASE WHEN d.status = 'pending' THEN ${iso('d.due_at')} END)
     FROM delivery AS d WHERE d.owner_id = m.id AND d.purpose = 'check'
    ORDER BY d.id DESC LIMIT 1) AS "check",
  (SELECT json_agg(json_build_object('id', d.id, 'endpointId', d.endpoint_id,
            'url', ${shownUrl(producerKeyId)}, 'status', md.status, 'outcome', md.outcome,
            'consumer', md.consumer, 'reason', coalesce(md.completion_reason,
              ${SHOWN_REASON}),
            'cycle', d.cycle, 'attemptCount', d.attempt_count,
            'nextAttemptAt', CASE WHEN d.status = 'pending' THEN ${iso('d.due_at')} END,
            'deadlineAt', ${iso('d.deadline_at')},
            'completedAt', CASE WHEN md.status = 'completed' THEN
              ${iso('coalesce(md.completed_at, d.settled_at)')} END) ORDER BY d.id)
     FROM message_delivery AS md JOIN delivery AS d ON d.id = md.delivery_id
     LEFT JOIN endpoint AS e ON e.id = d.endpoint_id
    WHERE md.message_id = m.id) AS deliveries`;

/** By its primary key. */
export async function findMessage(sql: Sql, scope: Scope, key: string): Promise<Listed | null> {
  const rows = await sql.$queryRaw<Row[]>`
    SELECT ${columnsFor(scope)} FROM message AS m WHERE m.id = ${key} AND ${visible(scope)}`;
  return rows.map(toMessage)[0] ?? null;
}

/** As many as one answer may be about; who has so many of one id says which producer's. */
const MOST_OF_AN_ID = 20;

/** Those that producers call so: one of each at most. */
export async function findMessagesOf(
  sql: Sql,
  scope: Scope,
  id: string,
  producer: string | undefined,
): Promise<Listed[]> {
  const rows = await sql.$queryRaw<Row[]>`
    SELECT ${columnsFor(scope)} FROM message AS m
     WHERE ${named([id])} AND ${visible(scope)}
       AND ${producer === undefined ? Prisma.sql`true` : Prisma.sql`m.producer_key_id = ${producer}`}
     ORDER BY m.place LIMIT ${MOST_OF_AN_ID}`;
  return rows.map(toMessage);
}

function named(ids: string[]): Prisma.Sql {
  return Prisma.sql`(m.message_id = ANY (${ids}) OR m.id = ANY (${ids}))`;
}

/** What was decided of it, if anything was; how far its deliveries are is not asked. */
export async function findStatus(
  sql: Sql,
  id: string,
): Promise<'prepared' | 'suspended' | 'confirmed' | 'cancelled' | null> {
  const [row] = await sql.$queryRaw<
    { status: 'prepared' | 'suspended' | 'confirmed' | 'cancelled' }[]
  >`SELECT status FROM message WHERE id = ${id}`;
  return row?.status ?? null;
}

/**
 * Newest first. Of all but whose they are, and a key, a page looks through `MOST_LOOKED_THROUGH` rows.
 *
 * @param before the place of the last one seen
 */
export async function listMessages(
  sql: Sql,
  scope: Scope,
  filter: MessageFilter,
  before: string | null,
  limit: number,
): Promise<Found<Listed>> {
  const passing = allOf([
    visible(scope),
    among(Prisma.sql`m.merchant_id`, filter.merchantId),
    among(Prisma.sql`m.business_key`, filter.businessKey),
    filter.messageId && named(filter.messageId),
    among(Prisma.sql`m.producer_key_id`, filter.producer),
    // The second half is what the first already decides, but an index knows it.
    filter.status &&
      Prisma.sql`message_status(m) = ANY (${filter.status}) AND m.status = ANY (${storedOf(filter.status)})`,
    filter.outcome &&
      Prisma.sql`(${Prisma.join(
        filter.outcome.map((outcome) => OUTCOMES[outcome]),
        ' OR ',
      )})`,
    filter.from ? Prisma.sql`m.prepared_at >= ${new Date(filter.from)}` : null,
    filter.to ? Prisma.sql`m.prepared_at < ${new Date(filter.to)}` : null,
  ]);
  const from = Prisma.sql`FROM message AS m WHERE ${allOf([
    within(scope, filter),
    before === null ? null : Prisma.sql`m.place < ${before}::bigint`,
  ])} ORDER BY ${scope.producerKeyId === null ? Prisma.empty : Prisma.sql`m.producer_key_id DESC, `}m.place DESC`;
  const look = async (count: number) => {
    // As a row of the table, for the function of its status.
    const rows = await sql.$queryRaw<Row[]>`
      SELECT ${columnsFor(scope)} FROM (SELECT m ${from} LIMIT ${Prisma.raw(String(count))}) AS looked
        CROSS JOIN LATERAL (SELECT (looked.m).*) AS m
       WHERE ${passing} ORDER BY m.place DESC LIMIT ${limit}`;
    return rows.map(toMessage);
  };
  return lookThrough<Listed>({
    limit,
    look,
    async endOf(count) {
      const [end] = await sql.$queryRaw<{ place: string }[]>`
        SELECT m.place::text AS place ${from} OFFSET ${Prisma.raw(String(count - 1))} LIMIT 1`;
      return end?.place ?? null;
    },
    keyOf: ({ place }) => place,
    isOlder: ({ place }, end) => BigInt(place) < BigInt(end),
  });
}

/** What an index has in the order of the list. */
function within({ merchantId, producerKeyId }: Scope, filter: MessageFilter): Prisma.Sql | null {
  if (filter.messageId) return named(filter.messageId);
  if (filter.businessKey?.length === 1)
    return among(Prisma.sql`m.business_key`, filter.businessKey);
  // A range, and sorted by it: of an equality the planner takes the order of all places, which for a producer that has
  // sent little leads through all that others have.
  if (producerKeyId !== null) {
    return Prisma.sql`m.producer_key_id BETWEEN ${producerKeyId} AND ${producerKeyId}`;
  }
  if (merchantId !== null) return Prisma.sql`m.merchant_id = ${merchantId}`;
  if (filter.merchantId?.length === 1) return among(Prisma.sql`m.merchant_id`, filter.merchantId);
  const isUndecided = filter.status?.every((status) => ['prepared', 'suspended'].includes(status));
  return isUndecided ? Prisma.sql`m.status IN ('prepared', 'suspended')` : null;
}

function storedOf(statuses: string[]): string[] {
  return statuses.map((status) =>
    ['sent', 'completed', 'dead'].includes(status) ? 'confirmed' : status,
  );
}

/** A merchant's from `confirmed` on: what may still come to nothing is the producer's matter. */
function visible({ merchantId, producerKeyId, merchants }: Scope): Prisma.Sql {
  const isMerchant = merchantId !== null && producerKeyId === null;
  return allOf([
    merchantId === null ? null : Prisma.sql`m.merchant_id = ${merchantId}`,
    isMerchant ? Prisma.sql`m.status = 'confirmed'` : null,
    among(Prisma.sql`m.merchant_id`, merchants),
    producerKeyId === null ? null : Prisma.sql`m.producer_key_id = ${producerKeyId}`,
  ]);
}

function toMessage(row: Row): Listed {
  return {
    ...row,
    preparedAt: row.preparedAt.toISOString(),
    suspendedAt: row.suspendedAt?.toISOString() ?? null,
    decidedAt: row.decidedAt?.toISOString() ?? null,
    deliveries: row.deliveries ?? [],
  };
}
