import { type Database, Prisma, type Sql, type Transaction } from '../../../platform/db/client.ts';
import type { Format, Language } from '../../event-types/formats/formats.ts';
import type { CreateEndpoint, PatchEndpoint } from './contract.ts';
import type { StoredHeaders } from './sealed-headers.ts';
import type { Subscription } from './subscription.ts';

export const MAX_ENDPOINTS = 200;

export interface EndpointRow extends Subscription {
  id: string;
  merchantId: string;
  url: string;
  queue: string | null;
  description: string | null;
  /** Names with masks; of an endpoint from before headers were sealed, the values. */
  headers: Record<string, string>;
  sealedHeaders: string | null;
  body: 'envelope' | 'raw';
  format: Format;
  language: Language;
  sealedFormatSecret: string | null;
  maxInFlight: number | null;
  ratePerSecond: number | null;
  pausedAt: Date | null;
  disabledReason: string | null;
  openUntil: Date | null;
  /** In the future, else null. */
  previousSecretExpiresAt: Date | null;
  createdAt: Date;
  /** The merchant's other endpoints with the same address. */
  sameUrl: ({ id: string } & Subscription)[] | null;
}

export interface NewEndpoint
  extends Subscription,
    Omit<CreateEndpoint, 'secret' | 'headers' | 'formatSecret' | keyof Subscription> {
  id: string;
  merchantId: string;
  /** Sealed. */
  secret: string;
  headers: StoredHeaders;
  sealedFormatSecret: string | null;
}

export interface EndpointPatch extends Omit<PatchEndpoint, 'headers' | 'formatSecret'> {
  /** Absent: it stays as it is. */
  sealedFormatSecret?: string | null;
  /** What becomes of the headers; called where the endpoint is locked, with those that it has. */
  headers?(before: EndpointRow): StoredHeaders;
}

const COLUMNS = Prisma.sql`
  e.id, e.merchant_id AS "merchantId", e.url, e.types, e.events, e.queue, e.description, e.headers,
  e.sealed_headers AS "sealedHeaders", e.body, e.format, e.language,
  e.sealed_format_secret AS "sealedFormatSecret",
  r.max_in_flight AS "maxInFlight", r.rate_per_second AS "ratePerSecond", r.paused_at AS "pausedAt",
  r.disabled_reason AS "disabledReason", r.open_until AS "openUntil",
  CASE WHEN e.previous_secret_expires_at > postrider_now() THEN e.previous_secret_expires_at END
    AS "previousSecretExpiresAt", e.created_at AS "createdAt",
  (SELECT json_agg(json_build_object('id', o.id, 'types', o.types, 'events', o.events) ORDER BY o.id) FROM endpoint AS o
    WHERE o.merchant_id = e.merchant_id AND o.url = e.url AND o.id <> e.id AND o.deleted_at IS NULL)
    AS "sameUrl"`;

/** As if it had never been called. */
const FRESH_HEALTH = Prisma.sql`
  failure_score = 0, pauses = 0, open_until = NULL, allowance = NULL`;

/**
 * An endpoint with its receiver, the engine's side of it. The merchant's row is locked, so that the
 * limit holds however many come at once. When the endpoint is there already, an earlier run of the
 * same call was cut off before it could answer; its unseen secret is replaced.
 */
export async function insertEndpoint(
  { prisma }: Database,
  endpoint: NewEndpoint,
): Promise<EndpointRow | 'no_merchant' | 'no_queue' | 'too_many'> {
  const { id, merchantId } = endpoint;
  return prisma.$transaction(async (tx) => {
    const merchants = await tx.$queryRaw<unknown[]>`
      SELECT 1 FROM merchant WHERE id = ${merchantId} FOR NO KEY UPDATE`;
    if (merchants.length === 0) return 'no_merchant';
    if (!(await holdQueue(tx, endpoint.queue))) return 'no_queue';
    const [others] = await tx.$queryRaw<{ count: number }[]>`
      SELECT count(*)::int AS count FROM endpoint
       WHERE merchant_id = ${merchantId} AND deleted_at IS NULL AND id <> ${id}`;
    if ((others?.count ?? 0) >= MAX_ENDPOINTS) return 'too_many';
    await tx.$executeRaw`
      INSERT INTO receiver (id, max_in_flight, rate_per_second)
      VALUES (${id}, ${endpoint.maxInFlight}, ${endpoint.ratePerSecond}) ON CONFLICT DO NOTHING`;
    await tx.$executeRaw`
      INSERT INTO endpoint
        (id, merchant_id, url, types, events, queue, description, headers, sealed_headers, body, format,
         language, sealed_format_secret, secret)
      VALUES (${id}, ${merchantId}, ${endpoint.url}, ${endpoint.types}::text[], ${endpoint.events}::text[],
        ${endpoint.queue},
        ${endpoint.description}, ${JSON.stringify(endpoint.headers.shown)}::jsonb,
        ${endpoint.headers.sealed}, ${endpoint.body}, ${endpoint.format}, ${endpoint.language},
        ${endpoint.sealedFormatSecret},
        ${endpoint.secret})
      ON CONFLICT (id) DO UPDATE SET secret = EXCLUDED.secret`;
    return found(await findEndpoint(tx, id, merchantId));
  });
}

