import type pg from 'pg';

/** A request as the receiver wrote it down, and what it answered. */
export interface Arrival {
  /** ms since the epoch, by the same machine's clock as the database's. */
  at: number;
  deliveryId: string;
  cycle: number;
  number: number;
  webhookId: string;
  /** Its `webhook-timestamp`, s since the epoch. */
  stampS: number;
  /** The status it decided on; whether the answer got through is another question. */
  status: number;
}

/** All that is known from outside of one run. */
export interface Evidence {
  sql: pg.Pool;
  arrivals: readonly Arrival[];
  /** What clients were told: business key → notification id. */
  told: ReadonlyMap<string, string>;
  /** Attempts under way when something was killed or stopped, as `attemptKey` has them. */
  interrupted: ReadonlySet<string>;
  /** `interrupted`: only what was killed may be unknown; `any`: results may get lost in other ways. */
  unknownMayBe: 'interrupted' | 'any';
  /**
   * What a claim may take, waiting for a connection among it. A worker carries the database's clock on
   * from before its claim was sent, so `started_at` is ahead by that. To the millisecond, the receiver's
   * log says the same (`compareLogs`).
   */
  claimMs: number;
  /** How every delivery has to end. */
  ends: { status: 'delivered' } | { status: 'failed'; reason: string };
}

export interface Findings {
  accepted: number;
  delivered: number;
  attempts: number;
  unknown: number;
  /** Attempts whose answer never came through, for another reason than a death of ours. */
  unanswered: number;
  duplicates: number;
  /** In words, with counts; empty: all holds. */
  broken: string[];
}

interface AttemptRow {
  delivery_id: string;
  cycle: number;
  number: number;
  outcome: string;
  owner_id: string;
  settled_ms: number | null;
}

/** Nobody knows whether these reached the receiver, or what it made of them. */
const UNANSWERED = new Set(['unknown', 'timeout', 'connection_error']);
/** The receiver's stamp and the database's come from two reads of one clock. */
const STAMP_MS = 5;

export function attemptKey(deliveryId: string, cycle: number, number: number): string {
  return `${deliveryId} ${cycle} ${number}`;
}

/** What must hold whatever was killed, from the tables themselves and from outside. */
export async function checkInvariants(evidence: Evidence): Promise<Findings> {
  const { sql, arrivals } = evidence;
  const [totals, faults, attempts] = await Promise.all([
    readTotals(sql),
    faultsInTables(evidence),
    readAttempts(sql),
  ]);
  const { duplicates, broken } = compareLogs(evidence, attempts);
  const unknown = attempts.filter(({ outcome }) => outcome === 'unknown');
  const unexplained =
    evidence.unknownMayBe === 'any'
      ? []
      : unknown.filter((row) => !evidence.interrupted.has(keyOf(row)));
  return {
    ...totals,
    attempts: attempts.length,
    unknown: unknown.length,
    unanswered: attempts.filter(({ outcome }) => UNANSWERED.has(outcome)).length - unknown.length,
    duplicates,
    broken: [
      ...faults,
      ...broken,
      ...counted(unexplained.length, 'attempts are unknown that no kill interrupted'),
      ...(await untold(evidence)),
      ...counted(
        new Set(arrivals.map(({ webhookId }) => webhookId)).size > totals.accepted ? 1 : 0,
        'receiver that got more events than were accepted',
      ),
    ],
  };
}

async function readTotals(sql: pg.Pool): Promise<{ accepted: number; delivered: number }> {
  const { rows } = await sql.query<{ accepted: number; delivered: number }>(
    `SELECT (SELECT count(*)::int FROM notification) AS accepted,
            (SELECT count(*)::int FROM delivery WHERE status = 'delivered') AS delivered`,
  );
  return rows[0] ?? { accepted: 0, delivered: 0 };
}

async function readAttempts(sql: pg.Pool): Promise<AttemptRow[]> {
  const { rows } = await sql.query<AttemptRow>(
    `SELECT a.delivery_id, a.cycle, a.number, a.outcome, d.owner_id,
            (extract(epoch FROM d.settled_at) * 1000)::double precision AS settled_ms
       FROM attempt AS a JOIN delivery AS d ON d.id = a.delivery_id`,
  );
  return rows;
}

