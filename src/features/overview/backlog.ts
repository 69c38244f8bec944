import { LRUCache } from 'lru-cache';
import type { Sql } from '../../platform/db/client.ts';
import type { Backlog } from './contract.ts';
import { MOST_COUNTED, type QueueBacklog, readBacklog } from './store-backlog.ts';

const KEPT_MS = 5_000;
const MOST_MERCHANTS = 1_000;
const ALL = '';

export type ReadBacklog = (merchantId: string | null) => Promise<readonly QueueBacklog[]>;

/** Looks at most every five seconds, however many ask, and once for all who ask at once. */
export function createBacklog(sql: Sql): ReadBacklog {
  const looks = new LRUCache<string, Promise<QueueBacklog[]>>({
    max: MOST_MERCHANTS,
    ttl: KEPT_MS,
  });
  return (merchantId) => {
    const key = merchantId ?? ALL;
    const known = looks.get(key);
    if (known !== undefined) return known;
    const look = readBacklog(sql, merchantId);
    looks.set(key, look);
    look.catch(() => looks.delete(key));
    return look;
  };
}

export function sumOf(queues: readonly QueueBacklog[]): Backlog {
  const total = (of: (queue: QueueBacklog) => number) =>
    queues.reduce((sum, queue) => sum + of(queue), 0);
  const waiting = total((queue) => queue.waiting);
  const ages = queues.flatMap(({ at, oldestDueAt }) =>
    oldestDueAt === null ? [] : [at.getTime() - oldestDueAt.getTime()],
  );
  return {
    waiting,
    due: total((queue) => queue.due),
    held: total((queue) => queue.held),
    oldestDueAgeMs: ages.length === 0 ? null : Math.max(0, ...ages),
    isCapped: waiting >= MOST_COUNTED,
  };
}
