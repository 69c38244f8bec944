import type { Logger } from 'pino';
import { z } from 'zod';
import { notFound } from '../../api/problem.ts';
import { type Route, route } from '../../api/route.ts';
import { scopeOf } from '../../api/scope.ts';
import type { DeliveryCommands } from '../../engine/commands.ts';
import type { Sql } from '../../platform/db/client.ts';
import { acknowledge } from './ack.ts';
import { lookAtNotification } from './audit-state.ts';
import { deliveryStatus, notification } from './contract.ts';
import { byId } from './routes.ts';

interface AckDeps {
  sql: Sql;
  commands: DeliveryCommands;
  log: Logger;
}

/** How a receiver says that it has got something without being sent it: by feed, result or statement. */
export function ackRoutes({ sql, commands, log }: AckDeps): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/notifications/{id}/ack',
      roles: ['merchant', 'operator'],
      tag: 'Recovery',
      summary: 'Confirm a notification by pull: its deliveries stop',
      params: byId,
      body: z.strictObject({
        consumer: z
          .string()
          .min(1)
          .max(128)
          .optional()
          .describe('Who confirms; for the log alone.'),
      }),
      responses: { 200: notification },
      audit: {
        action: 'notification.ack',
        asked: ({ body: { consumer } }) => ({ consumer }),
        look: lookAtNotification(sql),
      },
      async handle({ principal, params, body, requestId }) {
        const acknowledged = await acknowledge(sql, commands, scopeOf(principal), [params.id]);
        const found = acknowledged.get(params.id);
        if (found === undefined) throw notFound('notification');
        const { consumer } = body;
        if (consumer !== undefined) {
          log.info({ requestId, notificationId: params.id, consumer }, 'confirmed by pull');
        }
        return { status: 200, body: found };
      },
    }),
    route({
      method: 'post',
      path: '/v1/notifications/ack',
      roles: ['merchant', 'operator'],
      tag: 'Recovery',
      summary: 'Confirm up to 500 notifications by pull; an unknown one does not sink the others',
      body: z.strictObject({ ids: z.array(z.string().min(1).max(64)).min(1).max(500) }),
      responses: {
        200: z.object({
          data: z.array(
            z.object({
              id: z.string(),
              status: z
                .enum([...deliveryStatus.options, 'not_found'])
                .describe('The state of the notification now; all but not_found are at their end.'),
            }),
          ),
        }),
      },
      audit: {
        action: 'notification.ack-batch',
        id: () => null,
        asked: ({ body: { ids } }) => ({ ids }),
      },
      async handle({ principal, body }) {
        const acknowledged = await acknowledge(sql, commands, scopeOf(principal), body.ids);
        const data = body.ids.map((id) => ({
          id,
          status: acknowledged.get(id)?.status ?? 'not_found',
        }));
        return { status: 200, body: { data } };
      },
    }),
  ];
}
