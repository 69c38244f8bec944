import pg from 'pg';

/** How long a session's statements may take; ms. */
export interface SessionLimits {
  /** PostgreSQL ends a statement that runs longer. */
  statementTimeoutMs: number;
  /** PostgreSQL ends a statement that waits longer for a lock. */
  lockTimeoutMs: number;
}

/** The settings of one session, by the names that `pg_settings` has for them. */
export type SessionSettings = Readonly<Record<string, string>>;

const SECOND = 1000;
export const DEFAULT_LIMITS: SessionLimits = {
  statementTimeoutMs: 30 * SECOND,
  lockTimeoutMs: 5 * SECOND,
};

/**
 * What our SQL relies on, whatever the server, the database or the role says. A session that is not in
 * UTC shifts every time by its offset, in and out; a serializable one loses half of what runs at once.
 *
 * Left alone on purpose: what is the operator's to tune (memory, costs, `synchronous_commit` unless it
 * is off), and what only a superuser may set.
 */
const RELIED_ON: SessionSettings = {
  TimeZone: 'UTC',
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  client_encoding: 'UTF8',
  client_min_messages: 'warning',
  standard_conforming_strings: 'on',
  bytea_output: 'hex',
  extra_float_digits: '1',
  array_nulls: 'on',
  transform_null_equals: 'off',
  lc_numeric: 'C',
  lc_time: 'C',
  idle_session_timeout: '0',
  plan_cache_mode: 'auto',
  // Compiling costs a short statement more than it saves.
  jit: 'off',
};

/** The same for each transaction that a session begins. */
const TRANSACTIONS: SessionSettings = {
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
  default_transaction_deferrable: 'off',
};

/** A transaction whose process is gone, or stands still, must not hold its locks for ever. */
const IDLE_IN_TRANSACTION_MS = 30 * SECOND;

/**
 * All that a session is pinned to.
 *
 * @param more what this server needs besides
 */
export function sessionSettings(
  schema: string,
  limits: SessionLimits,
  more: SessionSettings,
): SessionSettings {
  return {
    ...RELIED_ON,
    ...TRANSACTIONS,
    search_path: `"${schema.replaceAll('"', '""')}"`,
    statement_timeout: String(limits.statementTimeoutMs),
    lock_timeout: String(limits.lockTimeoutMs),
    idle_in_transaction_session_timeout: String(IDLE_IN_TRANSACTION_MS),
    ...more,
  };
}

/** The settings that one transaction can have to itself. */
export function withinTransaction(settings: SessionSettings): SessionSettings {
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !(name in TRANSACTIONS)));
}

/** Begins a transaction with these settings, for connections that keep none of their own. */
export function beginWith(settings: SessionSettings): string {
  const local = Object.entries(withinTransaction(settings))
    // The driver keeps to its encoding.
    .filter(([name]) => name !== 'client_encoding')
    .map(([name, value]) => `SET LOCAL ${name} TO ${literalOf(name, value)}`);
  return ['BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE, NOT DEFERRABLE', ...local].join('; ');
}

/** A list of schemas is written as one; as a string it would be the name of a single schema. */
function literalOf(name: string, value: string): string {
  return name === 'search_path' || name === 'DateStyle' ? value : pg.escapeLiteral(value);
}

/** A session whose settings are not what they were set to. The message is for whoever operates it. */
class SessionSettingError extends Error {
  override name = 'SessionSettingError';
}

/**
 * Reads back what a session was pinned to.
 *
 * @throws SessionSettingError with one sentence when something has another value
 */
export async function requireSettings(
  client: Pick<pg.ClientBase, 'query'>,
  wanted: SessionSettings,
): Promise<void> {
  // Only a superuser may set this one. Triggers guard the log of attempts and the audit log.
  const expected: SessionSettings = { ...wanted, session_replication_role: 'origin' };
  const { rows } = await client.query<{ name: string; setting: string }>(
    'SELECT name, setting FROM pg_settings WHERE name = ANY ($1)',
    [Object.keys(expected)],
  );
  // PostgreSQL quotes a schema only where it has to.
  const bare = (value: string | undefined) => value?.replaceAll('"', '');
  const wrong = rows.filter(({ name, setting }) => bare(expected[name]) !== bare(setting));
  if (wrong.length === 0) return;
  const list = wrong.map(
    ({ name, setting }) => `${name} is "${setting}" and has to be "${expected[name]}"`,
  );
  throw new SessionSettingError(
    `The database's sessions cannot be given the settings that Postrider relies on: ${list.join('; ')}. ` +
      'Have its administrator set them for this role (ALTER ROLE … SET …).',
  );
}
