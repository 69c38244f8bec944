import type { Sql } from '../../platform/db/client.ts';
import { assertNever, type Trigger } from '../delivery.ts';
import type { Floors } from './floors.ts';

/** A delivery in this worker's hands until its lease ends. */
export interface Claimed {
  id: string;
  leaseToken: string;
  /** When it was leased, by the database's clock, ms since the epoch. */
  leasedAtMs: number;
  /** `performance.now()` from just before that: together they are the database's clock, a hair ahead. */
  leasedAtTick: number;
  /** How long the lease lasts from then on unless it is renewed, ms. */
  leasedForMs: number;
  /** How long the receiver's rate wants the attempt to wait, ms. */
  startInMs: number;
  /** The least time between two starts at this receiver, ms; 0: no limit. */
  intervalMs: number;
  /** The receiver has not proved itself: it counts against the places of such. */
  suspect: boolean;
  /** Who asked for this delivery and what for; opaque to the engine. */
  ownerKind: string;
  ownerId: string;
  purpose: string;
  queue: string;
  policyVersion: number;
  receiverId: string;
  endpointId: string | null;
  url: string | null;
  cycle: number;
  rung: number;
  attemptCount: number;
  trigger: Trigger;
  /** When it was to be sent; null: the lease was lost and nobody knows. */
  dueMs: number | null;
  deadlineMs: number;
  resumeMs: number | null;
}

/** Why a delivery was not claimed; the verdicts are explained beside the claim function in SQL. */
type Refusal =
  | { verdict: 'early' | 'later'; receiverId: string; waitMs: number }
  | { verdict: 'behind'; receiverId: string }
  | { verdict: 'expired' | 'held' | 'busy' | 'crowded' };

export type Claim = { verdict: 'claimed'; delivery: Claimed } | Refusal;

export interface ClaimRow {
  id: string;
  verdict: Claim['verdict'];
  wait_ms: number;
  start_in_ms: number;
  interval_ms: number;
  suspect: boolean;
  lease_token: string;
  now_at: Date;
  owner_kind: string;
  owner_id: string;
  purpose: string;
  queue: string;
  policy_version: number;
  receiver_id: string;
  endpoint_id: string | null;
  url: string | null;
  cycle: number;
  rung: number;
  attempt_count: number;
  trigger: Trigger;
  due_at: Date | null;
  deadline_at: Date;
  resume_at: Date | null;
  lease_until: Date | null;
  lease_floor?: bigint | null;
}

/** What a lease lasts beyond the attempt's own deadline: composing, a slow process, the record itself. */
export const LEASE_MARGIN_MS = 10_000;

/** A delivery that may be due, and its receiver where that is known. */
export interface Wanted {
  id: string;
  receiverId: string | null;
}

/**
 * Leases what may be sent now. A delivery that is not in the answer is settled, or in other hands.
 *
 * @param queue which all of them are in
 * @param places attempts this worker can begin
 * @param suspectPlaces of those, for receivers that have not proved themselves
 */
export async function claimDeliveries(
  sql: Sql,
  floors: Floors,
  queue: string,
  wanted: readonly Wanted[],
  places: number,
  suspectPlaces: number,
): Promise<Map<string, Claim>> {
  const tick = performance.now();
  const receiverIds = wanted.map(({ receiverId }) => receiverId);
  const leaseFloors = receiverIds.map((id) => (id === null ? null : floors.leaseAt(id)));
  const dueFloors = receiverIds.map((id) => (id === null ? null : floors.dueAt(queue, id)));
  const rows = await sql.$queryRaw<ClaimRow[]>`
    SELECT * FROM claim_deliveries(${wanted.map(({ id }) => id)}::text[], ${places}::int,
      ${suspectPlaces}::int, ${LEASE_MARGIN_MS}::int, ${receiverIds}::text[],
      ${leaseFloors}::bigint[], ${dueFloors.map(timeOf)}::timestamptz[])`;
  for (const { receiver_id, lease_floor } of rows) {
    if (lease_floor != null) floors.noteLease(receiver_id, String(lease_floor));
  }
  return new Map(rows.map((row) => [row.id, toClaim(row, tick)]));
}

/** As a parameter: an array of dates is one that Prisma does not take with nulls in it. */
export function timeOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

function toClaim(row: ClaimRow, tick: number): Claim {
  switch (row.verdict) {
    case 'claimed':
      return { verdict: 'claimed', delivery: toClaimed(row, tick) };
    case 'early':
    case 'later':
      return { verdict: row.verdict, receiverId: row.receiver_id, waitMs: row.wait_ms };
    case 'behind':
      return { verdict: row.verdict, receiverId: row.receiver_id };
    case 'expired':
    case 'held':
    case 'busy':
    case 'crowded':
      return { verdict: row.verdict };
    default:
      return assertNever(row.verdict);
  }
}

export function toClaimed(row: ClaimRow, tick: number): Claimed {
  return {
    id: row.id,
    leaseToken: row.lease_token,
    leasedAtMs: row.now_at.getTime(),
    leasedAtTick: tick,
    leasedForMs: (row.lease_until?.getTime() ?? 0) - row.now_at.getTime(),
    startInMs: row.start_in_ms,
    intervalMs: row.interval_ms,
    suspect: row.suspect,
    ownerKind: row.owner_kind,
    ownerId: row.owner_id,
    purpose: row.purpose,
    queue: row.queue,
    policyVersion: row.policy_version,
    receiverId: row.receiver_id,
    endpointId: row.endpoint_id,
    url: row.url,
    cycle: row.cycle,
    rung: row.rung,
    attemptCount: row.attempt_count,
    trigger: row.trigger,
    dueMs: row.due_at?.getTime() ?? null,
    deadlineMs: row.deadline_at.getTime(),
    resumeMs: row.resume_at?.getTime() ?? null,
  };
}

/**
 * Leases that have run out: the worker died in them, or was too slow.
 *
 * @param floorMs none that ends earlier is left, ms since the epoch; null: nobody knows
 */
export async function findOverdueLeases(
  sql: Sql,
  limit: number,
  floorMs: number | null,
): Promise<Claimed[]> {
  const rows = await sql.$queryRaw<ClaimRow[]>`
    SELECT id, 0 AS start_in_ms, 0 AS interval_ms, false AS suspect, lease_token, leased_at AS now_at, owner_kind,
           owner_id, purpose, queue, policy_version, receiver_id, endpoint_id, url, cycle, rung,
           attempt_count, trigger, NULL::timestamptz AS due_at, deadline_at, resume_at, lease_until
      FROM delivery WHERE lease_token IS NOT NULL AND lease_until <= postrider_now()
       AND lease_until >= coalesce(${timeOf(floorMs)}::timestamptz, '-infinity')
     ORDER BY lease_until LIMIT ${limit}`;
  return rows.map((row) => toClaimed(row, performance.now()));
}
