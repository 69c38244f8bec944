import type { Sql } from '../../platform/db/client.ts';

/** A delivery that has just become due. */
export interface Due {
  id: string;
  queue: string;
  dueAtMs: number;
  waitMs: 0;
}

/**
 * Makes deliveries due now that were made to wait for something of their owner's. Their ladder begins
 * now; their deadline stays. What is not pending any more is left alone.
 */
export async function bringForward(sql: Sql, ids: string[]): Promise<Due[]> {
  const rows = await sql.$queryRaw<{ id: string; queue: string; due_at: Date }[]>`
    UPDATE delivery AS d SET due_at = postrider_now()
      FROM (SELECT id FROM delivery WHERE id = ANY (${ids}) AND status = 'pending'
             ORDER BY id FOR UPDATE) AS chosen
     WHERE d.id = chosen.id AND d.due_at > postrider_now()
    RETURNING d.id, d.queue, d.due_at`;
  return rows.map((row) => ({
    id: row.id,
    queue: row.queue,
    dueAtMs: row.due_at.getTime(),
    waitMs: 0,
  }));
}
