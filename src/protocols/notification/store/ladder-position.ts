import type { DeliveryStatus } from '../../../engine/delivery.ts';
import { SHOWN_STATUS } from '../../../engine/store/shown-status.ts';
import type { Sql } from '../../../platform/db/client.ts';
import type { Standing } from '../schedule.ts';

interface StandingRow {
  status: DeliveryStatus;
  shown_status: DeliveryStatus;
  cycle: number;
  policy_version: number;
  rung: number;
  due_at: Date | null;
  resume_at: Date | null;
  deadline_at: Date;
  now: Date;
  ladder_seconds: number[];
  deadline_seconds: number;
  jitter: number;
  timeout_ms: number;
}

/** Where a delivery stands, by the rules it was accepted with. */
export async function findStanding(sql: Sql, id: string): Promise<Standing | null> {
  const [row] = await sql.$queryRaw<StandingRow[]>`
    SELECT d.status, ${SHOWN_STATUS} AS shown_status, d.cycle, d.policy_version, d.rung, d.due_at, d.resume_at, d.deadline_at,
           postrider_now() AS now, p.ladder_seconds, p.deadline_seconds, p.jitter,
           p.timeout_ms
      FROM delivery AS d JOIN policy AS p ON p.queue = d.queue AND p.version = d.policy_version
     WHERE d.id = ${id}`;
  if (row === undefined) return null;
  return {
    status: row.status,
    shownStatus: row.shown_status,
    cycle: row.cycle,
    policyVersion: row.policy_version,
    rung: row.rung,
    dueMs: row.due_at?.getTime() ?? null,
    resumeMs: row.resume_at?.getTime() ?? null,
    deadlineMs: row.deadline_at.getTime(),
    nowMs: row.now.getTime(),
    ladderSeconds: row.ladder_seconds,
    deadlineSeconds: row.deadline_seconds,
    jitter: row.jitter,
    timeoutMs: row.timeout_ms,
  };
}
