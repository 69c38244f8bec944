import type { Logger } from 'pino';
import { addDays, dayIn } from '../../api/calendar-day.ts';
import type { Database } from '../../platform/db/client.ts';
import { type Repeated, repeat } from '../../platform/time/periodic.ts';
import { mayClose, type Statement, type Statements } from '../statements/statements.ts';
import { advanceNotice, type DueNotice, findDueNotices } from './store.ts';
import { daysToTell, lastTold } from './times.ts';

const SECOND = 1000;
const LOOK_EVERY_MS = 15 * SECOND;
const PAGE = 50;

interface NoticeDeps {
  database: Database;
  statements: Pick<Statements, 'open'>;
  log: Pick<Logger, 'error'>;
}

/** Tells merchants that statements are ready, as their times come. Every worker looks; each day is told once. */
export function startNotices(deps: NoticeDeps): Repeated {
  return repeat(
    LOOK_EVERY_MS,
    (stopping) => tellReady(deps, stopping),
    (error) => deps.log.error({ err: error }, 'looking for statements to tell failed'),
  );
}

/** One look of every worker. What fails for one merchant is tried again with the next look. */
export async function tellReady(
  { database: { prisma }, statements, log }: NoticeDeps,
  stopping: AbortSignal,
): Promise<void> {
  for (let after = ''; ; ) {
    const due = await findDueNotices(prisma, after, PAGE);
    for (const notice of due) {
      if (stopping.aborted) return;
      await tellDays(prisma, statements, notice, stopping).catch((error) => {
        const { merchantId } = notice;
        if (!stopping.aborted) log.error({ err: error, merchantId }, 'a statement was not told');
      });
    }
    const last = due.at(-1);
    if (last === undefined || due.length < PAGE) return;
    after = last.merchantId;
  }
}

/**
 * The days of one merchant that are due. A crash before a day is noted makes its statement once more, which comes out
 * the same; one after it finds that the next day is due.
 */
async function tellDays(
  prisma: Database['prisma'],
  statements: Pick<Statements, 'open'>,
  notice: DueNotice,
  stopping: AbortSignal,
): Promise<void> {
  const { merchantId, timezone, now } = notice;
  if (!notice.isAskedFor) {
    await advanceNotice(prisma, notice, lastTold(now, notice), null);
    return;
  }
  let { nextDate } = notice;
  for (const date of daysToTell(nextDate, now, notice)) {
    // Until five minutes after its end the day is open, whatever the merchant has chosen. Nothing is made of it, or a
    // thousand merchants who have chosen midnight would have a thousand days added up with each look.
    if (!mayClose(dayIn(date, timezone), now)) return;
    const wanted = { merchantId, date, timezone, revision: null };
    const statement = await statements.open(wanted, stopping);
    await statement.close();
    // The clock was set back meanwhile.
    if (!statement.closed) return;
    const isOurs = await advanceNotice(prisma, { ...notice, nextDate }, date, dataOf(statement));
    if (!isOurs) return;
    nextDate = addDays(date, 1);
  }
}

function dataOf(statement: Statement): Record<string, unknown> {
  const { merchantId, date, timezone, revision, rowCount, totals, sha256 } = statement;
  const query = new URLSearchParams({
    merchantId,
    timezone,
    revision: String(revision),
    format: 'csv',
  });
  const path = `/v1/statements/${date}?${query}`;
  return { date, timezone, revision, rowCount, totals, sha256, path };
}
