import type { FenceSql } from './fence.ts';

/** How a producer's local transaction ended. */
export type LocalOutcome = 'committed' | 'rolled_back';

/** The producer's table; once in its database, beside what its local transactions write. */
export const MESSAGE_TABLE = `
CREATE TABLE IF NOT EXISTS tx_message (
  message_id text PRIMARY KEY,
  outcome text NOT NULL CHECK (outcome IN ('committed', 'rolled_back')),
  created_at timestamptz NOT NULL DEFAULT now()
)`;

/**
 * Forgets messages of more than 90 days ago. A message that is suspended may be asked about for as long as
 * operators leave it so: resolve those first.
 */
export const MESSAGE_CLEANUP = `
DELETE FROM tx_message WHERE created_at < now() - interval '90 days'`;

const INSERT = `
INSERT INTO tx_message (message_id, outcome) VALUES ($1, $2)
ON CONFLICT DO NOTHING RETURNING outcome AS reason`;

const SELECT = 'SELECT outcome AS reason FROM tx_message WHERE message_id = $1';

const LOCK_TIMEOUT = "SELECT set_config('lock_timeout', $1, true) AS reason";

/** Thrown by what must not commit any more: a check-back was told before that it never will. */
export class MessageRolledBack extends Error {
  readonly messageId: string;

  constructor(messageId: string) {
    super(`The message ${messageId} was rolled back; prepare another one.`);
    this.name = 'MessageRolledBack';
    this.messageId = messageId;
  }
}

/**
 * Marks, in the local transaction, that the message stands if it commits. The first statement of that
 * transaction is the best place: from then on a check-back waits for its end.
 *
 * @returns whether the business has to run; false: it ran in an earlier transaction, which committed
 * @throws MessageRolledBack, and the transaction has to be rolled back
 */
export async function markCommitted(sql: FenceSql, messageId: string): Promise<boolean> {
  if ((await sql(INSERT, [messageId, 'committed'])).length === 1) return true;
  // A statement of its own: what made the insert wait is visible only to a later snapshot.
  if ((await sql(SELECT, [messageId]))[0]?.reason === 'committed') return false;
  throw new MessageRolledBack(messageId);
}

/**
 * How the local transaction ended, for good: where none has committed, the marker that this leaves in
 * its place keeps it from committing later. Waits for one that is open.
 *
 * Call it in a transaction of its own, which has to commit before the outcome is told to anybody.
 *
 * @param waitMs for an open one; then PostgreSQL's error 55P03 is thrown
 */
export async function settleOutcome(
  sql: FenceSql,
  messageId: string,
  waitMs: number,
): Promise<LocalOutcome> {
  await sql(LOCK_TIMEOUT, [String(waitMs)]);
  if ((await sql(INSERT, [messageId, 'rolled_back'])).length === 1) return 'rolled_back';
  return (await sql(SELECT, [messageId]))[0]?.reason === 'committed' ? 'committed' : 'rolled_back';
}
