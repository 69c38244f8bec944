import type { Principal, Role } from '../../api/route.ts';
import { Prisma, type Sql } from '../../platform/db/client.ts';
import type { State } from './bounds.ts';
import type { AuditEntryView } from './contract.ts';

/** Who acts: a key, or somebody who failed to show one. */
export type Actor = Omit<Principal, 'role' | 'sessionId'> & { role: Role | 'nobody' };

/** What is known before the call is carried out. */
export interface NewEntry {
  principal: Actor;
  action: string;
  object: { kind: string; id: string | null };
  merchantId: string | null;
  reason: string | null;
  asked: State;
  before: State;
  requestId: string;
  remoteAddress: string | null;
}

export interface NewOutcome {
  entryId: string;
  status: number;
  after: State;
}

const COLUMNS = Prisma.sql`
  id, at, action, object_kind, object_id, merchant_id, key_id, key_name, key_role, key_merchant_id, reason,
  asked, before_state, request_id, remote_address`;

/** Notes calls before they begin. */
export async function insertPending(
  sql: Sql,
  entries: (readonly [string, NewEntry])[],
): Promise<void> {
  const rows = entries.map(([id, { principal, object, ...entry }]) => ({
    id,
    action: entry.action,
    object_kind: object.kind,
    object_id: object.id,
    merchant_id: entry.merchantId,
    key_id: principal.keyId,
    key_name: principal.name,
    key_role: principal.role,
    key_merchant_id: principal.merchantId,
    reason: entry.reason,
    asked: entry.asked,
    before_state: entry.before,
    request_id: entry.requestId,
    remote_address: entry.remoteAddress,
  }));
  await sql.$executeRaw`
    INSERT INTO audit_pending (id, action, object_kind, object_id, merchant_id, key_id, key_name, key_role,
                               key_merchant_id, reason, asked, before_state, request_id, remote_address)
    SELECT * FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS e (
      id text, action text, object_kind text, object_id text, merchant_id text, key_id text,
      key_name text, key_role text, key_merchant_id text, reason text, asked jsonb,
      before_state jsonb, request_id text, remote_address text)`;
}

/** Moves calls into the log with their ends, for good. */
export async function settlePending(sql: Sql, outcomes: NewOutcome[]): Promise<void> {
  const rows = outcomes.map(({ entryId, status, after }) => ({
    entry_id: entryId,
    status,
    after_state: after,
  }));
  await sql.$executeRaw`
    WITH ended AS (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS o (
        entry_id text, status int, after_state jsonb)
    ), moved AS (
      DELETE FROM audit_pending WHERE id IN (SELECT entry_id FROM ended) RETURNING ${COLUMNS}
    ), entered AS (
      INSERT INTO audit_entry (${COLUMNS}) SELECT ${COLUMNS} FROM moved RETURNING id
    )
    INSERT INTO audit_outcome (entry_id, status, after_state)
    SELECT e.entry_id, e.status, e.after_state FROM ended AS e JOIN entered AS n ON n.id = e.entry_id`;
}

/** Forgets calls that are counted with others. */
export async function dropPending(sql: Sql, ids: string[]): Promise<void> {
  await sql.$executeRaw`DELETE FROM audit_pending WHERE id = ANY(${ids}::text[])`;
}

/** Moves calls into the log whose process must have died in them: they have no end. @returns how many */
export async function settleLost(sql: Sql, limit: number): Promise<number> {
  return await sql.$executeRaw`
    WITH moved AS (
      DELETE FROM audit_pending WHERE id IN (
        SELECT id FROM audit_pending WHERE at < postrider_now() - interval '1 hour'
         ORDER BY id LIMIT ${limit} FOR UPDATE SKIP LOCKED)
      RETURNING ${COLUMNS}
    )
    INSERT INTO audit_entry (${COLUMNS}) SELECT ${COLUMNS} FROM moved`;
}

interface AuditFilter {
  keyId?: string[] | undefined;
  action?: string[] | undefined;
  objectKind?: string[] | undefined;
  objectId?: string[] | undefined;
  merchantId?: string[] | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

interface AuditRow extends Omit<AuditEntryView, 'at' | 'actor' | 'object'> {
  at: Date;
  kind: string;
  objectId: string | null;
  keyId: string;
  keyName: string;
  keyRole: Actor['role'];
  keyMerchantId: string | null;
}

/** Newest first. @param before the id of the last one seen */
export async function listAuditEntries(
  sql: Sql,
  filter: AuditFilter,
  before: string | null,
  limit: number,
): Promise<AuditEntryView[]> {
  const among = (column: Prisma.Sql, values: string[] | undefined) =>
    values === undefined ? null : Prisma.sql`${column} = ANY (${values})`;
  const conditions = [
    Prisma.sql`true`,
    before === null ? null : Prisma.sql`e.id < ${before}`,
    among(Prisma.sql`e.key_id`, filter.keyId),
    among(Prisma.sql`e.action`, filter.action),
    among(Prisma.sql`e.object_kind`, filter.objectKind),
    among(Prisma.sql`e.object_id`, filter.objectId),
    among(Prisma.sql`e.merchant_id`, filter.merchantId),
    filter.from ? Prisma.sql`e.at >= ${new Date(filter.from)}` : null,
    filter.to ? Prisma.sql`e.at < ${new Date(filter.to)}` : null,
  ].filter((condition) => condition !== null);
  const rows = await sql.$queryRaw<AuditRow[]>`
    SELECT e.id, e.at, e.action, e.object_kind AS kind, e.object_id AS "objectId",
           e.merchant_id AS "merchantId", e.key_id AS "keyId", e.key_name AS "keyName",
           e.key_role AS "keyRole", e.key_merchant_id AS "keyMerchantId", e.reason, e.asked,
           e.before_state AS before, o.after_state AS after, o.status, e.request_id AS "requestId",
           e.remote_address AS "remoteAddress"
      FROM (SELECT ${COLUMNS} FROM audit_entry UNION ALL SELECT ${COLUMNS} FROM audit_pending) AS e
      LEFT JOIN audit_outcome AS o ON o.entry_id = e.id
     WHERE ${Prisma.join(conditions, ' AND ')} ORDER BY e.id DESC LIMIT ${limit}`;
  return rows.map(toView);
}

function toView(row: AuditRow): AuditEntryView {
  const { at, kind, objectId, keyId, keyName, keyRole, keyMerchantId, ...entry } = row;
  return {
    ...entry,
    at: at.toISOString(),
    actor: { keyId, name: keyName, role: keyRole, merchantId: keyMerchantId },
    object: { kind, id: objectId },
  };
}
