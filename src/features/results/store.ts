import { SHOWN_REASON } from '../../engine/store/shown-reason.ts';
import { SHOWN_STATUS } from '../../engine/store/shown-status.ts';
import { shownUrl } from '../../engine/store/shown-url.ts';
import { Prisma, type Sql } from '../../platform/db/client.ts';
import { EVENTS_SENDER } from '../event-types/sender.ts';
import type { Delivery, State } from './contract.ts';

/** Whose results: a merchant's, and of those perhaps only what one producer sent. */
export interface ResultScope {
  merchantId: string;
  producerKeyId: string | null;
}

/** `payloadText` is the producer's to the byte, because a json value keeps its text. */
export interface Latest {
  state: State;
  payloadText: string;
}

export interface Result {
  latest: Latest;
  /** The highest version first. */
  history: State[];
  deliveries: Delivery[];
}

interface StateRow {
  id: string;
  type: string;
  result: State['result'];
  occurred_at: Date;
  accepted_at: Date;
  payload: string;
}

/** Late and out-of-order notifications never move the latest state back; index `notification_result`. */
const LATEST_FIRST = Prisma.sql`n.result_version DESC, n.occurred_at DESC, n.id DESC`;
const STATE = Prisma.sql`n.id, n.type, n.body -> 'result' AS result, n.occurred_at, n.accepted_at`;

/**
 * What is known of a business key, newest version first, at most `limit` states.
 * @returns null: nothing
 */
export async function findResult(
  sql: Sql,
  scope: ResultScope,
  businessKey: string,
  limit: number,
): Promise<Result | null> {
  const rows = await sql.$queryRaw<
    Array<Omit<StateRow, 'payload'> & { payload: string | null; deliveries: Delivery[] | null }>
  >`
    SELECT known.id, known.type, known.result, known.occurred_at, known.accepted_at,
           CASE WHEN known.place = 1 THEN (known.body -> 'data')::text END AS payload,
           (SELECT json_agg(json_build_object('id', d.id, 'notificationId', known.id,
                     'endpointId', d.endpoint_id, 'url', ${shownUrl(scope.producerKeyId)},
                     'status', ${SHOWN_STATUS}, 'reason', ${SHOWN_REASON},
            'cycle', d.cycle,
                     'attemptCount', d.attempt_count,
                     'nextAttemptAt', CASE WHEN d.status = 'pending' THEN
                       to_char(d.due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') END,
                     'deadlineAt',
                       to_char(d.deadline_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
                     ORDER BY d.id)
              FROM delivery AS d LEFT JOIN endpoint AS e ON e.id = d.endpoint_id
             WHERE d.owner_id = known.id) AS deliveries
      FROM (
        SELECT ${STATE}, n.body, row_number() OVER (ORDER BY ${LATEST_FIRST}) AS place
          FROM notification AS n
         WHERE n.merchant_id = ${scope.merchantId} AND n.business_key = ${businessKey}
           AND ${sentBy(scope)}
         ORDER BY ${LATEST_FIRST} LIMIT ${limit}) AS known
     ORDER BY known.place`;
  const [first] = rows;
  if (first === undefined) return null;
  return {
    latest: { state: toState(first), payloadText: first.payload ?? '{}' },
    history: rows.map(toState),
    deliveries: rows.flatMap((row) => row.deliveries ?? []),
  };
}

/** The latest states of many business keys, by key; what is unknown is left out. */
export async function findLatest(
  sql: Sql,
  scope: ResultScope,
  businessKeys: string[],
): Promise<Map<string, Latest>> {
  const rows = await sql.$queryRaw<Array<StateRow & { key: string }>>`
    SELECT asked.key, latest.*
      FROM unnest(${businessKeys}::text[]) AS asked (key)
      CROSS JOIN LATERAL (
        SELECT ${STATE}, (n.body -> 'data')::text AS payload FROM notification AS n
         WHERE n.merchant_id = ${scope.merchantId} AND n.business_key = asked.key AND ${sentBy(scope)}
         ORDER BY ${LATEST_FIRST} LIMIT 1) AS latest`;
  return new Map(rows.map((row) => [row.key, { state: toState(row), payloadText: row.payload }]));
}

/** Of business: an operational event may have the same key, of an endpoint for instance. */
function sentBy({ producerKeyId }: ResultScope): Prisma.Sql {
  return producerKeyId === null
    ? Prisma.sql`n.producer_key_id <> ${EVENTS_SENDER}`
    : Prisma.sql`n.producer_key_id = ${producerKeyId}`;
}

function toState(row: Omit<StateRow, 'payload'>): State {
  return {
    notificationId: row.id,
    type: row.type,
    result: row.result,
    occurredAt: row.occurred_at.toISOString(),
    acceptedAt: row.accepted_at.toISOString(),
  };
}
