import { Prisma, type Sql } from '../../db/client.ts';
import { batched } from '../../delivery/batch.ts';
import { newId } from '../../ids.ts';
import { Problem } from '../../problem.ts';
import type { Principal } from '../../route.ts';
import type { AuditEntryView } from './contract.ts';

type State = Record<string, unknown> | null;

/** What is known before the call is carried out. */
interface NewEntry {
  principal: Principal;
  action: string;
  object: { kind: string; id: string | null };
  merchantId: string | null;
  reason: string | null;
  asked: State;
  before: State;
  requestId: string;
  remoteAddress: string | null;
}

interface NewOutcome {
  entryId: string;
  status: number;
  after: State;
}

const BATCHES = { maxItems: 200, maxRuns: 2, maxWaiting: 5_000, whenFull: overloaded };

/** Writes the audit log. Calls that come together share a statement; each is committed on return. */
export function createAuditTrail(sql: Sql) {
  const begin = batched<NewEntry, string>(BATCHES, (entries) => insertEntries(sql, entries));
  const end = batched<NewOutcome, undefined>(BATCHES, (ends) => insertOutcomes(sql, ends));
  return {
    begin,
    async end(entryId: string, outcome: { status: number; after: State }): Promise<void> {
      await end({ entryId, ...outcome });
    },
  };
}

async function insertEntries(sql: Sql, entries: NewEntry[]): Promise<string[]> {
  const rows = entries.map(({ principal, object, ...entry }) => ({
    id: newId('aud'),
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
    INSERT INTO audit_entry (id, action, object_kind, object_id, merchant_id, key_id, key_name, key_role,
                             key_merchant_id, reason, asked, before_state, request_id, remote_address)
    SELECT * FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS e (
      id text, action text, object_kind text, object_id text, merchant_id text, key_id text,
      key_name text, key_role text, key_merchant_id text, reason text, asked jsonb,
      before_state jsonb, request_id text, remote_address text)`;
  return rows.map(({ id }) => id);
}

async function insertOutcomes(sql: Sql, outcomes: NewOutcome[]): Promise<undefined[]> {
  const rows = outcomes.map(({ entryId, status, after }) => ({
    entry_id: entryId,
    status,
    after_state: after,
  }));
  await sql.$executeRaw`
    INSERT INTO audit_outcome (entry_id, status, after_state)
    SELECT * FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS o (
      entry_id text, status int, after_state jsonb)`;
  return outcomes.map(() => undefined);
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
  keyRole: Principal['role'];
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
      FROM audit_entry AS e LEFT JOIN audit_outcome AS o ON o.entry_id = e.id
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

function overloaded(): Problem {
  return new Problem(503, 'unavailable', 'Too much waits already. Try again shortly.', {
    headers: { 'retry-after': '1' },
  });
}
