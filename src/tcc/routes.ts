import { z } from 'zod';
import type { Sql } from '../db/client.ts';
import { printWith } from '../exact-json.ts';
import { idFromUuid } from '../ids.ts';
import { decodeCursor, moment, oneOrMore, pageOf, pageQuery, toPage } from '../page.ts';
import { notFound } from '../problem.ts';
import { jsonText, type Principal, type Reply, type Route, route } from '../route.ts';
import {
  branchInput,
  plainId,
  type TransactionView,
  transactionInput,
  transactionStatus,
  transactionView,
} from './contract.ts';
import { type Coordinator, type CoordinatorDeps, createCoordinator } from './coordinator.ts';
import { examples } from './examples.ts';
import {
  findState,
  findTransaction,
  listTransactions,
  type Scope,
  type TransactionRow,
} from './store/find.ts';

const LONGEST_WAIT_MS = 30_000;

const gid = plainId.meta({ examples: [examples.input.gid] });
const byGid = z.strictObject({ gid });
const branchId = plainId.meta({ examples: [examples.branch.branchId] });
const byBranch = z.strictObject({ gid, branchId });
const reason = z.string().min(1).max(500);

/** `/v1/transactions`: producers see and decide their own, operators all. */
export function transactionRoutes(deps: CoordinatorDeps): Route[] {
  const coordinator = createCoordinator(deps);
  const { prisma } = deps.database;
  return [
    ...producerRoutes(coordinator, prisma),
    ...decisionRoutes(coordinator, prisma),
    ...operatorRoutes(coordinator, prisma),
  ];
}

function producerRoutes(coordinator: Coordinator, sql: Sql): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/transactions',
      isIntake: true,
      // No operators: the calls are signed with the secret of the producer's key.
      roles: ['producer'],
      tag: 'Transactions',
      summary: 'Begin a TCC transaction; managed: its tries are called at once',
      body: transactionInput,
      responses: { 201: transactionView, 200: transactionView },
      audit: {
        action: 'transaction.create',
        id: ({ body, reservedId }) => body.gid ?? idFromUuid('tx', reservedId),
      },
      async handle({ body, rawBody, principal, reservedId }) {
        const id = idFromUuid('tx', reservedId);
        const made = await coordinator.create(body, rawBody, id, principal.keyId);
        const view = await viewOf(sql, principal.keyId, body.gid ?? id);
        return replyWith(made === 'made' ? 201 : 200, view);
      },
    }),
    route({
      method: 'post',
      path: '/v1/transactions/{gid}/branches',
      roles: ['producer'],
      tag: 'Transactions',
      summary: 'Register a branch, before its try is called (initiator mode)',
      params: byGid,
      body: branchInput,
      responses: { 201: transactionView, 200: transactionView },
      audit: { action: 'transaction.register' },
      async handle({ params: { gid }, body, rawBody, principal }) {
        const made = await coordinator.register(scopeOf(principal), gid, body, rawBody);
        const view = await viewOf(sql, scopeOf(principal), gid);
        return replyWith(made === 'made' ? 201 : 200, view);
      },
    }),
    route({
      method: 'get',
      path: '/v1/transactions',
      roles: ['operator', 'producer'],
      tag: 'Transactions',
      summary: 'Transactions, newest first',
      query: pageQuery.extend({
        businessKey: oneOrMore(z.string().min(1)).optional(),
        status: oneOrMore(transactionStatus).optional(),
        from: moment.optional(),
        to: moment.optional(),
      }),
      responses: { 200: pageOf(transactionView) },
      async handle({ principal, query }) {
        const before = decodeCursor(query.cursor);
        const scope = scopeOf(principal);
        const rows = await listTransactions(sql, scope, query, before, query.limit + 1);
        return replyWith(
          200,
          toPage(rows, query.limit, (row) => row.listKey, toView),
        );
      },
    }),
    route({
      method: 'get',
      path: '/v1/transactions/{gid}',
      roles: ['operator', 'producer'],
      tag: 'Transactions',
      summary: 'A transaction with its branches and their calls',
      params: byGid,
      responses: { 200: transactionView },
      async handle({ principal, params: { gid } }) {
        return replyWith(200, await viewOf(sql, scopeOf(principal), gid));
      },
    }),
  ];
}

