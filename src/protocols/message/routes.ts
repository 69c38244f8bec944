import { z } from 'zod';
import {
  decodeCursor,
  moment,
  oneOrMore,
  oneOrMoreKeys,
  pageQuery,
  sparsePageOf,
  toSparsePage,
} from '../../api/pagination.ts';
import { invalid } from '../../api/problem.ts';
import { type AuditState, type Principal, type Route, route } from '../../api/route.ts';
import { scopeOf } from '../../api/scope.ts';
import type { Sql } from '../../platform/db/client.ts';
import { idFromUuid } from '../../platform/ids.ts';
import { memberText } from '../../platform/json/text.ts';
import type { MessageCommands } from './commands.ts';
import {
  completeByKey,
  completeMessage,
  type Message,
  message,
  messageStatus,
  prepareMessage,
  resolveMessage,
} from './contract.ts';
import { examples } from './examples.ts';
import type { Prepare } from './prepare.ts';
import { findMessagesOf, type Listed, listMessages } from './store/find.ts';

interface MessageDeps {
  sql: Sql;
  prepare: Prepare;
  commands: MessageCommands;
}

const TAG = 'Messages';
const params = z.strictObject({
  id: z
    .string()
    .min(1)
    .max(64)
    .meta({ examples: [examples.message.id] }),
});
/** Two producers may call their messages the same. */
const query = z.strictObject({
  producer: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe('The id of its producer’s key: needed where several have a message of this id.'),
});
const filters = pageQuery.extend({
  messageId: oneOrMore(z.string().min(1)).optional(),
  producer: oneOrMore(z.string().min(1)).optional().describe('Ids of producers’ keys.'),
  merchantId: oneOrMore(z.string().min(1)).optional(),
  businessKey: oneOrMoreKeys(z.string().min(1)).optional(),
  status: oneOrMore(messageStatus).optional(),
  outcome: oneOrMore(z.enum(['success', 'failed'])).optional(),
  from: moment.optional(),
  to: moment.optional(),
});

