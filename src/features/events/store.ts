import type { DeliveryStatus, ShownReason } from '../../engine/delivery.ts';
import { SHOWN_STATUS } from '../../engine/store/shown-status.ts';
import type { Sql } from '../../platform/db/client.ts';
import type { AttemptEvent } from './contract.ts';

/** A place in the order in which attempts are shown: that of their transactions. */
export interface Place {
  /** Digits; beyond 2^53 one day. */
  xid: string;
  id: string;
}

export interface Placed {
  place: Place;
  event: AttemptEvent;
}

interface Row extends Omit<AttemptEvent, 'startedAt' | 'delivery' | 'notificationId'> {
  xid: string;
  purpose: string;
  ownerId: string;
  startedAt: Date;
  status: DeliveryStatus;
  reason: ShownReason | null;
  dueAt: Date | null;
}

/** Before all that will ever be shown from now on. */
export async function readHorizon(sql: Sql): Promise<Place> {
  const [row] = await sql.$queryRaw<{ xid: string }[]>`SELECT feed_horizon()::text AS xid`;
  return { xid: row?.xid ?? '0', id: '' };
}

/**
 * Attempts after a place, in the order of their transactions; none that a transaction still running
 * could yet precede, so nothing is skipped and nothing comes twice. Those of before attempts had
 * places all share one, and are not shown.
 */
export async function readAttempts(sql: Sql, after: Place, limit: number): Promise<Placed[]> {
  const rows = await sql.$queryRaw<Row[]>`
    WITH next AS MATERIALIZED (
      SELECT * FROM attempt AS a
       WHERE a.created_xid >= greatest(${after.xid}::bigint, (SELECT began_xid + 1 FROM overview_fold))
         AND a.created_xid < (SELECT feed_horizon())
         AND (a.created_xid, a.id) > (${after.xid}::bigint, ${after.id})
       ORDER BY a.created_xid, a.id LIMIT ${limit}
    )
    SELECT a.created_xid::text AS xid, a.id, a.delivery_id AS "deliveryId",
           d.purpose, d.owner_id AS "ownerId", d.merchant_id AS "merchantId",
           d.endpoint_id AS "endpointId", coalesce(d.url, e.url) AS url, d.type,
           d.business_key AS "businessKey", d.queue, a.cycle, a.number, a.trigger,
           a.started_at AS "startedAt", a.duration_ms AS "durationMs", a.outcome,
           a.status_code AS "statusCode", a.error, a.remote_address AS "remoteAddress",
           ${SHOWN_STATUS} AS status, d.reason, d.due_at AS "dueAt"
      FROM next AS a
      JOIN delivery AS d ON d.id = a.delivery_id
      LEFT JOIN endpoint AS e ON e.id = d.endpoint_id
     ORDER BY a.created_xid, a.id`;
  return rows.map(toPlaced);
}

function toPlaced({ xid, purpose, ownerId, status, reason, dueAt, ...row }: Row): Placed {
  return {
    place: { xid, id: row.id },
    event: {
      ...row,
      // Whichever protocol sends it.
      notificationId: purpose === 'notify' ? ownerId : null,
      startedAt: row.startedAt.toISOString(),
      delivery: { status, reason, nextAttemptAt: dueAt?.toISOString() ?? null },
    },
  };
}