function decisionRoutes(coordinator: Coordinator, sql: Sql): Route[] {
  const waitQuery = z.strictObject({
    waitMs: z.coerce.number().int().min(0).max(LONGEST_WAIT_MS).default(0),
  });
  const answer = async (scope: Scope, gid: string, waitMs: number): Promise<Reply> => {
    await coordinator.waitForEnd(scope, gid, waitMs);
    const view = await viewOf(sql, scope, gid);
    const isFinished = view.status === 'confirmed' || view.status === 'cancelled';
    return replyWith(isFinished ? 200 : 202, view);
  };
  return [
    route({
      method: 'post',
      path: '/v1/transactions/{gid}/confirm',
      roles: ['producer', 'operator'],
      tag: 'Transactions',
      summary: 'Decide to confirm; waitMs waits for the end of it',
      params: byGid,
      query: waitQuery,
      responses: { 200: transactionView, 202: transactionView },
      audit: { action: 'transaction.confirm', look: lookAtTransaction(sql) },
      async handle({ principal, params: { gid }, query }) {
        const scope = scopeOf(principal);
        await coordinator.confirm(scope, gid);
        return answer(scope, gid, query.waitMs);
      },
    }),
    route({
      method: 'post',
      path: '/v1/transactions/{gid}/cancel',
      roles: ['producer', 'operator'],
      tag: 'Transactions',
      summary: 'Decide to cancel every registered branch; waitMs waits for the end of it',
      params: byGid,
      query: waitQuery,
      body: z.strictObject({ reason: reason.nullish() }),
      responses: { 200: transactionView, 202: transactionView },
      audit: { action: 'transaction.cancel', look: lookAtTransaction(sql) },
      async handle({ principal, params: { gid }, query, body }) {
        const scope = scopeOf(principal);
        await coordinator.cancel(scope, gid, body.reason ?? null);
        return answer(scope, gid, query.waitMs);
      },
    }),
  ];
}

function operatorRoutes(coordinator: Coordinator, sql: Sql): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/transactions/{gid}/branches/{branchId}/retry',
      roles: ['operator'],
      tag: 'Transactions',
      summary: 'Call the branch once more, now; the decision stays',
      params: byBranch,
      body: z.strictObject({ reason: reason.nullish() }),
      responses: { 202: transactionView },
      audit: {
        action: 'transaction.retry',
        asked: ({ params: { branchId } }) => ({ branchId }),
        look: lookAtTransaction(sql),
      },
      async handle({ params: { gid, branchId }, principal }) {
        await coordinator.retry(gid, branchId, principal.keyId);
        return replyWith(202, await viewOf(sql, null, gid));
      },
    }),
    route({
      method: 'post',
      path: '/v1/transactions/{gid}/branches/{branchId}/resolve',
      roles: ['operator'],
      tag: 'Transactions',
      summary: 'What was decided has been done by hand; the decision stays',
      params: byBranch,
      body: z.strictObject({ outcome: z.literal('done'), reason }),
      responses: { 200: transactionView },
      audit: {
        action: 'transaction.resolve',
        asked: ({ params: { branchId }, body: { outcome } }) => ({ branchId, outcome }),
        look: lookAtTransaction(sql),
      },
      async handle({ params: { gid, branchId }, body, principal }) {
        const by = { reason: body.reason, keyId: principal.keyId };
        await coordinator.resolve(gid, branchId, by);
        return replyWith(200, await viewOf(sql, null, gid));
      },
    }),
  ];
}

/** A transaction as the audit log keeps it. It is the producer's, no merchant's. */
function lookAtTransaction(sql: Sql) {
  return async ({ principal }: { principal: Principal }, gid: string) => {
    const found = await findState(sql, scopeOf(principal), gid);
    return found && { merchantId: null, state: { ...found } };
  };
}

function scopeOf({ role, keyId }: Principal): Scope {
  return role === 'operator' ? null : keyId;
}

/** Payloads are shown as they were written. */
function replyWith(status: number, body: object): Reply {
  return { status, ...jsonText(printWith(body, 'payload')) };
}

/** A transaction whose payloads are still text. */
type Shown = Omit<TransactionView, 'branches'> & Pick<TransactionRow, 'branches'>;

async function viewOf(sql: Sql, scope: Scope, gid: string): Promise<Shown> {
  const row = await findTransaction(sql, scope, gid);
  if (row === null) throw notFound('transaction');
  return toView(row);
}

function toView({ listKey: _key, fingerprint: _print, ...row }: TransactionRow): Shown {
  return {
    ...row,
    createdAt: row.createdAt.toISOString(),
    timeoutAt: row.timeoutAt.toISOString(),
    decidedAt: row.decidedAt?.toISOString() ?? null,
    suspendedAt: row.suspendedAt?.toISOString() ?? null,
    finishedAt: row.finishedAt?.toISOString() ?? null,
  };
}