/** One question to the tables each; the number of rows that break it. */
async function faultsInTables({ sql, ends, claimMs }: Evidence): Promise<string[]> {
  const reason = 'reason' in ends ? ends.reason : null;
  const questions: [string, string, unknown[]][] = [
    [
      'deliveries neither ended nor with a due time or a lease',
      `SELECT count(*) FROM delivery
        WHERE settled_at IS NULL AND NOT (status = 'pending' AND due_at IS NOT NULL)
          AND NOT (status = 'sending' AND lease_until IS NOT NULL)`,
      [],
    ],
    [
      `deliveries that did not end as ${ends.status}${reason === null ? '' : ` (${reason})`}`,
      `SELECT count(*) FROM delivery WHERE status <> $1 OR reason IS DISTINCT FROM $2`,
      [ends.status, reason],
    ],
    ['leases without a worker', 'SELECT count(*) FROM delivery WHERE lease_token IS NOT NULL', []],
    [
      'notifications without exactly one delivery',
      `SELECT count(*) FROM notification AS n
        WHERE (SELECT count(*) FROM delivery AS d WHERE d.owner_id = n.id) <> 1`,
      [],
    ],
    [
      'attempts that started after their delivery had ended',
      `SELECT count(*) FROM attempt AS a JOIN delivery AS d ON d.id = a.delivery_id
        WHERE a.cycle = d.cycle AND a.started_at > d.settled_at + interval '${claimMs} ms'`,
      [],
    ],
    [
      'attempts after a success',
      `SELECT count(*) FROM attempt AS a JOIN attempt AS won USING (delivery_id, cycle)
        WHERE won.outcome = 'success' AND a.number > won.number`,
      [],
    ],
    [
      'deliveries whose attempts are not numbered 1, 2, 3 … as counted, within the ladder',
      `SELECT count(*) FROM delivery AS d JOIN policy AS p
           ON p.queue = d.queue AND p.version = d.policy_version
        CROSS JOIN LATERAL (SELECT count(*) AS n, count(DISTINCT number) AS numbers, max(number) AS last
                              FROM attempt WHERE delivery_id = d.id AND cycle = d.cycle) AS a
        WHERE a.n <> d.attempt_count OR a.numbers <> a.n OR coalesce(a.last, 0) <> a.n
           OR a.n > cardinality(p.ladder_seconds)`,
      [],
    ],
    [
      'events stored more than once',
      `SELECT count(*) FROM (SELECT FROM notification GROUP BY merchant_id, business_key
                             HAVING count(*) > 1) AS twice`,
      [],
    ],
  ];
  const answers = await Promise.all(
    questions.map(async ([what, text, values]) => {
      const { rows } = await sql.query<{ count: string }>(text, values);
      return counted(Number(rows[0]?.count), what);
    }),
  );
  return answers.flat();
}

/** The receiver's log beside the attempts table. */
function compareLogs(
  { arrivals }: Evidence,
  attempts: readonly AttemptRow[],
): { duplicates: number; broken: string[] } {
  const logged = new Map(attempts.map((row) => [keyOf(row), row]));
  const arrived = new Map<string, number>();
  const yeses = new Map<string, number>();
  let unlogged = 0;
  let foreign = 0;
  let afterEnd = 0;
  for (const arrival of arrivals) {
    const key = attemptKey(arrival.deliveryId, arrival.cycle, arrival.number);
    arrived.set(key, (arrived.get(key) ?? 0) + 1);
    if (arrival.status === 200) {
      yeses.set(arrival.deliveryId, (yeses.get(arrival.deliveryId) ?? 0) + 1);
    }
    const row = logged.get(key);
    if (row === undefined) unlogged += 1;
    else if (row.owner_id !== arrival.webhookId) foreign += 1;
    else if (
      row.outcome !== 'unknown' &&
      row.settled_ms !== null &&
      arrival.at > row.settled_ms + STAMP_MS
    )
      afterEnd += 1;
  }
  const answered = attempts.filter(({ outcome }) => !UNANSWERED.has(outcome));
  const unheardOf = answered.filter((row) => !arrived.has(keyOf(row))).length;
  const twice = [...arrived.values()].filter((times) => times > 1).length;
  const duplicates = [...yeses.values()].reduce((sum, times) => sum + times - 1, 0);
  const unanswered = attempts.length - answered.length;
  return {
    duplicates,
    broken: [
      ...counted(unlogged, 'requests are not in the attempts log'),
      ...counted(unheardOf, 'attempts have an answer the receiver never gave'),
      ...counted(twice, 'attempts were sent twice under one number'),
      ...counted(foreign, 'requests carry another webhook-id than their notification'),
      ...counted(afterEnd, 'requests came after their delivery had ended'),
      ...counted(
        Math.max(0, duplicates - unanswered),
        `duplicates too many: ${duplicates}, with ${unanswered} answers lost`,
      ),
    ],
  };
}

/** Everybody who was told yes finds exactly that notification, and there is no other. */
async function untold({ sql, told }: Evidence): Promise<string[]> {
  const { rows } = await sql.query<{ id: string; business_key: string }>(
    'SELECT id, business_key FROM notification',
  );
  const stored = new Map(rows.map((row) => [row.business_key, row.id]));
  const lost = [...told].filter(([key, id]) => stored.get(key) !== id).length;
  const extra = rows.filter((row) => !told.has(row.business_key)).length;
  return [
    ...counted(lost, 'notifications LOST: their client was told yes'),
    ...counted(extra, 'notifications are stored that no client was told of'),
  ];
}

function keyOf(row: { delivery_id: string; cycle: number; number: number }): string {
  return attemptKey(row.delivery_id, row.cycle, row.number);
}

function counted(count: number, what: string): string[] {
  return count > 0 ? [`${count} ${what}`] : [];
}
