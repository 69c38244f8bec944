import { z } from 'zod';
import { calendarDate, timezone } from '../../api/calendar-day.ts';
import { invalid, notFound } from '../../api/problem.ts';
import { type Principal, type Route, route } from '../../api/route.ts';
import type { Export } from '../exports/render.ts';
import { ALSO_ANSWERS, formatName, replyWith, wantedForm } from '../exports/reply.ts';
import { SHA256_OF, statementHeaders, statementView } from './contract.ts';
import { CSV_HEADER, csvLine, type StatementRow } from './row.ts';
import type { Statement, Statements } from './statements.ts';

const MAX_REVISION = 2 ** 31 - 1;

/** `/v1/statements/{date}`: what was accepted for a merchant on one day. */
export function statementRoutes(statements: Statements): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/statements/{date}',
      roles: ['merchant', 'operator'],
      tag: 'Recovery',
      summary: "A day's statement: one row a notification accepted that day",
      params: z.strictObject({ date: calendarDate }),
      query: z.strictObject({
        timezone: timezone.default('UTC'),
        merchantId: z.string().min(1).max(64).optional(),
        revision: z.coerce.number().int().min(0).max(MAX_REVISION).optional(),
        format: formatName,
      }),
      responses: { 200: statementView },
      responseHeaders: { 200: statementHeaders },
      alsoAnswers: ALSO_ANSWERS,
      async handle({ principal, params: { date }, query, headers, isGone, signal }) {
        const wanted = wantedForm(query.format, headers.accept);
        const merchantId = merchantOf(principal, query.merchantId);
        const { timezone, revision = null } = query;
        const wantedDay = { merchantId, date, timezone, revision };
        const statement = await statements.open(wantedDay, signal);
        return replyWith(exportOf(statement), {
          ...wanted,
          isGone,
          fileName: `statement-${merchantId}-${date}`,
          headers: {
            'postrider-sha256': statement.sha256,
            'postrider-sha256-of': SHA256_OF,
            'postrider-revision': String(statement.revision),
          },
        });
      },
    }),
  ];
}

/**
 * Whose books are asked for: a merchant's own, or the one that an operator names.
 *
 * @throws Problem 404 for somebody else's, 422 where an operator names none
 */
export function merchantOf(principal: Principal, named: string | undefined): string {
  if (principal.merchantId !== null) {
    if (named !== undefined && named !== principal.merchantId) throw notFound('merchant');
    return principal.merchantId;
  }
  if (named === undefined) throw invalid('query.merchantId', 'An operator must name the merchant.');
  return named;
}

function exportOf(statement: Statement): Export {
  const { date, timezone, merchantId, revision, closed, rowCount, sha256, totals } = statement;
  return {
    head: {
      date,
      timezone,
      merchantId,
      revision,
      closed,
      rowCount,
      sha256,
      sha256Of: SHA256_OF,
      totals,
    },
    csvHeader: CSV_HEADER,
    csvLine: (row) => csvLine(row as StatementRow, statement.isDefused),
    csvSha256: sha256,
    rowCount,
    chunks: () => statement.chunks(),
    close: () => statement.close(),
  };
}
