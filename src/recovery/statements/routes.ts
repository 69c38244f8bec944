import { Readable } from 'node:stream';
import { z } from 'zod';
import { invalid, notFound } from '../../problem.ts';
import { type Principal, type Route, route } from '../../route.ts';
import { FORMATS, type Format, formatFor } from './accepts.ts';
import { SHA256_OF, statementHeaders, statementView } from './contract.ts';
import { calendarDate, timezone } from './day.ts';
import { reprDigest } from './digest.ts';
import { render } from './format.ts';
import type { Statement, Statements } from './statements.ts';

const MAX_REVISION = 2 ** 31 - 1;
const PIECE_BYTES = 64 * 1024;
/** Names for those that cannot say `Accept`, such as a link in a browser. */
const NAMED: Record<'json' | 'csv' | 'ndjson', Format> = {
  json: 'application/json',
  csv: 'text/csv',
  ndjson: 'application/x-ndjson',
};
const EXTENSIONS = {
  'application/json': 'json',
  'text/csv': 'csv',
  'application/x-ndjson': 'ndjson',
};

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
        format: z
          .enum(['json', 'csv', 'ndjson'])
          .optional()
          .describe('In place of `Accept`, for links: answers as a file to be kept.'),
      }),
      responses: { 200: statementView },
      responseHeaders: { 200: statementHeaders },
      alsoAnswers: FORMATS.filter((format) => format !== 'application/json'),
      async handle({ principal, params: { date }, query, headers, isGone }) {
        const named = query.format && NAMED[query.format];
        const format = named ?? formatFor(headers.accept);
        const merchantId = merchantOf(principal, query.merchantId);
        const { timezone, revision = null } = query;
        const statement = await statements.open({ merchantId, date, timezone, revision });
        // At worst a temporary file stays for the system to clean up.
        const close = () => void statement.close().catch(() => {});
        const digest = await reprDigest(statement, format, isGone).catch((error) => {
          close();
          throw error;
        });
        const stream = Readable.from(render(statement, format), {
          objectMode: false,
          highWaterMark: PIECE_BYTES,
        });
        stream.once('close', close);
        const about = headersOf(statement, format, named);
        return { status: 200, headers: { ...about, 'repr-digest': digest }, stream };
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

function headersOf(
  statement: Statement,
  format: Format,
  named: Format | undefined,
): Record<string, string> {
  const { merchantId, date, rowCount, sha256, revision } = statement;
  return {
    'content-type': format === 'application/x-ndjson' ? format : `${format}; charset=utf-8`,
    vary: 'Accept',
    'postrider-row-count': String(rowCount),
    'postrider-sha256': sha256,
    'postrider-sha256-of': SHA256_OF,
    'postrider-revision': String(revision),
    ...((named !== undefined || format === 'text/csv') && {
      'content-disposition': `attachment; filename="statement-${merchantId}-${date}.${EXTENSIONS[format]}"`,
    }),
  };
}
