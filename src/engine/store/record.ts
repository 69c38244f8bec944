import { Prisma, type Sql } from '../../platform/db/client.ts';
import type { DeliveryStatus, Outcome, SettleReason, Trigger } from '../delivery.ts';
import { reasonOfEnd } from './arrived.ts';
import { timeOf } from './claim.ts';
import type { Floors } from './floors.ts';

/** One attempt, as it goes into the log. Times by the database's clock. */
export interface AttemptEntry {
  id: string;
  /** What made the delivery due, as it was claimed. */
  trigger: Trigger;
  startedAtMs: number;
  /** null: nobody knows, the process died in it. */
  durationMs: number | null;
  outcome: Outcome;
  statusCode: number | null;
  responseExcerpt: string | null;
  remoteAddress: string | null;
  error: string | null;
}

/** The end of a lease: what was tried, if anything, and what becomes of the delivery. */
export interface Ending {
  deliveryId: string;
  queue: string;
  receiverId: string;
  leaseToken: string;
  /** null: nothing was sent, nothing is charged. */
  attempt: AttemptEntry | null;
  next: Transition;
}

/**
 * The ways out of `sending`. Each yields all the columns that change together; the CHECKs of the
 * table mirror them.
 */
export type Transition =
  | { to: 'pending'; rung: number; delayMs: number }
  /** Back as it was, uncharged. */
  | { to: 'released'; delayMs: number }
  | { to: 'delivered' }
  | { to: 'failed' | 'cancelled'; reason: SettleReason };

/** What a batch of attempts says about one receiver. */
export interface Health {
  receiverId: string;
  succeeded: boolean;
  /** Weight of the failures, 0 when it succeeded. */
  score: number;
  /** Failures may open its circuit. */
  hasCircuit: boolean;
  /** It asked for less: 429, 502, 503 or 504. */
  slowDown: boolean;
  /** It asked for nothing at all until then, ms; null: it did not. */
  holdMs: number | null;
  /** 410: it wants no more, ever. */
  gone: boolean;
  /** At once at a receiver, by the rules of the delivery; the receiver's own limit comes first. */
  maxInFlight: number;
}

/** A delivery as the record left it. */
export interface Recorded {
  id: string;
  ownerKind: string;
  ownerId: string;
  purpose: string;
  queue: string;
  receiverId: string;
  status: DeliveryStatus;
  reason: SettleReason | null;
  cycle: number;
  attemptCount: number;
  dueAtMs: number | null;
  /** Until it is due, ms; null when it is settled. */
  waitMs: number | null;
  settled: boolean;
  /** Something else is due at the same receiver. */
  othersWait: boolean;
}

interface RecordedRow {
  id: string;
  owner_kind: string;
  owner_id: string;
  purpose: string;
  queue: string;
  receiver_id: string;
  status: DeliveryStatus;
  reason: SettleReason | null;
  cycle: number;
  attempt_count: number;
  due_at: Date | null;
  wait_ms: number | null;
  settled: boolean;
  /** The oldest that is due there and waits; null: nothing is. */
  oldest_waiting: Date | null;
  now_at: Date;
}

/** At this weight of failures the circuit opens. */
const CIRCUIT_OPENS_AT = 200;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
const EXCERPT_BYTES = 4096;

/**
 * Ends leases: attempts into the log, deliveries into their next state, receivers' health, all in
 * one statement. Only a lease that still holds is ended; a late result finds its token gone and is
 * not in the answer. A delivery that was settled meanwhile (acknowledged, cancelled) keeps that state
 * and only loses its lease.
 */
