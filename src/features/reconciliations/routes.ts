import { z } from 'zod';
import { calendarDate, timezone } from '../../api/calendar-day.ts';
import { decodeCursor, oneOrMore, pageOf, pageQuery, toPage } from '../../api/pagination.ts';
import { invalid, notFound } from '../../api/problem.ts';
import { type Principal, type Role, type Route, route } from '../../api/route.ts';
import type { DeliveryCommands } from '../../engine/commands.ts';
import type { Database, Sql } from '../../platform/db/client.ts';
import { idFromUuid } from '../../platform/ids.ts';
import {
  ALSO_ANSWERS,
  exportHeaders,
  formatName,
  replyWith,
  wantedForm,
} from '../exports/reply.ts';
import { merchantOf } from '../statements/routes.ts';
import { openAdjustments } from './adjustments.ts';
import {
  differenceKind,
  differenceView,
  handleAction,
  MAX_FILE_BYTES,
  reconciliationInput,
  reconciliationStatus,
  reconciliationView,
} from './contract.ts';
import { adjustmentsView } from './contract-adjustments.ts';
import { handleDifference, resendMissing } from './handle.ts';
import { readCsvRecords, refuseDuplicates } from './records.ts';
import { findReconciliation, listReconciliations } from './store.ts';
import { listDifferences } from './store-differences.ts';
import { takeList } from './upload.ts';

interface ReconciliationDeps {
  database: Database;
  commands: Pick<DeliveryCommands, 'resend'>;
  /** Told of each new list, so that this process' worker need not find it out by itself. */
  reconcileNow(): void;
}

const ROLES: readonly Role[] = ['merchant', 'operator'];
const MAX_NUMBER = 2 ** 31 - 1;

const params = z.strictObject({ id: z.string().min(1).max(64) });

