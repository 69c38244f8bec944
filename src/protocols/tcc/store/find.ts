import { type Found, lookThrough } from '../../../api/pagination.ts';
import { SHOWN_REASON } from '../../../engine/store/shown-reason.ts';
import { Prisma, type Sql } from '../../../platform/db/client.ts';
import type { TransactionView } from '../contract.ts';

/** The producer's key whose transactions are meant; null: everybody's. */
export type Scope = string | null;

export interface TransactionFilter {
  businessKey?: string[] | undefined;
  status?: string[] | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

export interface TransactionRow extends Omit<TransactionView, Moments | 'branches'> {
  /** Each payload is JSON text, as it was written. */
  branches: (Omit<TransactionView['branches'][number], 'payload'> & { payload: string })[];
  id: string;
  fingerprint: string;
  createdAt: Date;
  timeoutAt: Date;
  decidedAt: Date | null;
  suspendedAt: Date | null;
  finishedAt: Date | null;
}

type Moments = 'createdAt' | 'timeoutAt' | 'decidedAt' | 'suspendedAt' | 'finishedAt';

/** The newest attempts of a call that are shown with its branch; the rest is in its delivery's log. */
const ATTEMPTS_SHOWN = 20;

/** RFC 3339, as everywhere. */
function time(column: string): Prisma.Sql {
  return Prisma.raw(`to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`);
}

const ATTEMPTS = Prisma.sql`
  SELECT coalesce(json_agg(json_build_object('number', a.number, 'cycle', a.cycle,
      'trigger', a.trigger, 'startedAt', ${time('a.started_at')}, 'durationMs', a.duration_ms,
      'outcome', a.outcome, 'statusCode', a.status_code, 'responseExcerpt', a.response_excerpt,
      'error', a.error) ORDER BY a.cycle, a.number), '[]')
    FROM (SELECT * FROM attempt WHERE delivery_id = d.id
           ORDER BY cycle DESC, number DESC LIMIT ${ATTEMPTS_SHOWN}) AS a`;

/** The deliveries of a branch: its try, where the gateway makes it, and its second phase. */
const CALLS = Prisma.sql`
  SELECT coalesce(json_agg(json_build_object('op', d.purpose, 'deliveryId', d.id,
      'status', d.status, 'reason', ${SHOWN_REASON},
            'cycle', d.cycle, 'attemptCount', d.attempt_count,
      'nextAttemptAt', CASE WHEN d.status = 'pending' THEN ${time('d.due_at')} END,
      'deadlineAt', ${time('d.deadline_at')}, 'attempts', (${ATTEMPTS})) ORDER BY d.id), '[]')
    FROM delivery AS d WHERE d.owner_id = b.id AND d.owner_kind = 'tcc'`;

const COLUMNS = Prisma.sql`
  t.id, t.fingerprint, t.gid, t.producer_key_id AS "producer", t.business_key AS "businessKey", t.mode, t.status,
  t.decision, t.cause, t.reason, t.timeout_seconds AS "timeoutSeconds", t.created_at AS "createdAt",
  t.timeout_at AS "timeoutAt", t.decided_at AS "decidedAt", t.suspended_at AS "suspendedAt",
  t.finished_at AS "finishedAt",
  (SELECT coalesce(json_agg(json_build_object('branchId', b.branch_id, 'status', b.status,
      'tryUrl', b.try_url, 'confirmUrl', b.confirm_url, 'cancelUrl', b.cancel_url,
      'payload', b.payload::text, 'failures', b.failures, 'resolvedReason', b.resolved_reason,
      'registeredAt', ${time('b.registered_at')}, 'finishedAt', ${time('b.finished_at')},
      'calls', (${CALLS})) ORDER BY b.position), '[]')
     FROM tcc_branch AS b WHERE b.transaction_id = t.id) AS branches`;

export async function findTransaction(sql: Sql, id: string): Promise<TransactionRow | null> {
  const rows = await sql.$queryRaw<TransactionRow[]>`
    SELECT ${COLUMNS} FROM tcc_transaction AS t WHERE t.id = ${id}`;
  return rows[0] ?? null;
}

/**
 * Newest first. Of all but whose they are, and a key, a page looks through `MOST_LOOKED_THROUGH` rows.
 *
 * @param before the id of the last one seen
 */
export async function listTransactions(
  sql: Sql,
  scope: Scope,
  filter: TransactionFilter,
  before: string | null,
  limit: number,
): Promise<Found<TransactionRow>> {
  const from = Prisma.sql`FROM tcc_transaction AS t WHERE ${within(scope, filter)}
    AND ${before === null ? Prisma.sql`true` : Prisma.sql`t.id < ${before}`} ORDER BY t.id DESC`;
  const passing = [
    visible(scope),
    filter.businessKey && Prisma.sql`t.business_key = ANY (${filter.businessKey})`,
    filter.status && Prisma.sql`t.status = ANY (${filter.status})`,
    filter.from ? Prisma.sql`t.created_at >= ${new Date(filter.from)}` : null,
    filter.to ? Prisma.sql`t.created_at < ${new Date(filter.to)}` : null,
  ].filter((condition) => condition != null);
  const look = (count: number) => sql.$queryRaw<TransactionRow[]>`
    SELECT ${COLUMNS} FROM (SELECT t.* ${from} LIMIT ${Prisma.raw(String(count))}) AS t
     WHERE ${Prisma.join(passing, ' AND ')} ORDER BY t.id DESC LIMIT ${limit}`;
  return lookThrough<TransactionRow>({
    limit,
    look,
    async endOf(count) {
      const [end] = await sql.$queryRaw<{ id: string }[]>`
        SELECT t.id ${from} OFFSET ${Prisma.raw(String(count - 1))} LIMIT 1`;
      return end?.id ?? null;
    },
    keyOf: ({ id }) => id,
  });
}

/** What an index has in the order of the list. What is suspended has one of its own: it is old, and few are. */
function within(scope: Scope, { businessKey, status }: TransactionFilter): Prisma.Sql {
  if (businessKey?.length === 1) return Prisma.sql`t.business_key = ${businessKey[0]}`;
  const isSuspended = status?.length === 1 && status[0] === 'suspended';
  return isSuspended ? Prisma.sql`t.status = 'suspended'` : visible(scope);
}

/** What deciding needs to know, and waiting for the end. */
export interface State {
  id: string;
  producer: string;
  status: TransactionView['status'];
  mode: TransactionView['mode'];
  decision: TransactionView['decision'];
  cause: TransactionView['cause'];
  timedOut: boolean;
}

const STATE = Prisma.sql`
  t.id, t.producer_key_id AS "producer", t.status, t.mode, t.decision, t.cause,
  t.timeout_at <= postrider_now() AS "timedOut"`;

export async function findState(sql: Sql, id: string): Promise<State | null> {
  const rows = await sql.$queryRaw<State[]>`
    SELECT ${STATE} FROM tcc_transaction AS t WHERE t.id = ${id}`;
  return rows[0] ?? null;
}

/** At most two: whoever sees more than one producer's must know that the gid alone is not enough. */
export async function findStates(sql: Sql, scope: Scope, gid: string): Promise<State[]> {
  return sql.$queryRaw<State[]>`
    SELECT ${STATE} FROM tcc_transaction AS t WHERE t.gid = ${gid} AND ${visible(scope)} LIMIT 2`;
}

export interface BranchState {
  id: string;
  transactionId: string;
  fingerprint: string;
  producerKeyId: string;
  isFinished: boolean;
  decision: 'confirm' | 'cancel' | null;
  /** Of its second phase. */
  deliveryId: string | null;
  /** Branches that come first have finished. */
  isItsTurn: boolean;
}

export async function findBranch(
  sql: Sql,
  transactionId: string,
  branchId: string,
): Promise<BranchState | null> {
  return findBranchWhere(
    sql,
    Prisma.sql`b.transaction_id = ${transactionId} AND b.branch_id = ${branchId}`,
  );
}

/** @param id the owner of the branch's deliveries */
export async function findBranchById(sql: Sql, id: string): Promise<BranchState | null> {
  return findBranchWhere(sql, Prisma.sql`b.id = ${id}`);
}

async function findBranchWhere(sql: Sql, which: Prisma.Sql): Promise<BranchState | null> {
  const rows = await sql.$queryRaw<BranchState[]>`
    SELECT b.id, t.id AS "transactionId", b.fingerprint,
           t.producer_key_id AS "producerKeyId", b.finished_at IS NOT NULL AS "isFinished", t.decision,
           (SELECT d.id FROM delivery AS d WHERE d.owner_id = b.id AND d.purpose = t.decision)
             AS "deliveryId",
           NOT EXISTS (SELECT 1 FROM tcc_branch AS o
             WHERE o.transaction_id = b.transaction_id AND o.finished_at IS NULL AND CASE t.decision WHEN 'confirm' THEN o.position < b.position
                                 ELSE o.position > b.position END) AS "isItsTurn"
      FROM tcc_branch AS b JOIN tcc_transaction AS t ON t.id = b.transaction_id
     WHERE ${which}`;
  return rows[0] ?? null;
}

/** What a call of a branch says. */
export interface Content {
  id: string;
  gid: string;
  branchId: string;
  producerKeyId: string;
  isTrying: boolean;
  payload: string;
}

export async function findContents(sql: Sql, branchIds: string[]): Promise<Map<string, Content>> {
  const rows = await sql.$queryRaw<Content[]>`
    SELECT b.id, t.gid, b.branch_id AS "branchId", t.producer_key_id AS "producerKeyId",
           t.status = 'trying' AS "isTrying", b.payload::text AS payload
      FROM tcc_branch AS b JOIN tcc_transaction AS t ON t.id = b.transaction_id
     WHERE b.id = ANY (${branchIds})`;
  return new Map(rows.map((row) => [row.id, row]));
}

function visible(scope: Scope): Prisma.Sql {
  return scope === null ? Prisma.sql`true` : Prisma.sql`t.producer_key_id = ${scope}`;
}
