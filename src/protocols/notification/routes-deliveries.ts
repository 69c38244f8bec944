import { z } from 'zod';
import {
  decodeCursor,
  moment,
  oneOrMore,
  oneOrMoreKeys,
  pageOf,
  pageQuery,
  sparsePageOf,
  toPage,
  toSparsePage,
} from '../../api/pagination.ts';
import { invalid, notFound, Problem } from '../../api/problem.ts';
import { type Principal, type Route, route } from '../../api/route.ts';
import { scopeOf } from '../../api/scope.ts';
import type { DeliveryCommands } from '../../engine/commands.ts';
import { assertNever } from '../../engine/delivery.ts';
import { withoutQuery } from '../../engine/http/addresses.ts';
import type { Protocols } from '../../engine/protocol.ts';
import { originReceiver } from '../../engine/receiver-id.ts';
import type { ResendOptions, Resent } from '../../engine/store/resend.ts';
import type { Database, Sql } from '../../platform/db/client.ts';
import { assignSkipped } from './assign-skipped.ts';
import { lookAtDelivery } from './audit-state.ts';
import { attempt, type DeliveryView, delivery, deliveryStatus, schedule } from './contract.ts';
import { createBursts } from './overlapping-calls.ts';
import { byDeliveryId } from './routes.ts';
import { scheduleOf } from './schedule.ts';
import { findDelivery, findOwned, listAttempts } from './store/deliveries.ts';
import { findStanding } from './store/ladder-position.ts';
import { listDeliveries } from './store/list-deliveries.ts';

interface DeliveryDeps {
  database: Database;
  commands: DeliveryCommands;
  /** The protocols, which may have a say in what is sent again. */
  protocols: Protocols;
  /** A sentence for the caller where an address may not be called. */
  checkUrl(url: string): string | null;
}