/** `/v1/reconciliations`: a merchant's own list of a day, compared with ours. */
export function reconciliationRoutes(deps: ReconciliationDeps): Route[] {
  const { database, commands, reconcileNow } = deps;
  const sql = database.prisma;
  const visible = async (from: Sql, principal: Principal, id: string) => {
    const found = await findReconciliation(from, principal.merchantId, id);
    if (found === null) throw notFound('reconciliation');
    return found;
  };
  const look = async ({ principal }: { principal: Principal }, id: string) => {
    const found = await findReconciliation(sql, principal.merchantId, id);
    if (found === null) return null;
    const { merchantId, date, timezone, status, recordCount, differences } = found;
    return { merchantId, state: { date, timezone, status, recordCount, differences } };
  };

  return [
    route({
      method: 'post',
      path: '/v1/reconciliations',
      roles: ROLES,
      tag: 'Recovery',
      summary: "Compare a merchant's own list of a day with ours, as JSON or CSV",
      query: z.strictObject({
        merchantId: z.string().min(1).max(64).optional(),
        timezone: timezone.default('UTC'),
        date: calendarDate.optional().describe('With CSV: the day of the list.'),
      }),
      body: reconciliationInput.optional(),
      textTypes: ['text/csv'],
      bodyLimitBytes: MAX_FILE_BYTES,
      responses: { 202: reconciliationView, 200: reconciliationView },
      audit: {
        action: 'reconciliation.create',
        id: ({ reservedId }) => idFromUuid('rec', reservedId),
        asked: ({ query: { timezone, date }, body }) => ({ date: body?.date ?? date, timezone }),
        look,
      },
      async handle({ principal, query, body, rawBody, reservedId }) {
        const merchantId = merchantOf(principal, query.merchantId);
        const date = body === undefined ? query.date : body.date;
        if (date === undefined) throw invalid('query.date', 'Required with CSV.');
        if (query.date !== undefined && query.date !== date) {
          throw invalid('query.date', 'The body names another day.');
        }
        const records = body === undefined ? await readCsvRecords(rawBody) : body.records;
        await refuseDuplicates(records, (index) =>
          body === undefined ? `row ${index + 2}` : `body.records.${index}.businessKey`,
        );
        const { hasBegun, reconciliation } = await takeList(database, {
          id: idFromUuid('rec', reservedId),
          merchantId,
          date,
          timezone: query.timezone,
          createdBy: principal.keyId,
          records,
        });
        if (hasBegun) reconcileNow();
        return { status: hasBegun ? 202 : 200, body: reconciliation };
      },
    }),
    route({
      method: 'get',
      path: '/v1/reconciliations',
      roles: ROLES,
      tag: 'Recovery',
      summary: 'Reconciliations, newest first',
      query: pageQuery.extend({
        merchantId: oneOrMore(z.string().min(1)).optional(),
        date: calendarDate.optional(),
        status: oneOrMore(reconciliationStatus).optional(),
      }),
      responses: { 200: pageOf(reconciliationView) },
      async handle({ principal, query, reads }) {
        const { limit } = query;
        const before = decodeCursor(query.cursor);
        const rows = await listReconciliations(
          reads,
          principal.merchantId,
          query,
          before,
          limit + 1,
        );
        const idOf = (row: (typeof rows)[number]) => row.id;
        return { status: 200, body: toPage(rows, limit, idOf, (row) => row) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/reconciliations/{id}',
      roles: ROLES,
      tag: 'Recovery',
      summary: 'How far a reconciliation is and what it found',
      params,
      responses: { 200: reconciliationView },
      async handle({ principal, params: { id }, reads }) {
        return { status: 200, body: await visible(reads, principal, id) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/reconciliations/{id}/differences',
      roles: ROLES,
      tag: 'Recovery',
      summary: 'The differences, by number',
      params,
      query: pageQuery.extend({
        kind: oneOrMore(differenceKind).optional(),
        handled: z.enum(['true', 'false']).optional().describe('Settled by somebody, or not yet.'),
      }),
      responses: { 200: pageOf(differenceView) },
      async handle({ principal, params: { id }, query: { limit, cursor, kind, handled }, reads }) {
        await visible(reads, principal, id);
        const wanted = {
          kinds: kind,
          isHandled: handled === undefined ? null : handled === 'true',
        };
        const rows = await listDifferences(reads, id, wanted, afterNumber(cursor), limit + 1);
        const numberOf = (row: (typeof rows)[number]) => String(row.number);
        return { status: 200, body: toPage(rows, limit, numberOf, (row) => row) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/reconciliations/{id}/differences/{number}/handle',
      roles: ROLES,
      tag: 'Recovery',
      summary: 'Settle a difference by hand: send it again, or say whose book is right',
      params: params.extend({ number: z.coerce.number().int().min(1).max(MAX_NUMBER) }),
      body: z.strictObject({ action: handleAction, reason: z.string().min(1).max(500) }),
      responses: { 200: differenceView },
      audit: {
        action: 'reconciliation.handle',
        asked: ({ params: { number }, body: { action } }) => ({ number, action }),
        look,
      },
      async handle({ principal, params: { id, number }, body }) {
        await visible(sql, principal, id);
        const handling = { ...body, by: { keyId: principal.keyId, name: principal.name } };
        const handled = await handleDifference({ sql, commands }, id, number, handling);
        return { status: 200, body: handled };
      },
    }),
    route({
      method: 'get',
      path: '/v1/reconciliations/{id}/adjustments',
      roles: ROLES,
      tag: 'Recovery',
      summary: 'The adjustment list: what the settled differences change, and in whose book',
      params,
      query: z.strictObject({ format: formatName }),
      responses: { 200: adjustmentsView },
      responseHeaders: { 200: exportHeaders },
      alsoAnswers: ALSO_ANSWERS,
      async handle({ principal, params: { id }, query, headers, isGone, reads }) {
        const wanted = wantedForm(query.format, headers.accept);
        const found = await visible(reads, principal, id);
        const fileName = `adjustments-${found.merchantId}-${found.date}-${id}`;
        return replyWith(await openAdjustments(reads, found), { ...wanted, fileName, isGone });
      },
    }),
    route({
      method: 'post',
      path: '/v1/reconciliations/{id}/resend-missing',
      roles: ROLES,
      tag: 'Recovery',
      summary: "Send again whatever the merchant's list does not have",
      params,
      responses: {
        202: z.object({
          matched: z.number().int(),
          resent: z.number().int(),
          skipped: z.number().int(),
          remaining: z.number().int(),
        }),
      },
      audit: { action: 'reconciliation.resend-missing', look },
      async handle({ principal, params: { id } }) {
        await visible(sql, principal, id);
        const by = { keyId: principal.keyId, name: principal.name };
        return { status: 202, body: await resendMissing({ sql, commands }, id, by) };
      },
    }),
  ];
}

function afterNumber(cursor: string | undefined): number {
  const key = decodeCursor(cursor) ?? '0';
  if (!/^\d{1,9}$/.test(key)) throw invalid('query.cursor', 'This is not a cursor of this list.');
  return Number(key);
}
