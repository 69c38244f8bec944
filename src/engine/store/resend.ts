import { Prisma, type Sql } from '../../platform/db/client.ts';

/** What a re-send found. Everything but `due` changed nothing. */
type ResendVerdict = 'due' | 'already_due' | 'already_delivered' | 'in_flight' | 'no_receiver';

export interface Resent {
  id: string;
  verdict: ResendVerdict;
  queue: string;
  receiverId: string | null;
  dueAtMs: number | null;
}

export interface ResendOptions {
  delivered: 'refuse' | 'repeat';
  /** 2: after what is new and after repeats. */
  priority: 0 | 2;
  /** The key or the job that asks; shown with the attempt. null: the gateway itself. */
  by: string | null;
  /** How long ago the request came: what was re-sent since then was meant by it. */
  askedAgoMs?: number;
  /** Another address, for deliveries that have one of their own; absent: as before. */
  to?: { url: string; receiverId: string } | undefined;
}

/**
 * Makes deliveries due now. A pending one is tried now and its ladder stays where it is; a settled
 * one begins its next cycle with a new deadline; a delivered one only with `force`, and whatever comes of
 * that, it stays delivered.
 *
 * One guarded statement: of a hundred at once the first changes the row, the others find it done, even
 * if its attempt has ended before they come to it.
 */
export async function resendDeliveries(
  sql: Sql,
  ids: string[],
  options: ResendOptions,
): Promise<Resent[]> {
  const { delivered, by, to } = options;
  const refused = Prisma.sql`${delivered === 'refuse'} AND 'delivered' IN (d.status, d.arrived_as)`;
  const sameAddress = Prisma.sql`d.url IS NOT DISTINCT FROM coalesce(${to?.url ?? null}, d.url)`;
  // All that a CHECK looks at is said, also what is so already: where this waited for the row, PostgreSQL first puts the
  // new values into the row as it was before the wait, and checks that.
  const pending = Prisma.sql`status = 'pending', reason = NULL, settled_at = NULL, settled_xid = NULL,
    lease_token = NULL, leased_at = NULL, lease_until = NULL, due_at = postrider_now(),
    receiver_id = coalesce(${to?.receiverId ?? null}, w.receiver_id)`;
  const asked = Prisma.sql`trigger = 'resend', resent_at = postrider_now(), resent_by = ${by},
    url = coalesce(${to?.url ?? null}, d.url)`;
  const rows = await sql.$queryRaw<
    {
      id: string;
      queue: string;
      receiver_id: string | null;
      verdict: ResendVerdict;
      due_at: Date | null;
    }[]
  >`
    WITH url_receiver AS (
      INSERT INTO receiver (id) SELECT ${to?.receiverId ?? null} WHERE ${to !== undefined} ON CONFLICT DO NOTHING
    ), wanted AS MATERIALIZED (
      SELECT d.*, p.deadline_seconds,
             CASE WHEN d.lease_token IS NOT NULL THEN 'in_flight'
                  WHEN d.resent_at > postrider_now() - ${options.askedAgoMs ?? 0} * interval '1 millisecond'
                       AND ${sameAddress}
                    THEN CASE WHEN ${refused} THEN 'already_delivered' ELSE 'already_due' END
                  WHEN ${refused} THEN 'already_delivered'
                  WHEN d.receiver_id IS NULL THEN 'no_receiver'
                  WHEN d.status = 'pending' AND d.trigger = 'resend' AND d.due_at <= postrider_now()
                       AND ${sameAddress}
                    THEN 'already_due'
                  ELSE 'due' END AS verdict
        FROM delivery AS d JOIN policy AS p ON p.queue = d.queue AND p.version = d.policy_version
       WHERE d.id = ANY (${ids})
       ORDER BY d.id FOR UPDATE OF d
    ), tried_now AS (
      UPDATE delivery AS d
         SET ${pending}, ${asked}, resume_at = coalesce(d.resume_at, d.due_at)
        FROM wanted AS w WHERE d.id = w.id AND w.verdict = 'due' AND w.status = 'pending'
      RETURNING d.id, d.due_at, d.receiver_id
    ), begun_again AS (
      UPDATE delivery AS d
         SET ${pending}, ${asked}, cycle = d.cycle + 1, rung = 0, attempt_count = 0,
             priority = ${options.priority}, resume_at = NULL,
             -- Of a check-back or a call of a transaction a success has had its consequences.
             arrived_as = CASE WHEN d.purpose <> 'notify' THEN NULL
                               WHEN d.status IN ('delivered', 'acknowledged') THEN d.status
                               ELSE d.arrived_as END,
             deadline_at = postrider_now() + w.deadline_seconds * interval '1 second'
        FROM wanted AS w WHERE d.id = w.id AND w.verdict = 'due' AND w.status <> 'pending'
      RETURNING d.id, d.due_at, d.receiver_id
    )
    SELECT w.id, w.queue, coalesce(t.receiver_id, b.receiver_id, w.receiver_id) AS receiver_id, w.verdict, coalesce(t.due_at, b.due_at) AS due_at
      FROM wanted AS w LEFT JOIN tried_now AS t ON t.id = w.id LEFT JOIN begun_again AS b ON b.id = w.id`;
  return rows.map((row) => ({
    id: row.id,
    verdict: row.verdict,
    queue: row.queue,
    receiverId: row.receiver_id,
    dueAtMs: row.due_at?.getTime() ?? null,
  }));
}
