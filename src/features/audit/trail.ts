import type { Logger } from 'pino';
import { Problem } from '../../api/problem.ts';
import { batched } from '../../platform/batch.ts';
import type { Sql } from '../../platform/db/client.ts';
import { newId } from '../../platform/ids.ts';
import { repeat } from '../../platform/time/periodic.ts';
import { boundedReason, boundedState, boundedText, type State } from './bounds.ts';
import {
  dropPending,
  insertPending,
  type NewEntry,
  type NewOutcome,
  settlePending,
} from './store.ts';
import { createSums, type Summed } from './sums.ts';

const SECOND = 1000;
const SUMS_EVERY_MS = 5 * SECOND;
const LONGEST_ID = 128;
const BATCHES = { maxItems: 200, maxRuns: 2, maxWaiting: 5_000, whenFull: overloaded };

/**
 * Writes the audit log. Calls that come together share a statement; each is committed on return.
 *
 * A call that ends well, or fails by our own fault, is an entry. One that is refused (4xx) is an entry where it is
 * the first of its actor, action and minute, and else part of that minute's sum.
 *
 * @param deps.monotonicMs for tests; `performance.now` when absent
 */
export function createAuditTrail(deps: {
  sql: Sql;
  log: Pick<Logger, 'error'>;
  monotonicMs?: () => number;
}) {
  const { sql, log } = deps;
  const insert = batched<[string, NewEntry], undefined>(BATCHES, async (entries) => {
    await insertPending(sql, entries);
    return entries.map(() => undefined);
  });
  const settle = batched<NewOutcome, undefined>(BATCHES, async (ends) => {
    await settlePending(sql, ends);
    return ends.map(() => undefined);
  });
  const drop = batched<string, undefined>(BATCHES, async (ids) => {
    await dropPending(sql, ids);
    return ids.map(() => undefined);
  });
  const sums = createSums(deps.monotonicMs ?? (() => performance.now()));
  /** Calls under way in this process. */
  const begun = new Map<string, NewEntry>();

  async function put(entry: NewEntry): Promise<string> {
    const id = newId('aud');
    await insert([id, bounded(entry)]);
    return id;
  }

  async function writeSums(summed: Summed[]): Promise<void> {
    for (const { entry, status } of summed) {
      const entryId = await put(entry);
      await settle({ entryId, status, after: null });
    }
  }

  const telling = repeat(
    SUMS_EVERY_MS,
    () => writeSums(sums.takeOver()),
    (error) => log.error({ err: error }, 'refused calls of a minute were not kept'),
  );

  return {
    async begin(entry: NewEntry): Promise<string> {
      const id = await put(entry);
      begun.set(id, entry);
      return id;
    },
    async end(entryId: string, { status, after }: { status: number; after: State }): Promise<void> {
      const entry = begun.get(entryId);
      begun.delete(entryId);
      const isRefused = status >= 400 && status < 500;
      if (isRefused && entry !== undefined && sums.count(entry, status)) return drop(entryId);
      await settle({ entryId, status, after: boundedState(after) });
    },
    /** Writes what has been summed up so far. */
    async close(): Promise<void> {
      await telling.close();
      await writeSums(sums.takeAll());
    },
  };
}

function bounded(entry: NewEntry): NewEntry {
  const { principal, object, merchantId } = entry;
  return {
    ...entry,
    principal: { ...principal, name: boundedText(principal.name, LONGEST_ID) },
    object: { ...object, id: object.id && boundedText(object.id, LONGEST_ID) },
    merchantId: merchantId && boundedText(merchantId, LONGEST_ID),
    reason: boundedReason(entry.reason),
    asked: boundedState(entry.asked),
    before: boundedState(entry.before),
  };
}

function overloaded(): Problem {
  return new Problem(503, 'unavailable', 'Too much waits already. Try again shortly.', {
    headers: { 'retry-after': '1' },
  });
}
