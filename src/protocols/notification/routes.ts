import { createHash } from 'node:crypto';
import { z } from 'zod';
import { moment, oneOrMore, oneOrMoreKeys, pageQuery, sparsePageOf } from '../../api/pagination.ts';
import { callerLeft, notFound, Overload, Problem, problemView, under } from '../../api/problem.ts';
import { type Call, type Item, type Reply, type Route, route } from '../../api/route.ts';
import { scopeOf } from '../../api/scope.ts';
import type { DeliveryCommands } from '../../engine/commands.ts';
import { UNSETTLED } from '../../engine/delivery.ts';
import type { Sql } from '../../platform/db/client.ts';
import { idFromUuid } from '../../platform/ids.ts';
import { memberText } from '../../platform/json/text.ts';
import type { Accept } from './accept.ts';
import { lookAtNotification } from './audit-state.ts';
import {
  deliveryStatus,
  type NotificationInput,
  notification,
  notificationInput,
} from './contract.ts';
import { examples } from './examples.ts';
import { pageFor } from './pages.ts';
import { findContents } from './store/bodies.ts';
import { findNotification } from './store/find.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

const id = z.string().min(1).max(64);
export const byId = z.strictObject({ id: id.meta({ examples: [examples.notification.id] }) });
export const byDeliveryId = z.strictObject({ id: id.meta({ examples: [examples.delivery.id] }) });

const batchItem = z.object({
  status: z.number().int(),
  notification: notification.optional(),
  problem: problemView.optional(),
});

interface NotificationDeps {
  sql: Sql;
  accept: Accept;
  commands: DeliveryCommands;
}

export function notificationRoutes({ sql, accept, commands }: NotificationDeps): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/notifications',
      isIntake: true,
      roles: ['producer', 'operator'],
      tag: 'Notifications',
      summary: 'Accept a notification; it is stored when this answers',
      body: notificationInput,
      responses: { 202: notification, 200: notification },
      audit: {
        action: 'notification.create',
        id: ({ reservedId }) => idFromUuid('ntf', reservedId),
        asked: ({ body: { type, businessKey, queue } }) => ({ type, businessKey, queue }),
      },
      async handle({ body, rawBody, principal, reservedId, isGone }) {
        const payloadText = memberText(rawBody, 'payload') ?? '{}';
        const id = idFromUuid('ntf', reservedId);
        const accepted = await accept({ input: body, payloadText, principal, id, isGone });
        return { status: accepted.status, body: accepted.notification };
      },
    }),
    route({
      method: 'post',
      path: '/v1/notifications/batch',
      isIntake: true,
      roles: ['producer', 'operator'],
      tag: 'Notifications',
      summary: 'Accept up to 500 notifications; one bad item does not sink the others',
      body: z
        .strictObject({ notifications: z.array(z.unknown()).min(1).max(500) })
        .meta({ examples: [{ notifications: [examples.input] }] }),
      items: { member: 'notifications', schema: notificationInput, limitBytes: 64 * KIB },
      bodyLimitBytes: 8 * MIB,
      responses: { 202: z.object({ data: z.array(batchItem) }) },
      audit: {
        action: 'notification.create-batch',
        id: () => null,
        asked: ({ body }) => ({ count: body.notifications.length }),
      },
      async handle(call) {
        const data = await Promise.all(
          call.items.map((item, index) => acceptItem(accept, call, item, index)),
        );
        return batchReply(data, call);
      },
    }),
    route({
      method: 'get',
      path: '/v1/notifications',
      roles: ['operator', 'producer', 'merchant'],
      tag: 'Notifications',
      summary:
        'Notifications, newest first; with undelivered=true or ended=true a feed, oldest first',
      query: pageQuery.extend({
        merchantId: oneOrMore(z.string().min(1)).optional(),
        businessKey: oneOrMoreKeys(z.string().min(1)).optional(),
        type: oneOrMore(z.string().min(1)).optional(),
        queue: oneOrMore(z.string().min(1)).optional(),
        status: oneOrMore(deliveryStatus).optional(),
        undelivered: z
          .enum(['true', 'false'])
          .default('false')
          .describe(
            'true: only those with a delivery that is not yet delivered, acknowledged or cancelled, ' +
              'oldest first. Keep the last nextCursor that was not null and go on from it any day.',
          ),
        ended: z
          .enum(['true', 'false'])
          .default('false')
          .describe(
            'true: those of which every delivery has ended, in the order of these ends, each with ' +
              '`endedAt`; what was sent again and ended again comes again. For producers and ' +
              'operators. The cursor is kept as that of undelivered=true is.',
          ),
        from: moment.optional(),
        to: moment.optional(),
        search: z
          .string()
          .trim()
          .min(1)
          .max(2048)
          .optional()
          .describe(
            'An order number, an eventId, an id (of a notification, delivery, endpoint or ' +
              'merchant), or the address it was sent to.',
          ),
      }),
      responses: { 200: sparsePageOf(notification) },
      async handle({ principal, query, reads }) {
        const page = pageFor(query, principal);
        return { status: 200, body: await page(reads, scopeOf(principal), query, query) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/notifications/{id}',
      roles: ['operator', 'producer', 'merchant'],
      tag: 'Notifications',
      summary: 'A notification with its deliveries',
      params: byId,
      responses: { 200: notification },
      async handle({ principal, params, reads }) {
        const found = await findNotification(reads, scopeOf(principal), params.id);
        if (found === null) throw notFound('notification');
        return { status: 200, body: found };
      },
    }),
    route({
      method: 'get',
      path: '/v1/notifications/{id}/body',
      roles: ['operator', 'producer', 'merchant'],
      tag: 'Notifications',
      summary:
        'The body as receivers get it, byte for byte; an endpoint with body raw gets its data',
      params: byId,
      responses: {
        200: z.looseObject({ id: z.string(), type: z.string(), data: z.looseObject({}) }),
      },
      async handle({ principal, params, reads }) {
        const found = await findNotification(reads, scopeOf(principal), params.id);
        const body = (await findContents(reads, [params.id])).get(params.id)?.body;
        if (found === null || body === undefined) throw notFound('notification');
        return { status: 200, headers: { 'content-type': 'application/json' }, body };
      },
    }),
    route({
      method: 'post',
      path: '/v1/notifications/{id}/cancel',
      roles: ['operator', 'producer'],
      tag: 'Notifications',
      summary: 'Stop what is still on its way',
      params: byId,
      body: z.strictObject({
        reason: z.string().min(1).max(500).optional().describe('For the audit log.'),
      }),
      responses: { 200: notification },
      audit: {
        action: 'notification.cancel',
        // A producer's as well: it takes back what it had promised a merchant.
        roles: ['operator', 'producer'],
        look: lookAtNotification(sql),
      },
      async handle({ principal, params }) {
        const scope = scopeOf(principal);
        if ((await findNotification(sql, scope, params.id)) === null)
          throw notFound('notification');
        await commands.settleOwners([params.id], UNSETTLED, {
          status: 'cancelled',
          reason: 'cancelled_by_request',
        });
        return { status: 200, body: await findNotification(sql, scope, params.id) };
      },
    }),
  ];
}