/** `/v1/messages`: announced before the producer's transaction, delivered if it succeeds. */
export function messageRoutes({ sql, prepare, commands }: MessageDeps): Route[] {
  const look = lookAtMessage(sql);
  return [
    route({
      method: 'post',
      path: '/v1/messages',
      isIntake: true,
      // The check-back is signed with the producer key's callback secret: other keys have none.
      roles: ['producer'],
      tag: TAG,
      summary: 'Prepare a message; start the local transaction only after this has answered',
      body: prepareMessage,
      responses: { 201: message, 200: message },
      audit: {
        action: 'message.prepare',
        id: ({ reservedId }) => idFromUuid('msg', reservedId),
      },
      async handle({ body, rawBody, principal, reservedId }) {
        const payloadText = memberText(memberText(rawBody, 'notification') ?? '{}', 'payload');
        const prepared = await prepare({
          input: body,
          payloadText: payloadText ?? '{}',
          principal,
          id: idFromUuid('msg', reservedId),
        });
        const found = await commands.read(scopeOf(principal), prepared.id);
        return { status: prepared.status, body: viewFor(principal, found) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/messages',
      roles: ['operator', 'producer', 'merchant'],
      tag: TAG,
      summary: 'Messages, newest first',
      query: filters,
      responses: { 200: sparsePageOf(message) },
      async handle({ principal, query, reads }) {
        const before = decodeCursor(query.cursor);
        if (before !== null && !/^\d{1,18}$/.test(before)) {
          throw invalid('query.cursor', 'This is not a cursor of this list.');
        }
        const found = await listMessages(reads, scopeOf(principal), query, before, query.limit + 1);
        const toItem = (row: Listed) => viewFor(principal, row);
        return { status: 200, body: toSparsePage(found, query.limit, (row) => row.place, toItem) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/messages/{id}',
      roles: ['operator', 'producer', 'merchant'],
      tag: TAG,
      summary: 'A message with its deliveries',
      params,
      query,
      responses: { 200: message },
      async handle({ principal, params: { id }, query: { producer }, reads }) {
        const found = await commands.find(scopeOf(principal), { id, producer }, reads);
        return { status: 200, body: viewFor(principal, found) };
      },
    }),
    ...(['confirm', 'cancel'] as const).map((decision) =>
      route({
        method: 'post',
        path: `/v1/messages/{id}/${decision}`,
        roles: ['producer', 'operator'],
        tag: TAG,
        summary:
          decision === 'confirm'
            ? 'The local transaction has committed: deliver it'
            : 'The local transaction was rolled back: forget it',
        params,
        query,
        responses: { 200: message },
        audit: { action: `message.${decision}`, look },
        async handle({ principal, params: { id }, query: { producer } }) {
          const by = principal.role === 'operator' ? 'operator' : 'producer';
          const found = await commands.decide(scopeOf(principal), { id, producer }, decision, by);
          return { status: 200, body: viewFor(principal, found) };
        },
      }),
    ),
    route({
      method: 'post',
      path: '/v1/messages/{id}/complete',
      roles: ['merchant', 'operator'],
      tag: TAG,
      summary: 'The merchant has processed it, well or badly: it is not sent any more',
      params,
      query,
      body: completeMessage,
      responses: { 200: message },
      audit: {
        action: 'message.complete',
        asked: ({ body: { outcome, consumer } }) => ({ outcome, consumer }),
        look,
      },
      async handle({ principal, params: { id }, query: { producer }, body }) {
        const found = await commands.complete(
          scopeOf(principal),
          { id, producer, deliveryId: body.deliveryId },
          body,
        );
        return { status: 200, body: viewFor(principal, found) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/messages/complete',
      roles: ['merchant', 'operator'],
      tag: TAG,
      summary: 'The same by what each delivery brings: the message’s id and its business key',
      body: completeByKey,
      asksForOne: true,
      responses: { 200: message },
      audit: {
        action: 'message.complete',
        id: ({ body }) => body.messageId,
        asked: ({ body: { businessKey, outcome, consumer } }) => ({
          businessKey,
          outcome,
          consumer,
        }),
        look,
      },
      async handle({ principal, body: { messageId, businessKey, ...completion } }) {
        const which = { id: messageId, businessKey, deliveryId: completion.deliveryId };
        const found = await commands.complete(scopeOf(principal), which, completion);
        return { status: 200, body: viewFor(principal, found) };
      },
    }),
    ...operatorRoutes(commands, look),
  ];
}

/** What people decide where nobody else knows. */
function operatorRoutes(
  commands: MessageCommands,
  look: ReturnType<typeof lookAtMessage>,
): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/messages/{id}/recheck',
      roles: ['operator'],
      tag: TAG,
      summary: 'Ask the producer once more, from the beginning, about a suspended message',
      params,
      query,
      responses: { 200: message },
      audit: { action: 'message.recheck', look },
      async handle({ principal, params: { id }, query: { producer } }) {
        const found = await commands.recheck(scopeOf(principal), { id, producer });
        return { status: 200, body: viewFor(principal, found) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/messages/{id}/resolve',
      roles: ['operator'],
      tag: TAG,
      summary: 'Decide a suspended message by hand',
      params,
      query,
      body: resolveMessage,
      responses: { 200: message },
      audit: {
        action: 'message.resolve',
        asked: ({ body: { decision } }) => ({ decision }),
        look,
      },
      async handle({ principal, params: { id }, query: { producer }, body: { decision, reason } }) {
        const found = await commands.resolve(
          scopeOf(principal),
          { id, producer },
          decision,
          reason,
        );
        return { status: 200, body: viewFor(principal, found) };
      },
    }),
  ];
}

/** A message as the audit log keeps it: what was decided, and how far it has come. */
function lookAtMessage(sql: Sql) {
  return async (
    { principal, query: asked }: { principal: Principal; query: unknown },
    id: string,
  ): Promise<AuditState | null> => {
    const { producer } = query.catch({}).parse(asked);
    const [found, another] = await findMessagesOf(sql, scopeOf(principal), id, producer);
    if (found === undefined || another !== undefined) return null;
    const { merchantId, status, decidedBy, reason, notificationId } = found;
    return { merchantId, state: { status, decidedBy, reason, notificationId } };
  };
}

/** A merchant need not know how a producer and its operators came to their decision. */
function viewFor({ role }: Principal, found: Message & Partial<Listed>): Message {
  const { place: _place, key: _key, ...shown } = found;
  const hidden = { producerKeyId: null, checkUrl: null, check: null, reason: null };
  return role === 'merchant' ? { ...shown, ...hidden } : shown;
}
