import { type Database, Prisma, type Sql } from '../../platform/db/client.ts';
import type { DifferenceKind, ReconciliationView, Record } from './contract.ts';

/** A merchant's list on its way in. */
export interface Upload {
  id: string;
  merchantId: string;
  date: string;
  timezone: string;
  sha256: string;
  createdBy: string;
  records: Record[];
}

const ROWS_AT_ONCE = 5000;

/**
 * Keeps a list for a worker to compare. One that came before is left as it is, unless its comparison
 * ended at `endedAt` and is to begin again. Then it goes on counting its differences where it was: no
 * number ever means another one.
 *
 * @param endedAt as the caller saw it, so that of several callers one begins it; null: there was none
 * @returns whether there is something to compare
 */
export async function insertReconciliation(
  { direct }: Database,
  upload: Upload,
  endedAt: string | null,
): Promise<boolean> {
  const { id, merchantId, date, timezone, sha256, createdBy, records } = upload;
  return direct.transaction(async (tx) => {
    const [begun] = await tx.$queryRaw<{ id: string }[]>`
        INSERT INTO reconciliation AS r
          (id, merchant_id, date, timezone, sha256, record_count, created_by)
        VALUES (${id}, ${merchantId}, ${date}::date, ${timezone}, ${sha256}, ${records.length},
          ${createdBy})
        ON CONFLICT ON CONSTRAINT reconciliation_file DO UPDATE
          SET status = 'running', finished_at = NULL, as_of = NULL, result_count = NULL,
              row_count = NULL, compared_count = 0, compared_to = '', matched = 0, tries = 0,
              lease_until = NULL
          WHERE r.finished_at = ${endedAt}::timestamptz
        RETURNING r.id`;
    if (begun === undefined) return false;
    await tx.$executeRaw`DELETE FROM reconciliation_row WHERE reconciliation_id = ${begun.id}`;
    for (let from = 0; from < records.length; from += ROWS_AT_ONCE) {
      await insertRecords(tx, begun.id, records.slice(from, from + ROWS_AT_ONCE));
    }
    return true;
  });
}

async function insertRecords(tx: Sql, id: string, records: Record[]): Promise<void> {
  await tx.$executeRaw`
    INSERT INTO reconciliation_row (reconciliation_id, business_key, merchant_status, merchant_amount,
                                    merchant_currency)
    SELECT ${id}, r.* FROM unnest(${records.map((record) => record.businessKey)}::text[],
      ${records.map((record) => record.status)}::text[],
      ${records.map((record) => record.amount)}::numeric[],
      ${records.map((record) => record.currency)}::text[]) AS r`;
}

/** What decides whether a list of a merchant can be taken. */
export interface Standing {
  now: Date;
  /** Of days before, the notifications may be gone. */
  keptFrom: Date;
  /** Lists of this merchant that are not compared yet. */
  running: number;
  /** Records of its lists in the last 24 hours. */
  recordsToday: number;
}

/** @returns null where there is no such merchant */
export async function findStanding(sql: Sql, merchantId: string): Promise<Standing | null> {
  const [row] = await sql.$queryRaw<Standing[]>`
    SELECT postrider_now() AS now, kept_from AS "keptFrom",
           (SELECT count(*)::int FROM reconciliation AS r
             WHERE r.status = 'running' AND r.merchant_id = merchant.id) AS running,
           (SELECT coalesce(sum(r.record_count), 0)::int FROM reconciliation AS r
             WHERE r.merchant_id = merchant.id
               AND r.created_at > postrider_now() - interval '24 hours') AS "recordsToday"
      FROM merchant CROSS JOIN retention WHERE merchant.id = ${merchantId}`;
  return row ?? null;
}

interface ReconciliationRow {
  id: string;
  merchantId: string;
  date: string;
  timezone: string;
  status: ReconciliationView['status'];
  recordCount: number;
  rowCount: number | null;
  comparedCount: number;
  matched: number;
  counts: Partial<{ [kind in DifferenceKind | 'matched']: number }> | null;
  createdAt: Date;
  finishedAt: Date | null;
  asOf: Date | null;
}

