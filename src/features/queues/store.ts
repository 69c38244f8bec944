import { isDeepStrictEqual } from 'node:util';
import type { NotifyProducer } from '../../api/notify-producer.ts';
import type { QueueRules, SuccessRule } from '../../engine/rules/rules.ts';
import { type Database, Prisma, type Sql, type Transaction } from '../../platform/db/client.ts';
import type { Preset } from './contract.ts';
import type { Rules } from './presets.ts';

/** A lane costs each worker a connection and places of its own. Those that the gateway brings count. */
export const MAX_QUEUES = 200;

/** A queue's current policy, and where the queue stands in a list. */
export interface QueueRow extends Rules, Pick<QueueRules, 'queue' | 'version'> {
  listKey: string;
}

interface PolicyRow {
  name: string;
  version: number;
  preset: Preset | null;
  ladder_seconds: number[];
  deadline_seconds: number;
  jitter: number;
  timeout_ms: number;
  success: SuccessRule;
  supersede: boolean;
  max_in_flight: number;
  rate_per_second: number | null;
  concurrency: number;
  notify_producer: NotifyProducer | null;
  list_key: string;
}

/** By time of creation, then name, as one text that can be compared. */
const LIST_KEY = Prisma.sql`
  to_char(q.created_at AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSMS') || q.name COLLATE "C"`;

/** Newest first; `limit` + 1 rows, if there are so many. */
export async function listQueues(
  sql: Sql,
  limit: number,
  after: string | null,
): Promise<QueueRow[]> {
  const rows = await sql.$queryRaw<PolicyRow[]>`
    SELECT q.name, p.*, ${LIST_KEY} AS list_key
      FROM queue AS q JOIN policy AS p ON p.queue = q.name AND p.version = q.version
     WHERE ${after}::text IS NULL OR ${LIST_KEY} < ${after}
     ORDER BY list_key DESC LIMIT ${limit + 1}`;
  return rows.map(toQueue);
}

export async function findQueue(sql: Sql, name: string): Promise<QueueRow | null> {
  const [row] = await sql.$queryRaw<PolicyRow[]>`
    SELECT q.name, p.*, ${LIST_KEY} AS list_key
      FROM queue AS q JOIN policy AS p ON p.queue = q.name AND p.version = q.version
     WHERE q.name = ${name}`;
  return row === undefined ? null : toQueue(row);
}

/**
 * Gives a queue these rules, under the next version; the same rules again change nothing. The queue's
 * row is locked first, so writers of one queue take turns. Versions go on counting where an earlier
 * queue of that name stopped, because deliveries of that time still name them.
 */
export async function putQueue(
  { prisma }: Database,
  name: string,
  rules: Rules,
): Promise<QueueRow | 'too_many'> {
  return prisma.$transaction(async (tx) => {
    const created = await lockOrCreate(tx, name);
    if (created && (await countQueues(tx)) > MAX_QUEUES) {
      await tx.$executeRaw`DELETE FROM queue WHERE name = ${name}`;
      return 'too_many';
    }
    const current = created ? null : await findQueue(tx, name);
    if (current !== null && isDeepStrictEqual(rulesOf(current), rules)) return current;
    await tx.$executeRaw`
      WITH made AS (
        INSERT INTO policy (queue, version, preset, ladder_seconds, deadline_seconds, jitter,
          timeout_ms, success, supersede, max_in_flight, rate_per_second, concurrency, notify_producer)
        VALUES (${name},
          1 + coalesce((SELECT max(version) FROM policy WHERE queue = ${name}), 0),
          ${rules.preset}, ${rules.ladderSeconds}::int[], ${rules.deadlineSeconds}, ${rules.jitter},
          ${rules.timeoutMs}, ${JSON.stringify(rules.success)}::jsonb, ${rules.supersede},
          ${rules.maxInFlightPerEndpoint}, ${rules.ratePerSecondPerEndpoint}, ${rules.concurrency},
          ${rules.notifyProducer && JSON.stringify(rules.notifyProducer)}::jsonb)
        RETURNING version
      )
      UPDATE queue SET version = made.version FROM made WHERE name = ${name}`;
    const queue = await findQueue(tx, name);
    if (queue === null) throw new Error(`Queue ${name} vanished although its row was locked.`);
    return queue;
  });
}

/**
 * Those who make queues take turns, so that two don't count past each other; the lock is in nobody
 * else's way.
 */
async function countQueues(tx: Transaction): Promise<number> {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtext('postrider.queues'))`;
  const [row] = await tx.$queryRaw<{ count: number }[]>`SELECT count(*)::int AS count FROM queue`;
  return row?.count ?? 0;
}

/** @returns whether the row was made; its version is set by the caller, in the same transaction */
async function lockOrCreate(tx: Transaction, name: string): Promise<boolean> {
  const [row] = await tx.$queryRaw<{ created: boolean }[]>`
    INSERT INTO queue AS q (name, version) VALUES (${name}, 1)
    ON CONFLICT (name) DO UPDATE SET name = q.name RETURNING xmax = 0 AS created`;
  return row?.created ?? false;
}

/**
 * Removes a queue that nothing waits in; its policies stay for the deliveries that were made by them.
 *
 * The row is locked first, so that other rules for the queue, or an endpoint that names it, come before
 * or after, never between. Intake does not lock it. What it accepts at the same moment may be committed
 * after the guard has looked, and is sent all the same: `currentPolicies` gives a lane to every queue in
 * which something waits, with the last rules it had.
 * (Rejected: a share of the lock for each acceptance, a write to the queue's row for a rare event.)
 *
 * The guard asks twice, as the indexes are: of what is due, by queue; of leases, which are few.
 */
export async function deleteQueue(
  tx: Transaction,
  name: string,
): Promise<'deleted' | 'not_empty' | 'absent'> {
  const locked = await tx.$queryRaw<unknown[]>`
    SELECT 1 FROM queue WHERE name = ${name} FOR UPDATE`;
  if (locked.length === 0) return 'absent';
  const deleted = await tx.$executeRaw`
    DELETE FROM queue WHERE name = ${name}
       AND NOT EXISTS (SELECT 1 FROM delivery WHERE queue = ${name} AND status = 'pending')
       AND NOT EXISTS (
         SELECT 1 FROM delivery
          WHERE queue = ${name} AND status = 'sending' AND lease_token IS NOT NULL)`;
  return deleted === 1 ? 'deleted' : 'not_empty';
}

/** The one clock, ms since the epoch. */
export async function readClock(sql: Sql): Promise<number> {
  const [row] = await sql.$queryRaw<{ now: Date }[]>`SELECT postrider_now() AS now`;
  if (row === undefined) throw new Error('The database told no time.');
  return row.now.getTime();
}

function rulesOf({
  queue: _queue,
  version: _version,
  listKey: _listKey,
  ...rules
}: QueueRow): Rules {
  return rules;
}

function toQueue(row: PolicyRow): QueueRow {
  return {
    queue: row.name,
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
    notifyProducer: row.notify_producer,
    listKey: row.list_key,
  };
}