/**
 * Of items that came too late for now the others must not be forgotten: only where not one was taken is
 * the whole batch refused.
 */
function batchReply(data: z.input<typeof batchItem>[], { isGone }: { isGone(): boolean }): Reply {
  const isLeft = ({ status }: { status: number }) => status === 503;
  if (data.every(isLeft)) {
    if (isGone()) throw callerLeft();
    throw new Overload('late', 'None of these was stored. Try again shortly.');
  }
  return {
    status: 202,
    body: { data },
    ...(data.some(isLeft) && { isUnfinished: true }),
  };
}

async function acceptItem(
  accept: Accept,
  call: Call<unknown, unknown, unknown>,
  item: Item<NotificationInput>,
  index: number,
): Promise<z.input<typeof batchItem>> {
  if (item instanceof Problem) return { status: item.status, problem: call.viewOf(item) };
  try {
    const payloadText = memberText(item.text, 'payload') ?? '{}';
    const id = idFromUuid('ntf', nthUuid(call.reservedId, index));
    const { principal, reservedId: batch, isGone } = call;
    return await accept({ input: item.value, payloadText, principal, id, batch, isGone });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const problem = call.viewOf(under(`body.notifications.${index}`, error));
    return { status: error.status, problem };
  }
}

/**
 * The n-th UUID that belongs to a reserved one. They rise with n, and lists are in the order of ids: its
 * time is kept and the digits next to it, then comes n, at most 4095; the rest is a hash.
 */
function nthUuid(reserved: string, n: number): string {
  const hash = createHash('sha256').update(`${reserved} ${n}`).digest('hex');
  return `${reserved.slice(0, 19)}a${n.toString(16).padStart(3, '0')}-${hash.slice(0, 12)}`;
}
