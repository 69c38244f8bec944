import { addDays } from '../../api/calendar-day.ts';
import type { Database, Sql } from '../../platform/db/client.ts';
import { lastTold, type NoticeTime, noticeOf } from './times.ts';

/** A merchant's wish, and what is told next. */
export interface Notice extends NoticeTime {
  merchantId: string;
  nextDate: string;
  nextAt: Date;
}

type Columns = Pick<Notice, 'merchantId' | 'at' | 'timezone' | 'nextDate' | 'nextAt'>;

export async function findNotice(sql: Sql, merchantId: string): Promise<Notice | null> {
  const [row] = await sql.$queryRaw<Columns[]>`
    SELECT merchant_id AS "merchantId", at, timezone, next_date::text AS "nextDate", next_at AS "nextAt"
      FROM statement_notice WHERE merchant_id = ${merchantId}`;
  return row ?? null;
}

/**
 * Sets the time. In the same zone it goes on with the day that is told next; another zone's days are other days, and
 * begin with the one whose time comes next.
 *
 * @returns null where there is no such merchant
 */
export async function setNotice(
  { prisma }: Database,
  merchantId: string,
  time: NoticeTime,
): Promise<Notice | null> {
  const { at, timezone } = time;
  return prisma.$transaction(async (tx) => {
    // Who tells meanwhile waits, or has told.
    const [merchant] = await tx.$queryRaw<{ now: Date }[]>`
      SELECT postrider_now() AS now FROM merchant WHERE id = ${merchantId} FOR NO KEY UPDATE`;
    if (merchant === undefined) return null;
    await tx.$queryRaw`SELECT 1 FROM statement_notice WHERE merchant_id = ${merchantId} FOR UPDATE`;
    const before = await findNotice(tx, merchantId);
    const nextDate =
      before?.timezone === timezone ? before.nextDate : addDays(lastTold(merchant.now, time), 1);
    await tx.$executeRaw`
      INSERT INTO statement_notice (merchant_id, at, timezone, next_date, next_at)
      VALUES (${merchantId}, ${at}, ${timezone}, ${nextDate}::date, ${noticeOf(nextDate, time)})
      ON CONFLICT (merchant_id) DO UPDATE
        SET at = EXCLUDED.at, timezone = EXCLUDED.timezone, next_date = EXCLUDED.next_date,
            next_at = EXCLUDED.next_at`;
    return findNotice(tx, merchantId);
  });
}

export async function deleteNotice(sql: Sql, merchantId: string): Promise<void> {
  await sql.$executeRaw`DELETE FROM statement_notice WHERE merchant_id = ${merchantId}`;
}

export async function isMerchant(sql: Sql, id: string): Promise<boolean> {
  return (await sql.$queryRaw<unknown[]>`SELECT 1 FROM merchant WHERE id = ${id}`).length > 0;
}

export interface DueNotice extends Notice {
  now: Date;
  /** Somebody listens: the merchant, or operators. */
  isAskedFor: boolean;
}

/** Those whose time has come, by merchant. @param after the last merchant that was seen */
export function findDueNotices(sql: Sql, after: string, limit: number): Promise<DueNotice[]> {
  return sql.$queryRaw<DueNotice[]>`
    SELECT merchant_id AS "merchantId", at, timezone, next_date::text AS "nextDate", next_at AS "nextAt",
           postrider_now() AS now, is_asked_for('statement.ready', merchant_id) AS "isAskedFor"
      FROM statement_notice WHERE next_at <= postrider_now() AND merchant_id > ${after}
     ORDER BY merchant_id LIMIT ${limit}`;
}

/**
 * Goes on to the day after `date`, and notes that this one is ready, in one statement: of two workers that do the same
 * the second one finds that it has moved on.
 *
 * @param data null: it is passed over
 * @returns whether it was this call
 */
export async function advanceNotice(
  sql: Sql,
  { merchantId, at, timezone, nextDate }: Notice,
  date: string,
  data: Record<string, unknown> | null,
): Promise<boolean> {
  const next = addDays(date, 1);
  const rows = await sql.$queryRaw<unknown[]>`
    WITH moved AS (
      UPDATE statement_notice
         SET next_date = ${next}::date, next_at = ${noticeOf(next, { at, timezone })}
       WHERE merchant_id = ${merchantId} AND at = ${at} AND timezone = ${timezone}
         AND next_date = ${nextDate}::date
      RETURNING merchant_id
    )
    SELECT CASE WHEN ${data !== null} THEN note_fact('statement.ready', merchant_id,
                  merchant_id || ' ' || ${date} || ' ' || ${timezone}, ${JSON.stringify(data)}::jsonb)::text END
      FROM moved`;
  return rows.length === 1;
}