export function deliveryRoutes({ database, commands, protocols, checkUrl }: DeliveryDeps): Route[] {
  const sql = database.prisma;
  const inBurst = createBursts();

  /** @throws Problem 422 for a delivery without an address of its own, or for one that may not be called */
  function otherAddress(found: DeliveryView, url: string | undefined): ResendOptions['to'] {
    if (url === undefined) return undefined;
    if (found.notificationId === null || found.endpointId !== null || found.url === null) {
      throw invalid(
        'body.url',
        'Only a delivery to a notifyUrl may go elsewhere; change the endpoint.',
      );
    }
    const refused = checkUrl(url);
    if (refused !== null) throw invalid('body.url', refused);
    return { url, receiverId: originReceiver(found.merchantId ?? '', url) };
  }

  return [
    route({
      method: 'get',
      path: '/v1/deliveries',
      roles: ['operator', 'producer', 'merchant'],
      tag: 'Deliveries',
      summary: 'Deliveries, newest first',
      query: pageQuery.extend({
        merchantId: oneOrMore(z.string().min(1)).optional(),
        endpointId: oneOrMore(z.string().min(1)).optional(),
        queue: oneOrMore(z.string().min(1)).optional(),
        type: oneOrMore(z.string().min(1)).optional(),
        status: oneOrMore(deliveryStatus).optional(),
        businessKey: oneOrMoreKeys(z.string().min(1)).optional(),
        from: moment.optional(),
        to: moment.optional(),
      }),
      responses: { 200: sparsePageOf(delivery) },
      async handle({ principal, query, reads }) {
        const before = decodeCursor(query.cursor);
        const found = await listDeliveries(
          reads,
          scopeOf(principal),
          query,
          before,
          query.limit + 1,
        );
        return {
          status: 200,
          body: toSparsePage(
            found,
            query.limit,
            (row) => row.id,
            (row) => row,
          ),
        };
      },
    }),
    route({
      method: 'get',
      path: '/v1/deliveries/{id}',
      roles: ['operator', 'producer', 'merchant'],
      tag: 'Deliveries',
      summary: 'A delivery',
      params: byDeliveryId,
      responses: { 200: delivery },
      async handle({ principal, params, reads }) {
        return { status: 200, body: await visibleDelivery(reads, principal, params.id) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/deliveries/{id}/attempts',
      roles: ['operator', 'producer', 'merchant'],
      tag: 'Deliveries',
      summary: 'The attempts of a delivery, oldest first',
      params: byDeliveryId,
      query: pageQuery,
      responses: { 200: pageOf(attempt) },
      async handle({ principal, params, query, reads }) {
        await visibleDelivery(reads, principal, params.id);
        const after = afterAttempt(decodeCursor(query.cursor));
        const rows = await listAttempts(reads, params.id, after, query.limit + 1);
        const keyOf = (row: (typeof rows)[number]) => `${row.cycle}.${row.number}`;
        return { status: 200, body: toPage(rows, query.limit, keyOf, (row) => row) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/deliveries/{id}/schedule',
      roles: ['operator', 'producer', 'merchant'],
      tag: 'Deliveries',
      summary: 'The attempts still to come, by the rules it was accepted with',
      params: byDeliveryId,
      responses: { 200: schedule },
      async handle({ principal, params, reads }) {
        await visibleDelivery(reads, principal, params.id);
        const standing = await findStanding(reads, params.id);
        if (standing === null) throw notFound('delivery');
        return { status: 200, body: scheduleOf(standing) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/deliveries/{id}/resend',
      roles: ['operator', 'merchant'],
      tag: 'Deliveries',
      summary: 'Send once more, by hand',
      params: byDeliveryId,
      body: z.strictObject({
        reason: z
          .string()
          .min(1)
          .max(500)
          .meta({ examples: ['their database is back'] }),
        force: z.boolean().default(false),
        url: z
          .string()
          .min(1)
          .max(2048)
          .optional()
          .describe('Another address from now on, for a delivery to a `notifyUrl`.'),
      }),
      responses: { 202: delivery },
      audit: {
        action: 'delivery.resend',
        asked: ({ body: { force, url } }) => ({ force, ...(url && { url: withoutQuery(url) }) }),
        look: lookAtDelivery(sql),
      },
      async handle({ principal, params, body, receivedAt }) {
        const [resent] = await inBurst(
          `${principal.keyId} ${params.id}`,
          receivedAt,
          async (since) => {
            const found = await visibleDelivery(sql, principal, params.id);
            const to = otherAddress(found, body.url);
            if (found.status === 'skipped') await assignSkipped(sql, commands, found);
            const delivered = body.force ? 'repeat' : 'refuse';
            const resend = () =>
              commands.resend([params.id], delivered, principal.keyId, { askedAt: since, to });
            // A notification may always be sent again, whichever protocol had it sent.
            if (found.notificationId !== null) return resend();
            const owned = await findOwned(sql, params.id);
            if (owned === null) throw notFound('delivery');
            return protocols.get(owned.ownerKind)?.resend?.(owned, resend) ?? resend();
          },
        );
        refuseUnlessDue(resent);
        return { status: 202, body: await visibleDelivery(sql, principal, params.id) };
      },
    }),
  ];
}

async function visibleDelivery(sql: Sql, principal: Principal, id: string) {
  const found = await findDelivery(sql, scopeOf(principal), id);
  if (found === null) throw notFound('delivery');
  return found;
}

function refuseUnlessDue(resent: Resent | undefined): void {
  const verdict = resent?.verdict;
  switch (verdict) {
    case 'already_delivered':
      throw new Problem(409, 'already_delivered', 'It was delivered; say force to send it again.');
    case 'in_flight':
      throw new Problem(409, 'delivery_in_flight', 'An attempt is under way.', {
        headers: { 'Retry-After': '1' },
      });
    case 'no_receiver':
      throw new Problem(409, 'no_endpoint', 'No endpoint of the merchant listens to this type.');
    case undefined:
      throw notFound('delivery');
    case 'due':
    case 'already_due':
      return;
    default:
      assertNever(verdict);
  }
}

function afterAttempt(key: string | null): { cycle: number; number: number } {
  if (key === null) return { cycle: 0, number: 0 };
  const match = /^(\d{1,9})\.(\d{1,9})$/.exec(key);
  if (match === null) throw invalid('query.cursor', 'This is not a cursor of this list.');
  return { cycle: Number(match[1]), number: Number(match[2]) };
}
