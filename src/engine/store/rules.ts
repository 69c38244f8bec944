import { LRUCache } from 'lru-cache';
import { Prisma, type Sql } from '../../platform/db/client.ts';
import type { QueueRules, SuccessRule } from '../rules/rules.ts';
import { WAITING_QUEUES } from './waiting-queues.ts';

interface PolicyRow {
  queue: string;
  version: number;
  preset: string | null;
  ladder_seconds: number[];
  deadline_seconds: number;
  jitter: number;
  timeout_ms: number;
  success: SuccessRule;
  supersede: boolean;
  max_in_flight: number;
  rate_per_second: number | null;
  concurrency: number;
}

// By name: a kept plan fails when a later version adds a column to `*`.
const COLUMNS = Prisma.sql`p.queue, p.version, p.preset, p.ladder_seconds, p.deadline_seconds, p.jitter,
  p.timeout_ms, p.success, p.supersede, p.max_in_flight, p.rate_per_second, p.concurrency`;

/** Policies by queue and version. They never change, so they are read once. */
export function policyCache(sql: Sql): (queue: string, version: number) => Promise<QueueRules> {
  const cache = new LRUCache<string, QueueRules>({
    max: 2_000,
    fetchMethod: (key) => load(sql, key),
  });
  return async (queue, version) => {
    const policy = await cache.fetch(`${version}@${queue}`);
    if (policy === undefined) throw new Error(`no policy ${queue} version ${version}`);
    return policy;
  };
}

async function load(sql: Sql, key: string): Promise<QueueRules | undefined> {
  const at = key.indexOf('@');
  const rows = await sql.$queryRaw<PolicyRow[]>`
    SELECT ${COLUMNS} FROM policy AS p
     WHERE p.queue = ${key.slice(at + 1)} AND p.version = ${Number(key.slice(0, at))}`;
  return rows.map(toPolicy)[0];
}

/**
 * The rules of every queue that needs a lane: those that exist, with their current rules, and those
 * that were deleted while something was on its way into them (an acceptance at the same moment, a
 * re-send later), with their last ones.
 */
export async function currentPolicies(sql: Sql): Promise<QueueRules[]> {
  const rows = await sql.$queryRaw<PolicyRow[]>`
    WITH RECURSIVE ${WAITING_QUEUES}
    SELECT ${COLUMNS} FROM queue AS q JOIN policy AS p ON p.queue = q.name AND p.version = q.version
    UNION ALL
    SELECT last.* FROM waiting CROSS JOIN LATERAL (
      SELECT ${COLUMNS} FROM policy AS p WHERE p.queue = waiting.queue ORDER BY p.version DESC LIMIT 1) AS last
     WHERE NOT EXISTS (SELECT 1 FROM queue AS q WHERE q.name = waiting.queue)`;
  return rows.map(toPolicy);
}

function toPolicy(row: PolicyRow): QueueRules {
  return {
    queue: row.queue,
    version: row.version,
    preset: row.preset,
    ladderSeconds: row.ladder_seconds,
    deadlineSeconds: row.deadline_seconds,
    jitter: row.jitter,
    timeoutMs: row.timeout_ms,
    success: row.success,
    supersede: row.supersede,
    maxInFlightPerEndpoint: row.max_in_flight,
    ratePerSecondPerEndpoint: row.rate_per_second,
    concurrency: row.concurrency,
  };
}
