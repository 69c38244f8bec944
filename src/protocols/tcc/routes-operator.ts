import { z } from 'zod';
import { type Route, route } from '../../api/route.ts';
import type { Sql } from '../../platform/db/client.ts';
import { transactionView, url } from './contract.ts';
import type { Coordinator } from './coordinator.ts';
import {
  byBranch,
  lookAtTransaction,
  reason,
  replyWith,
  scopeOf,
  viewOf,
  whose,
} from './route-parts.ts';

const movedBranch = z.strictObject({
  confirmUrl: url.optional(),
  cancelUrl: url.optional().describe('One of the two at least.'),
  reason,
});

/** What operators do where a participant does not answer. None of it turns a decision round. */
export function operatorRoutes(coordinator: Coordinator, sql: Sql): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/transactions/{gid}/branches/{branchId}/retry',
      roles: ['operator'],
      tag: 'Transactions',
      summary: 'Call the branch once more, now; the decision stays',
      params: byBranch,
      query: whose,
      body: z.strictObject({ reason: reason.nullish() }),
      responses: { 202: transactionView },
      audit: {
        action: 'transaction.retry',
        asked: ({ params: { branchId } }) => ({ branchId }),
        look: lookAtTransaction(sql),
      },
      async handle({ params: { gid, branchId }, query, principal }) {
        const id = await coordinator.idOf(scopeOf(principal, query), gid);
        await coordinator.retry(id, branchId, principal.keyId);
        return replyWith(202, await viewOf(sql, id));
      },
    }),
    route({
      method: 'post',
      path: '/v1/transactions/{gid}/branches/{branchId}/resolve',
      roles: ['operator'],
      tag: 'Transactions',
      summary: 'What was decided has been done by hand; the decision stays',
      params: byBranch,
      query: whose,
      body: z.strictObject({ outcome: z.literal('done'), reason }),
      responses: { 200: transactionView },
      audit: {
        action: 'transaction.resolve',
        asked: ({ params: { branchId }, body: { outcome } }) => ({ branchId, outcome }),
        look: lookAtTransaction(sql),
      },
      async handle({ params: { gid, branchId }, query, body, principal }) {
        const by = { reason: body.reason, keyId: principal.keyId };
        const id = await coordinator.idOf(scopeOf(principal, query), gid);
        await coordinator.resolve(id, branchId, by);
        return replyWith(200, await viewOf(sql, id));
      },
    }),
    route({
      method: 'patch',
      path: '/v1/transactions/{gid}/branches/{branchId}',
      roles: ['operator'],
      tag: 'Transactions',
      summary:
        'The participant has moved: call the branch at other addresses from now on; the decision stays',
      params: byBranch,
      query: whose,
      body: movedBranch,
      responses: { 200: transactionView },
      audit: {
        action: 'transaction.move',
        asked: ({ params: { branchId }, body: { reason: _reason, ...urls } }) => ({
          branchId,
          ...urls,
        }),
        look: lookAtTransaction(sql),
      },
      async handle({ params: { gid, branchId }, query, body, principal }) {
        const { reason: _reason, ...urls } = body;
        const id = await coordinator.idOf(scopeOf(principal, query), gid);
        await coordinator.move(id, branchId, urls);
        return replyWith(200, await viewOf(sql, id));
      },
    }),
  ];
}
