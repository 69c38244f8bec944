import { z } from 'zod';
import {
  decodeCursor,
  moment,
  oneOrMore,
  pageQuery,
  sparsePageOf,
  toSparsePage,
} from '../../api/pagination.ts';
import { type Reply, type Route, route } from '../../api/route.ts';
import type { Sql } from '../../platform/db/client.ts';
import { idFromUuid } from '../../platform/ids.ts';
import { branchInput, transactionInput, transactionStatus, transactionView } from './contract.ts';
import {
  type Coordinator,
  type CoordinatorDeps,
  createCoordinator,
  findOneState,
} from './coordinator.ts';
import {
  byGid,
  lookAtTransaction,
  reason,
  replyWith,
  scopeOf,
  toView,
  viewOf,
  whose,
} from './route-parts.ts';
import { operatorRoutes } from './routes-operator.ts';
import { listTransactions } from './store/find.ts';

const LONGEST_WAIT_MS = 30_000;

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
        return replyWith(made.isNew ? 201 : 200, await viewOf(sql, made.id));
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
        const id = await coordinator.idOf(principal.keyId, gid);
        const made = await coordinator.register(id, body, rawBody);
        return replyWith(made === 'made' ? 201 : 200, await viewOf(sql, id));
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
        producer: z.string().min(1).max(64).optional().describe('The key that began them.'),
      }),
      responses: { 200: sparsePageOf(transactionView) },
      async handle({ principal, query, reads }) {
        const before = decodeCursor(query.cursor);
        const scope = scopeOf(principal, query);
        const found = await listTransactions(reads, scope, query, before, query.limit + 1);
        return replyWith(
          200,
          toSparsePage(found, query.limit, (row) => row.id, toView),
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
      query: whose,
      responses: { 200: transactionView },
      async handle({ principal, params: { gid }, query, reads }) {
        const { id } = await findOneState(reads, scopeOf(principal, query), gid);
        return replyWith(200, await viewOf(reads, id));
      },
    }),
  ];
}

function decisionRoutes(coordinator: Coordinator, sql: Sql): Route[] {
  const waitQuery = whose.extend({
    waitMs: z.coerce.number().int().min(0).max(LONGEST_WAIT_MS).default(0),
  });
  const answer = async (id: string, waitMs: number): Promise<Reply> => {
    await coordinator.waitForEnd(id, waitMs);
    const view = await viewOf(sql, id);
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
        const id = await coordinator.idOf(scopeOf(principal, query), gid);
        await coordinator.confirm(id);
        return answer(id, query.waitMs);
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
        const id = await coordinator.idOf(scopeOf(principal, query), gid);
        await coordinator.cancel(id, body.reason ?? null);
        return answer(id, query.waitMs);
      },
    }),
  ];
}
