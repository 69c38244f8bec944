import type { Database } from '../../platform/db/client.ts';
import type { Renew } from '../leases.ts';
import type { Protocols } from '../protocol.ts';
import { type RecordItem, recordThrough } from '../record.ts';
import type { QueueRules } from '../rules/rules.ts';
import {
  type Claim,
  type Claimed,
  claimDeliveries,
  findOverdueLeases,
  type Wanted,
} from './claim.ts';
import { expireOverdue } from './expire.ts';
import { type DueSearch, findDue } from './find-due.ts';
import { createFloors } from './floors.ts';
import type { Recorded } from './record.ts';
import { renewLeases } from './renew.ts';
import { currentPolicies, policyCache } from './rules.ts';

/** What the engine asks of the database: the same rules hold for whoever else implements it. */
export interface EngineStore {
  /** The one clock, ms since the epoch. */
  nowMs(): Promise<number>;
  policyOf(queue: string, version: number): Promise<QueueRules>;
  currentPolicies(): Promise<QueueRules[]>;
  claim(
    queue: string,
    wanted: readonly Wanted[],
    places: number,
    suspectPlaces: number,
  ): Promise<Map<string, Claim>>;
  /** Gives leases more time. @returns the tokens of those that were still held */
  renew: Renew;
  findDue(search: DueSearch): Promise<{ wanted: Wanted[]; next: string }>;
  findOverdueLeases(limit: number): Promise<Claimed[]>;
  /** Ends leases, in one commit; for each its answer, null where the lease was lost, or its own error. */
  record(items: RecordItem[]): Promise<Array<Recorded | null | Error>>;
  /**
   * Ends what has waited past its deadline. @returns how many there were
   * @throws where some could not be ended; all others have
   */
  expire(limit: number): Promise<number>;
}

export function sqlStore({ prisma }: Database, protocols: Protocols): EngineStore {
  const floors = createFloors();
  const nowMs = async () => {
    const [row] = await prisma.$queryRaw<{ now: Date }[]>`SELECT postrider_now() AS now`;
    return row?.now.getTime() ?? Date.now();
  };
  return {
    nowMs,
    policyOf: policyCache(prisma),
    currentPolicies: () => currentPolicies(prisma),
    claim: (queue, wanted, places, suspectPlaces) =>
      claimDeliveries(prisma, floors, queue, wanted, places, suspectPlaces),
    renew: (leases, forMs) => renewLeases(prisma, leases, forMs),
    findDue: (search) => findDue(prisma, floors, search),
    findOverdueLeases: overdueLeases(prisma, nowMs),
    record: recordThrough(prisma, floors, protocols),
    expire: (limit) => expireOverdue(prisma, protocols, limit),
  };
}

/** A lease ends ten seconds after it began at the earliest; its claim is committed or has failed by then, and more. */
const BEHIND_MS = 60_000;
/** A search of everything as often as this: clocks are set. */
const WHOLE_EVERY_MS = 600_000;

/**
 * Searches from where the last search found nothing more: while somebody holds a snapshot, all leases that ended
 * since lie before it in the index, and nothing can clear them away.
 */
function overdueLeases(
  prisma: Database['prisma'],
  nowMs: EngineStore['nowMs'],
): EngineStore['findOverdueLeases'] {
  let floorMs = Number.NEGATIVE_INFINITY;
  let knownUntil = 0;
  return async (limit) => {
    const askedAtMs = await nowMs();
    const isKnown = performance.now() < knownUntil && floorMs < askedAtMs;
    const found = await findOverdueLeases(prisma, limit, isKnown ? floorMs : null);
    if (found.length > 0) return found;
    if (!isKnown) knownUntil = performance.now() + WHOLE_EVERY_MS;
    floorMs = askedAtMs - BEHIND_MS;
    return found;
  };
}
