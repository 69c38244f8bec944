import type { Day } from '../../api/calendar-day.ts';
import type { Database } from '../../platform/db/client.ts';
import { sqlStateOf } from '../../platform/db/database-error.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import { IS_OPERATIONAL, type Queryable, rowsBetween } from './store-rows.ts';
import { type Summary, summarize } from './summary.ts';

type Pool = Database['pool'];

/** A statement that was made and will never change. */
export interface Kept extends Summary {
  id: string;
  revision: number;
  isDefused: boolean;
}

interface KeptRow {
  id: string;
  revision: number;
  row_count: number;
  sha256: string;
  totals: Summary['totals'];
  is_defused: boolean;
}

/** Of a merchant's day. @param revision null: the latest */
export async function findKept(
  pool: Queryable,
  merchantId: string,
  { date, timezone }: Day,
  revision: number | null,
): Promise<Kept | null> {
  const { rows } = await pool.query<KeptRow>(
    `SELECT id, revision, row_count, sha256, totals, is_defused FROM statement
      WHERE merchant_id = $1 AND date = $2 AND timezone = $3 AND ($4::int IS NULL OR revision = $4)
      ORDER BY revision DESC LIMIT 1`,
    [merchantId, date, timezone, revision],
  );
  const [row] = rows;
  if (row === undefined) return null;
  const { row_count: rowCount, is_defused: isDefused, ...kept } = row;
  return { ...kept, rowCount, isDefused };
}

/** @returns null where there is no such merchant */
export async function findMerchant(
  pool: Pool,
  merchantId: string,
): Promise<{ now: Date; since: Date } | null> {
  const { rows } = await pool.query<{ now: Date; since: Date }>(
    'SELECT postrider_now() AS now, created_at AS since FROM merchant WHERE id = $1',
    [merchantId],
  );
  return rows[0] ?? null;
}

/** A day as the notifications have it. */
export interface LiveDay {
  /** How many there are: a scan of one index. */
  rows: number;
  /** Some of them may be gone: the day reaches behind the horizon of retention. */
  isPartial: boolean;
  /** A UTC day that it touches has a statement with rows. */
  isArchived: boolean;
}

export async function findLiveDay(
  pool: Pool,
  merchantId: string,
  { startsAt, endsAt }: Day,
): Promise<LiveDay> {
  const { rows } = await pool.query<LiveDay>(
    // Two counts, so that both are scans of one index.
    `SELECT count(*)::int - (SELECT count(*)::int FROM notification
                              WHERE merchant_id = $1 AND accepted_at >= $2::timestamptz
                                AND accepted_at < $3::timestamptz AND ${IS_OPERATIONAL}) AS rows,
            (SELECT kept_from > $2::timestamptz FROM retention) AS "isPartial",
            EXISTS (SELECT 1 FROM statement
                     WHERE merchant_id = $1 AND timezone = 'UTC' AND row_count > 0
                       AND date BETWEEN ($2::timestamptz AT TIME ZONE 'UTC')::date
                                    AND ($3::timestamptz AT TIME ZONE 'UTC')::date) AS "isArchived"
       FROM notification WHERE merchant_id = $1 AND accepted_at >= $2::timestamptz
        AND accepted_at < $3::timestamptz`,
    [merchantId, startsAt, endsAt],
  );
  return rows[0] ?? { rows: 0, isPartial: true, isArchived: true };
}

/**
 * Reads the day as it is now into the hands of `keep`.
 *
 * @throws RowsGoneError where retention has come between
 */
export function summarizeLive(
  pool: Pool,
  merchantId: string,
  { startsAt, endsAt }: Day,
  keep: (chunk: Buffer) => Promise<void>,
): Promise<Summary> {
  return summarize(rowsBetween(pool, merchantId, startsAt, endsAt), keep);
}

/**
 * Makes the next revision of a day's statement, all of it or nothing, of rows that were read before: while
 * they are read no transaction is open, which would hold back everybody's feed.
 *
 * @returns null where another process made that revision first
 */
export async function keepStatement(
  pool: Pool,
  merchantId: string,
  { date, timezone }: Day,
  revision: number,
  summary: Summary,
  chunks: AsyncIterable<Buffer>,
): Promise<Kept | null> {
  const { rowCount, sha256, totals } = summary;
  try {
    return await inTransaction(pool, async (client) => {
      const { rows } = await client.query<{ id: string }>(
        `INSERT INTO statement (merchant_id, date, timezone, revision, row_count, sha256, totals, is_defused)
         VALUES ($1, $2, $3, $4, $5, $6, $7, true) RETURNING id`,
        [merchantId, date, timezone, revision, rowCount, sha256, JSON.stringify(totals)],
      );
      const id = rows[0]?.id ?? '';
      let number = 0;
      for await (const chunk of chunks) {
        await client.query(
          'INSERT INTO statement_chunk (statement_id, number, rows) VALUES ($1, $2, $3)',
          [id, number, chunk],
        );
        number += 1;
      }
      return { id, revision, ...summary, isDefused: true };
    });
  } catch (error) {
    if (sqlStateOf(error) !== UNIQUE_VIOLATION) throw error;
    return null;
  }
}

const UNIQUE_VIOLATION = '23505';
