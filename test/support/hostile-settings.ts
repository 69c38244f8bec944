/**
 * What the suite's server gives every session that does not ask for something else: other people's servers
 * have each of these somewhere. Whoever talks to it as the product does never sees them.
 */
export const HOSTILE_SETTINGS: Record<string, string> = {
  TimeZone: "'Asia/Shanghai'",
  DateStyle: 'German, DMY',
  IntervalStyle: 'sql_standard',
  standard_conforming_strings: 'off',
  bytea_output: 'escape',
  extra_float_digits: '-10',
  array_nulls: 'off',
  transform_null_equals: 'on',
  default_transaction_isolation: "'serializable'",
  default_transaction_read_only: 'on',
  default_transaction_deferrable: 'on',
  search_path: 'elsewhere',
  statement_timeout: '100',
  lock_timeout: '1',
  idle_in_transaction_session_timeout: '100',
  idle_session_timeout: '1000',
  plan_cache_mode: 'force_generic_plan',
  client_min_messages: 'debug1',
};

const FRIENDLY_SETTINGS: Record<string, string> = {
  TimeZone: 'UTC',
  DateStyle: 'ISO,MDY',
  IntervalStyle: 'postgres',
  standard_conforming_strings: 'on',
  bytea_output: 'hex',
  extra_float_digits: '1',
  array_nulls: 'on',
  transform_null_equals: 'off',
  default_transaction_isolation: 'read\\ committed',
  default_transaction_read_only: 'off',
  default_transaction_deferrable: 'off',
  search_path: 'public',
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
  plan_cache_mode: 'auto',
  client_min_messages: 'notice',
};

/** A url whose sessions have PostgreSQL's own defaults: for what is not the gateway, such as a participant. */
export function friendly(url: string): string {
  const friendly = new URL(url);
  const options = Object.entries(FRIENDLY_SETTINGS).map(([name, value]) => `-c ${name}=${value}`);
  friendly.searchParams.set('options', options.join(' '));
  return friendly.href;
}
