import { z } from 'zod';
import { decodeCursor, pageOf, pageQuery, toPage } from '../../api/pagination.ts';
import { invalid, notFound, Problem } from '../../api/problem.ts';
import { type Principal, type Route, route } from '../../api/route.ts';
import { isProtocolQueue, keptForProtocol, PROTOCOL_QUEUES } from '../../engine/protocol-queues.ts';
import type { Database, Transaction } from '../../platform/db/client.ts';
import { putQueue as putQueueBody, queueName, queueView } from './contract.ts';
import { examples } from './examples.ts';
import { completeRules, type Rules } from './presets.ts';
import { EVERYBODY, previewRoute } from './preview.ts';
import { protocolQueue, refusedRules } from './protocol-floors.ts';
import {
  deleteQueue,
  findQueue,
  listQueues,
  MAX_QUEUES,
  putQueue,
  type QueueRow,
} from './store.ts';

interface QueueDeps {
  database: Database;
  /** Called in the transaction that removes a queue: whoever names it as a default forgets it. */
  releaseQueue(tx: Transaction, name: string): Promise<void>;
  /** A sentence for the caller where a producers' address may not be called. */
  checkUrl(url: string): string | null;
  /** Told after each change, so that this process' worker need not find it out by itself. */
  queuesChanged(): void;
}

const DEFAULT_QUEUE = 'default';

const params = z.strictObject({ name: queueName.meta({ examples: [examples.queueView.name] }) });

/** `/v1/queues`: named lanes, each with the rules its deliveries follow. */
export function queueRoutes(deps: QueueDeps): Route[] {
  const { prisma } = deps.database;
  const find = async (name: string) => {
    const queue = await findQueue(prisma, name);
    if (queue === null) throw notFound('queue');
    return queue;
  };
  const look = async (_call: unknown, name: string) => {
    const queue = await findQueue(prisma, name);
    return queue && { merchantId: null, state: { ...toView(queue) } };
  };

  return [
    route({
      method: 'get',
      path: '/v1/queues',
      roles: EVERYBODY,
      tag: 'Queues',
      summary: 'List queues with their current policies',
      query: pageQuery,
      responses: { 200: pageOf(queueView) },
      async handle({ query: { limit, cursor }, principal, reads }) {
        const rows = await listQueues(reads, limit, decodeCursor(cursor));
        return { status: 200, body: toPage(rows, limit, (row) => row.listKey, viewFor(principal)) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/queues/{name}',
      roles: EVERYBODY,
      tag: 'Queues',
      summary: 'Read a queue with its current policy',
      params,
      responses: { 200: queueView },
      handle: async ({ params, principal }) => ({
        status: 200,
        body: viewFor(principal)(await find(params.name)),
      }),
    }),
    route({
      method: 'put',
      path: '/v1/queues/{name}',
      roles: ['operator'],
      tag: 'Queues',
      summary: `Create a queue, ${MAX_QUEUES} at most, or give it other rules under a new version`,
      params,
      body: putQueueBody,
      responses: { 200: queueView },
      audit: { action: 'queue.put', look },
      async handle({
        params: { name },
        body: { name: named = name, version: _version, ...given },
      }) {
        if (named !== name) throw invalid('body.name', `The path says ${name}.`);
        if (name === PROTOCOL_QUEUES.messageCheck) {
          throw protocolQueue('The rules of check-backs are part of what messages promise.');
        }
        const rules = completeRules(given);
        const refused = refusedRules(name, rules) ?? refusedCallback(rules, deps.checkUrl);
        if (refused !== null) throw refused;
        const queue = await putQueue(deps.database, name, rules);
        if (queue === 'too_many') {
          const detail = `There are at most ${MAX_QUEUES} queues. Delete one that nobody needs.`;
          throw new Problem(409, 'too_many_queues', detail);
        }
        deps.queuesChanged();
        return { status: 200, body: toView(queue) };
      },
    }),
    route({
      method: 'delete',
      path: '/v1/queues/{name}',
      roles: ['operator'],
      tag: 'Queues',
      summary: 'Delete a queue in which nothing waits',
      params,
      responses: { 204: null },
      audit: { action: 'queue.delete', look },
      async handle({ params: { name } }) {
        if (name === DEFAULT_QUEUE) {
          throw new Problem(409, 'queue_is_default', 'This queue always exists.');
        }
        if (isProtocolQueue(name)) throw protocolQueue(keptForProtocol(name));
        const outcome = await prisma.$transaction(async (tx) => {
          const outcome = await deleteQueue(tx, name);
          if (outcome === 'deleted') await deps.releaseQueue(tx, name);
          return outcome;
        });
        if (outcome === 'absent') throw notFound('queue');
        if (outcome === 'not_empty') {
          throw new Problem(
            409,
            'queue_not_empty',
            'Deliveries of this queue are still under way.',
          );
        }
        deps.queuesChanged();
        return { status: 204 };
      },
    }),
    previewRoute(),
  ];
}

/** A callback's address is its producer's, and merchants and other producers read queues as well. */
function viewFor({ role }: Principal): (queue: QueueRow) => z.input<typeof queueView> {
  if (role === 'operator') return toView;
  return (queue) => {
    const { notifyProducer: _operators, ...shown } = toView(queue);
    return shown;
  };
}

function refusedCallback(
  { notifyProducer }: Rules,
  checkUrl: QueueDeps['checkUrl'],
): Problem | null {
  const refused = notifyProducer === null ? null : checkUrl(notifyProducer.url);
  return refused === null ? null : invalid('body.notifyProducer.url', refused);
}

function toView({ queue, listKey: _listKey, ...rules }: QueueRow): z.input<typeof queueView> {
  return { name: queue, ...rules, ladderSeconds: [...rules.ladderSeconds] };
}