export async function recordEndings(
  sql: Sql,
  floors: Floors,
  endings: Ending[],
  health: Health[],
): Promise<Map<string, Recorded>> {
  const rows = await sql.$queryRaw<RecordedRow[]>`
    WITH ending AS (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(endings.map((each) => toEndingRow(each, floors)))}::jsonb) AS e (
        id text, due_floor timestamptz, token uuid, charged boolean, status text, reason text, rung int, delay_ms bigint,
        released boolean, trigger text, attempt_id text, started_at timestamptz, duration_ms int, outcome text,
        status_code int, response_excerpt text, remote_address text, error text)
    ), held AS (
      UPDATE delivery AS d SET
        status = CASE WHEN d.status <> 'sending' THEN d.status
                      WHEN e.status IN ('failed', 'cancelled') THEN coalesce(d.arrived_as, e.status)
                      ELSE e.status END,
        reason = CASE WHEN d.status <> 'sending' THEN d.reason
                      WHEN e.status IN ('failed', 'cancelled') THEN ${reasonOfEnd(Prisma.sql`e.reason`)} END,
        rung = coalesce(e.rung, d.rung),
        attempt_count = d.attempt_count + e.charged::int,
        trigger = CASE WHEN e.released THEN d.trigger ELSE 'ladder' END,
        priority = CASE WHEN e.charged AND d.priority = 0 THEN 1 ELSE d.priority END,
        due_at = CASE WHEN d.status <> 'sending' OR e.status <> 'pending' THEN NULL
                      WHEN e.released AND e.delay_ms = 0 THEN d.due_at
                      ELSE postrider_now() + e.delay_ms * interval '1 millisecond' END,
        resume_at = CASE WHEN e.released THEN d.resume_at END,
        settled_at = CASE WHEN d.status <> 'sending' THEN d.settled_at
                          WHEN e.status <> 'pending' THEN postrider_now() END,
        settled_xid = CASE WHEN d.status <> 'sending' THEN d.settled_xid
                           WHEN e.status <> 'pending' THEN transaction_number() END,
        lease_token = NULL, leased_at = NULL, lease_until = NULL
      FROM ending AS e
     -- Not by "=": that says that there is a lease, and the planner would look through all there ever were.
     WHERE d.id = e.id AND d.lease_token IS NOT DISTINCT FROM e.token
    RETURNING d.id, d.owner_kind, d.owner_id, d.purpose, d.queue, d.receiver_id, d.status, d.reason,
              d.cycle, d.attempt_count, d.due_at, d.resent_by,
              d.settled_at = postrider_now()
                AND (d.status = e.status OR d.status IS NOT DISTINCT FROM d.arrived_as) AS settled, e.due_floor,
              e.charged, e.trigger, e.attempt_id, e.started_at, e.duration_ms, e.outcome,
              e.status_code, e.response_excerpt, e.remote_address, e.error
    ), logged AS (
      INSERT INTO attempt (id, delivery_id, cycle, number, trigger, started_at, duration_ms, outcome,
                           status_code, response_excerpt, remote_address, error, resent_by)
      SELECT attempt_id, id, cycle, attempt_count, trigger, started_at, duration_ms, outcome,
             status_code, response_excerpt, remote_address, error,
             CASE WHEN trigger = 'resend' THEN resent_by END
        FROM held WHERE charged
    ), fared AS (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(health.map(toHealthRow))}::jsonb) AS f (
        id text, succeeded boolean, score int, has_circuit boolean, slow_down boolean,
        hold_ms bigint, gone boolean, max_in_flight int)
    ), concerned AS (
      -- A healthy receiver that answered well is not touched. In the order of ids: no deadlocks.
      SELECT r.id FROM receiver AS r JOIN fared AS f ON f.id = r.id
       WHERE NOT f.succeeded OR NOT r.trusted OR r.failure_score > 0 OR r.open_until IS NOT NULL
          OR r.allowance IS NOT NULL
       ORDER BY r.id FOR NO KEY UPDATE OF r
    ), judged AS (
      UPDATE receiver AS r SET
        trusted = f.succeeded OR (r.trusted AND r.failure_score + f.score < ${CIRCUIT_OPENS_AT}),
        -- A probe that fails quickly holds nobody's place: the ladders go on, as before the circuit.
        failure_score = CASE WHEN f.succeeded OR (f.score = 0 AND r.open_until <= postrider_now()) THEN 0
                             ELSE least(r.failure_score + f.score, 1000) END,
        pauses = CASE WHEN f.succeeded OR (f.score = 0 AND r.open_until <= postrider_now()) THEN 0
                      WHEN r.open_until > postrider_now() THEN r.pauses
                      WHEN f.has_circuit AND r.failure_score + f.score >= ${CIRCUIT_OPENS_AT}
                        THEN least(r.pauses + 1, 30)
                      ELSE r.pauses END,
        open_until = CASE
          WHEN f.hold_ms IS NOT NULL THEN
            greatest(r.open_until, postrider_now() + f.hold_ms * interval '1 millisecond')
          WHEN f.succeeded THEN NULL
          WHEN r.open_until > postrider_now() THEN r.open_until
          WHEN f.score = 0 THEN NULL
          WHEN f.has_circuit AND r.failure_score + f.score >= ${CIRCUIT_OPENS_AT} THEN postrider_now()
            + least(${LONGEST_PAUSE_MS}, ${FIRST_PAUSE_MS} * 2 ^ r.pauses) * interval '1 millisecond'
          ELSE r.open_until END,
        allowance = CASE
          WHEN f.slow_down THEN
            greatest(1, least(r.allowance, r.max_in_flight, f.max_in_flight) / 2)
          -- After a circuit few at first, and one more for each success.
          WHEN f.succeeded AND r.open_until IS NOT NULL AND r.pauses > 0
               AND coalesce(r.allowance, 2) <= 2 AND 2 < least(r.max_in_flight, f.max_in_flight)
            THEN 2
          WHEN f.succeeded AND r.allowance + 1 < least(r.max_in_flight, f.max_in_flight)
            THEN r.allowance + 1
          WHEN f.succeeded THEN NULL
          ELSE r.allowance END,
        disabled_reason = CASE WHEN f.gone THEN 'gone' ELSE r.disabled_reason END
      FROM fared AS f JOIN concerned ON concerned.id = f.id
     WHERE r.id = f.id
    ), waiting AS (
      -- The first of each priority, by a lookup in the index each: the planner would hash all that waits anywhere
      -- for one receiver's answer.
      SELECT c.queue, c.receiver_id,
             (SELECT min(first.due_at) FROM (VALUES (0), (1), (2)) AS level (priority)
               CROSS JOIN LATERAL (
                 SELECT o.due_at FROM delivery AS o
                  WHERE o.queue = c.queue AND o.receiver_id = c.receiver_id AND o.status = 'pending'
                    AND o.priority = level.priority AND o.due_at <= postrider_now()
                    AND o.due_at >= c.due_floor
                  ORDER BY o.due_at LIMIT 1) AS first) AS oldest
        FROM (SELECT queue, receiver_id,
                     least(coalesce(max(due_floor), '-infinity'), postrider_now() - interval '1 second') AS due_floor
                FROM held GROUP BY 1, 2) AS c
    )
    SELECT h.id, h.owner_kind, h.owner_id, h.purpose, h.queue, h.receiver_id, h.status, h.reason,
           h.cycle, h.attempt_count, h.due_at, h.settled,
           extract(epoch FROM h.due_at - postrider_now())::double precision * 1000 AS wait_ms,
           w.oldest AS oldest_waiting, postrider_now() AS now_at
      FROM held AS h LEFT JOIN waiting AS w ON w.queue = h.queue AND w.receiver_id = h.receiver_id`;
  for (const { queue, receiver_id, oldest_waiting, now_at } of rows) {
    floors.noteDue(queue, receiver_id, oldest_waiting?.getTime() ?? null, now_at.getTime());
  }
  // What was given back keeps the time at which it was due.
  for (const { queue, receiver_id, due_at } of rows) {
    if (due_at !== null) floors.waits(queue, receiver_id, due_at.getTime());
  }
  return new Map(rows.map((row) => [row.id, toRecorded(row)]));
}

