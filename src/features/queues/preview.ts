import { z } from 'zod';
import { notFound } from '../../api/problem.ts';
import { type Role, type Route, route } from '../../api/route.ts';
import { plannedRungs, previewLadder } from '../../engine/rules/ladder.ts';
import { type PreviewView, previewQuery, previewView, queueName } from './contract.ts';
import { completeRules, type Rules } from './presets.ts';
import { findQueue, type QueueRow, readClock } from './store.ts';

export const EVERYBODY: readonly Role[] = ['operator', 'producer', 'merchant'];
const SECOND = 1000;
const BEHIND_DEADLINE = 'behind_deadline' as const;

/** When a queue's attempts come, by its own rules or by others that one thinks of giving it. */
export function previewRoute(): Route {
  return route({
    method: 'get',
    path: '/v1/queues/{name}/preview',
    roles: EVERYBODY,
    tag: 'Queues',
    summary: 'When each attempt would come, if all of them failed',
    params: z.strictObject({ name: queueName }),
    query: previewQuery,
    responses: { 200: previewView },
    async handle({ params: { name }, query, reads }) {
      const queue = await findQueue(reads, name);
      if (queue === null) throw notFound('queue');
      const fromMs = query.from === undefined ? await readClock(reads) : Date.parse(query.from);
      return { status: 200, body: toPreview(queue, rulesFor(queue, query), fromMs) };
    },
  });
}

function rulesFor(queue: QueueRow, query: z.output<typeof previewQuery>): Rules {
  const { from: _from, preset, ...given } = query;
  if (preset !== undefined) return completeRules({ preset, ...given });
  const { queue: _name, version: _version, listKey: _listKey, ...own } = queue;
  return {
    ...own,
    ladderSeconds: given.ladderSeconds ?? own.ladderSeconds,
    deadlineSeconds: given.deadlineSeconds ?? own.deadlineSeconds,
    jitter: given.jitter ?? own.jitter,
  };
}

function toPreview(queue: QueueRow, rules: Rules, fromMs: number): PreviewView {
  const { notifyProducer: _operators, ...shown } = rules;
  return {
    name: queue.queue,
    version: queue.version,
    rules: { ...shown, ladderSeconds: [...rules.ladderSeconds] },
    from: toIso(fromMs),
    deadlineAt: toIso(fromMs + rules.deadlineSeconds * SECOND),
    attempts: previewLadder(rules, fromMs).map(({ attempt, delaySeconds, atMs, latestMs }) => ({
      attempt,
      delaySeconds,
      at: toIso(atMs),
      earliest: toIso(atMs),
      latest: toIso(latestMs),
      offsetSeconds: (atMs - fromMs) / SECOND,
    })),
    dropped: rules.ladderSeconds
      .map((delaySeconds, rung) => ({ attempt: rung + 1, delaySeconds, reason: BEHIND_DEADLINE }))
      .slice(plannedRungs(rules)),
  };
}

function toIso(ms: number): string {
  return new Date(ms).toISOString();
}