/** A share of the queue's row until the transaction ends: it cannot be deleted meanwhile. */
async function holdQueue(tx: Transaction, queue: string | null): Promise<boolean> {
  if (queue === null) return true;
  const queues = await tx.$queryRaw<unknown[]>`
    SELECT 1 FROM queue WHERE name = ${queue} FOR KEY SHARE`;
  return queues.length > 0;
}

/** @param merchantId whose it must be; null: anybody's */
export async function findEndpoint(
  sql: Sql,
  id: string,
  merchantId: string | null,
): Promise<EndpointRow | null> {
  const [row] = await sql.$queryRaw<EndpointRow[]>`
    SELECT ${COLUMNS} FROM endpoint AS e JOIN receiver AS r USING (id)
     WHERE e.id = ${id} AND e.deleted_at IS NULL
       AND (${merchantId}::text IS NULL OR e.merchant_id = ${merchantId})`;
  return row ?? null;
}

/** Newest first; `limit` + 1 rows, if there are so many. */
export async function listEndpoints(
  sql: Sql,
  merchantId: string,
  limit: number,
  after: string | null,
): Promise<EndpointRow[]> {
  return sql.$queryRaw<EndpointRow[]>`
    SELECT ${COLUMNS} FROM endpoint AS e JOIN receiver AS r USING (id)
     WHERE e.merchant_id = ${merchantId} AND e.deleted_at IS NULL
       AND (${after}::text IS NULL OR e.id < ${after})
     ORDER BY e.id DESC LIMIT ${limit + 1}`;
}

/** Another url is another address: it starts with a clean slate. */
export async function updateEndpoint(
  { prisma }: Database,
  id: string,
  patch: EndpointPatch,
): Promise<EndpointRow | 'absent' | 'no_queue'> {
  return prisma.$transaction(async (tx) => {
    if (!(await holdQueue(tx, patch.queue ?? null))) return 'no_queue';
    const before = await lockEndpoint(tx, id);
    if (before === null) return 'absent';
    const headers = patch.headers?.(before);
    await tx.$executeRaw`
      UPDATE endpoint SET
        url = ${patch.url ?? before.url}, types = ${patch.types ?? before.types}::text[],
        events = ${patch.events ?? before.events}::text[],
        queue = ${given(patch.queue, before.queue)},
        description = ${given(patch.description, before.description)},
        headers = ${JSON.stringify(headers?.shown ?? before.headers)}::jsonb,
        sealed_headers = ${headers === undefined ? before.sealedHeaders : headers.sealed},
        body = ${patch.body ?? before.body}, format = ${patch.format ?? before.format},
        language = ${patch.language ?? before.language},
        sealed_format_secret = ${given(patch.sealedFormatSecret, before.sealedFormatSecret)}
       WHERE id = ${id}`;
    const moved = patch.url !== undefined && patch.url !== before.url;
    await tx.$executeRaw`
      UPDATE receiver SET
        max_in_flight = ${given(patch.maxInFlight, before.maxInFlight)},
        rate_per_second = ${given(patch.ratePerSecond, before.ratePerSecond)}
        ${moved ? Prisma.sql`, ${FRESH_HEALTH}, trusted = false` : Prisma.empty}
       WHERE id = ${id}`;
    return found(await findEndpoint(tx, id, null));
  });
}

/** Both rows: one that is only read beside the lock would be as old as the wait for it. */
async function lockEndpoint(tx: Transaction, id: string): Promise<EndpointRow | null> {
  const [row] = await tx.$queryRaw<EndpointRow[]>`
    SELECT ${COLUMNS} FROM endpoint AS e JOIN receiver AS r USING (id)
     WHERE e.id = ${id} AND e.deleted_at IS NULL FOR NO KEY UPDATE`;
  return row ?? null;
}

/** null is a value of its own: only what is not given stays as it was. */
function given<T>(value: T | undefined, before: T): T {
  return value === undefined ? before : value;
}

/** @returns false where it was deleted already */
export async function deleteEndpoint(sql: Sql, id: string): Promise<boolean> {
  // The receiver is left alone: attempts under way lock deliveries first, then it.
  const deleted = await sql.$executeRaw`
    UPDATE endpoint SET deleted_at = postrider_now() WHERE id = ${id} AND deleted_at IS NULL`;
  return deleted === 1;
}

/** From now on nothing is claimed for it. Again changes nothing. */
export async function pauseEndpoint(sql: Sql, id: string): Promise<void> {
  await sql.$executeRaw`
    UPDATE receiver SET paused_at = coalesce(paused_at, postrider_now()) WHERE id = ${id}`;
}

/** Lifts a pause and what the engine held against it: a 410, an open circuit. */
export async function resumeEndpoint(sql: Sql, id: string): Promise<void> {
  await sql.$executeRaw`
    UPDATE receiver SET paused_at = NULL, disabled_reason = NULL, ${FRESH_HEALTH} WHERE id = ${id}`;
}

/** A queue goes: the endpoints that named it fall back to the default one. */
export async function releaseQueue(tx: Transaction, queue: string): Promise<void> {
  await tx.$executeRaw`UPDATE endpoint SET queue = NULL WHERE queue = ${queue}`;
}

function found(row: EndpointRow | null): EndpointRow {
  if (row === null) throw new Error('The endpoint is gone although its row was locked.');
  return row;
}
