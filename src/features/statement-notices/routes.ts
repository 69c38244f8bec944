import { z } from 'zod';
import { timezone } from '../../api/calendar-day.ts';
import { notFound } from '../../api/problem.ts';
import { type Principal, type Role, type Route, route } from '../../api/route.ts';
import type { Database, Sql } from '../../platform/db/client.ts';
import { deleteNotice, findNotice, isMerchant, type Notice, setNotice } from './store.ts';

const ROLES: readonly Role[] = ['operator', 'merchant'];
const PATH = '/v1/merchants/{merchantId}/statement-notice';

const params = z.strictObject({ merchantId: z.string().min(1).max(64) });

const noticeTime = z.strictObject({
  at: z
    .string()
    .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'A time such as 08:30.')
    .describe('On the day after the statement’s, by the clocks of `timezone`.'),
  timezone: timezone.default('UTC').describe('The zone of the statement’s day, and of `at`.'),
});

const noticeView = z.object({
  merchantId: z.string(),
  at: z.string().nullable().describe('null, as are the others: nothing is told.'),
  timezone: z.string().nullable(),
  nextDate: z.string().nullable().describe('The day whose statement is told next.'),
  nextAt: z.iso.datetime().nullable(),
});

/** `/v1/merchants/{merchantId}/statement-notice`: when a merchant is told that a day's statement is ready. */
export function statementNoticeRoutes({ database }: { database: Database }): Route[] {
  const { prisma } = database;
  const look = async ({ principal }: { principal: Principal }, merchantId: string) => {
    requireOwn(principal, merchantId);
    const found = await findNotice(prisma, merchantId);
    return found && { merchantId, state: { at: found.at, timezone: found.timezone } };
  };
  return [
    route({
      method: 'get',
      path: PATH,
      roles: ROLES,
      tag: 'Recovery',
      summary: 'Read when a merchant is told that a statement is ready',
      params,
      responses: { 200: noticeView },
      async handle({ principal, params: { merchantId }, reads }) {
        requireOwn(principal, merchantId);
        await requireMerchant(reads, merchantId);
        return { status: 200, body: toView(merchantId, await findNotice(reads, merchantId)) };
      },
    }),
    route({
      method: 'put',
      path: PATH,
      roles: ROLES,
      tag: 'Recovery',
      summary: 'Have `statement.ready` told daily to the endpoints that ask for it',
      params,
      body: noticeTime,
      responses: { 200: noticeView },
      audit: { action: 'statement-notice.update', look },
      async handle({ principal, params: { merchantId }, body }) {
        requireOwn(principal, merchantId);
        const notice = await setNotice(database, merchantId, body);
        if (notice === null) throw notFound('merchant');
        return { status: 200, body: toView(merchantId, notice) };
      },
    }),
    route({
      method: 'delete',
      path: PATH,
      roles: ROLES,
      tag: 'Recovery',
      summary: 'Have it told no more',
      params,
      responses: { 204: null },
      audit: { action: 'statement-notice.delete', look },
      async handle({ principal, params: { merchantId } }) {
        requireOwn(principal, merchantId);
        await requireMerchant(prisma, merchantId);
        await deleteNotice(prisma, merchantId);
        return { status: 204 };
      },
    }),
  ];
}

function requireOwn(principal: Principal, merchantId: string): void {
  if (principal.merchantId !== null && principal.merchantId !== merchantId) {
    throw notFound('merchant');
  }
}

async function requireMerchant(sql: Sql, merchantId: string): Promise<void> {
  if (!(await isMerchant(sql, merchantId))) throw notFound('merchant');
}

function toView(merchantId: string, notice: Notice | null): z.output<typeof noticeView> {
  if (notice === null) {
    return { merchantId, at: null, timezone: null, nextDate: null, nextAt: null };
  }
  return { ...notice, nextAt: notice.nextAt.toISOString() };
}
