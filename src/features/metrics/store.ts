import type { Sql } from '../../platform/db/client.ts';

export interface ReceiverCounts {
  paused: number;
  disabled: number;
  circuit_open: number;
  circuit_half_open: number;
}

/** How many receivers are in which unusual state; a half-open circuit may be probed. */
export async function readReceivers(sql: Sql): Promise<ReceiverCounts> {
  const [row] = await sql.$queryRaw<ReceiverCounts[]>`
    SELECT count(*) FILTER (WHERE paused_at IS NOT NULL)::int AS paused,
           count(*) FILTER (WHERE disabled_reason IS NOT NULL)::int AS disabled,
           count(*) FILTER (WHERE open_until > postrider_now())::int AS circuit_open,
           count(*) FILTER (WHERE open_until <= postrider_now())::int AS circuit_half_open
      FROM receiver
     WHERE paused_at IS NOT NULL OR disabled_reason IS NOT NULL OR open_until IS NOT NULL`;
  return row ?? { paused: 0, disabled: 0, circuit_open: 0, circuit_half_open: 0 };
}

export interface ExpiringKeys {
  operator: number;
  producer: number;
  merchant: number;
}

/** How many keys that were used lately end within two weeks: somebody may be cut off then. */
export async function readExpiringKeys(sql: Sql): Promise<ExpiringKeys> {
  const [row] = await sql.$queryRaw<ExpiringKeys[]>`
    SELECT count(*) FILTER (WHERE role = 'operator')::int AS operator,
           count(*) FILTER (WHERE role = 'producer')::int AS producer,
           count(*) FILTER (WHERE role = 'merchant')::int AS merchant
      FROM api_key
     WHERE revoked_at IS NULL AND expires_at > postrider_now()
       AND expires_at <= postrider_now() + interval '14 days'
       AND last_used_at > postrider_now() - interval '30 days'`;
  return row ?? { operator: 0, producer: 0, merchant: 0 };
}

/**
 * How long the oldest snapshot in this database has been held, s; 0: none is. What is hidden from the role
 * counts as none: `GRANT pg_read_all_stats` shows it everything.
 */
export async function readOldestSnapshotSeconds(sql: Sql): Promise<number> {
  const [row] = await sql.$queryRaw<{ seconds: number | null }[]>`
    SELECT extract(epoch FROM clock_timestamp() - min(since))::float8 AS seconds FROM (
      SELECT xact_start AS since FROM pg_stat_activity
       WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid() AND datname = current_database()
      UNION ALL
      SELECT prepared FROM pg_prepared_xacts WHERE database = current_database()) AS held`;
  return Math.max(0, row?.seconds ?? 0);
}
