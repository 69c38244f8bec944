import type { Sql } from '../../db/client.ts';

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