function toEndingRow(
  { deliveryId, queue, receiverId, leaseToken, attempt, next }: Ending,
  floors: Floors,
) {
  return {
    id: deliveryId,
    due_floor: timeOf(floors.dueAt(queue, receiverId)),
    token: leaseToken,
    charged: attempt !== null,
    status: next.to === 'released' ? 'pending' : next.to,
    reason: 'reason' in next ? next.reason : null,
    rung: 'rung' in next ? next.rung : null,
    delay_ms: 'delayMs' in next ? Math.ceil(next.delayMs) : null,
    released: next.to === 'released',
    ...(attempt !== null && {
      trigger: attempt.trigger,
      attempt_id: attempt.id,
      started_at: new Date(attempt.startedAtMs).toISOString(),
      duration_ms: attempt.durationMs,
      outcome: attempt.outcome,
      status_code: attempt.statusCode,
      response_excerpt: excerpt(attempt.responseExcerpt),
      remote_address: attempt.remoteAddress,
      error: attempt.error,
    }),
  };
}

/** Cut by bytes; a character cut in two becomes U+FFFD, because jsonb refuses half a surrogate pair. */
function excerpt(text: string | null): string | null {
  return text === null ? null : Buffer.from(text).subarray(0, EXCERPT_BYTES).toString();
}

function toHealthRow(health: Health) {
  return {
    id: health.receiverId,
    succeeded: health.succeeded,
    score: health.score,
    has_circuit: health.hasCircuit,
    slow_down: health.slowDown,
    hold_ms: health.holdMs,
    gone: health.gone,
    max_in_flight: health.maxInFlight,
  };
}

function toRecorded(row: RecordedRow): Recorded {
  return {
    id: row.id,
    ownerKind: row.owner_kind,
    ownerId: row.owner_id,
    purpose: row.purpose,
    queue: row.queue,
    receiverId: row.receiver_id,
    status: row.status,
    reason: row.reason,
    cycle: row.cycle,
    attemptCount: row.attempt_count,
    dueAtMs: row.due_at?.getTime() ?? null,
    waitMs: row.wait_ms,
    settled: row.settled,
    othersWait: row.oldest_waiting !== null,
  };
}