// Where it was not noted when our side was collected, it was at least as late as the list came.
const SELECT = Prisma.sql`
  SELECT r.id, r.merchant_id AS "merchantId", r.date::text AS date, r.timezone, r.status,
         r.record_count AS "recordCount", r.row_count AS "rowCount",
         r.compared_count AS "comparedCount", r.matched, r.created_at AS "createdAt",
         r.finished_at AS "finishedAt",
         CASE WHEN r.row_count IS NOT NULL THEN coalesce(r.as_of, r.created_at) END AS "asOf",
         (SELECT json_object_agg(k.kind, k.count)
            FROM (SELECT kind, count(*)::int AS count FROM reconciliation_difference
                   WHERE reconciliation_id = r.id GROUP BY kind) AS k) AS counts
    FROM reconciliation AS r`;

/** @param merchantId whose it must be; null: anybody's */
export async function findReconciliation(
  sql: Sql,
  merchantId: string | null,
  id: string,
): Promise<ReconciliationView | null> {
  const rows = await sql.$queryRaw<ReconciliationRow[]>`
    ${SELECT} WHERE r.id = ${id} AND (${merchantId}::text IS NULL OR r.merchant_id = ${merchantId})`;
  return rows.map(toView)[0] ?? null;
}

/** The one that a list belongs to. */
export async function findByFile(
  sql: Sql,
  { merchantId, date, timezone, sha256 }: Omit<Upload, 'id' | 'records' | 'createdBy'>,
): Promise<ReconciliationView | null> {
  const rows = await sql.$queryRaw<ReconciliationRow[]>`
    ${SELECT} WHERE r.merchant_id = ${merchantId} AND r.date = ${date}::date
                AND r.timezone = ${timezone} AND r.sha256 = ${sha256}`;
  return rows.map(toView)[0] ?? null;
}

export interface ReconciliationFilter {
  merchantId?: string[] | undefined;
  date?: string | undefined;
  status?: string[] | undefined;
}

/** Newest first. @param before the id of the last one seen */
export async function listReconciliations(
  sql: Sql,
  merchantId: string | null,
  filter: ReconciliationFilter,
  before: string | null,
  limit: number,
): Promise<ReconciliationView[]> {
  const conditions = [
    merchantId === null ? null : Prisma.sql`r.merchant_id = ${merchantId}`,
    before === null ? null : Prisma.sql`r.id < ${before}`,
    filter.merchantId ? Prisma.sql`r.merchant_id = ANY (${filter.merchantId})` : null,
    filter.date ? Prisma.sql`r.date = ${filter.date}::date` : null,
    filter.status ? Prisma.sql`r.status = ANY (${filter.status})` : null,
  ].filter((condition) => condition !== null);
  const where = conditions.length > 0 ? Prisma.join(conditions, ' AND ') : Prisma.sql`true`;
  const rows = await sql.$queryRaw<ReconciliationRow[]>`
    ${SELECT} WHERE ${where} ORDER BY r.id DESC LIMIT ${limit}`;
  return rows.map(toView);
}

function toView(row: ReconciliationRow): ReconciliationView {
  const { counts, rowCount, comparedCount, createdAt, finishedAt, asOf, matched, ...shown } = row;
  const { matched: settled = 0, ...differences } = counts ?? {};
  return {
    ...shown,
    progress: row.status === 'completed' ? 1 : progressOf(comparedCount, rowCount ?? 0),
    matched: matched + settled,
    differences: { ...NONE, ...differences },
    createdAt: createdAt.toISOString(),
    finishedAt: finishedAt?.toISOString() ?? null,
    asOf: asOf?.toISOString() ?? null,
  };
}

/** All compared is not all: the days beside it are still to be settled. */
function progressOf(compared: number, rows: number): number {
  return Math.floor((compared / Math.max(rows, 1)) * 99) / 100;
}

const NONE: ReconciliationView['differences'] = {
  gateway_only: 0,
  merchant_only: 0,
  status_mismatch: 0,
  amount_mismatch: 0,
  currency_mismatch: 0,
  pending_cutoff: 0,
};
