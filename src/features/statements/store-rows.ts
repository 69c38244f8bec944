import { utcDatesBetween } from '../../api/calendar-day.ts';
import { DELIVERY_STATUSES } from '../../engine/delivery.ts';
import type { Connection } from '../../platform/db/client.ts';
import { EVENTS_SENDER } from '../event-types/sender.ts';
import { unpack } from '../exports/packed.ts';
import type { StatementRow } from './row.ts';

/** So few that adding them up holds nobody else back for long. */
const PAGE_ROWS = 1000;

const LEAST_FIRST = DELIVERY_STATUSES.map((status) => `'${status}'`).join(', ');

/** What the gateway tells of itself is nobody's business. In the words of its index. */
export const IS_OPERATIONAL = `producer_key_id = '${EVENTS_SENDER}'`;

/** The pool, or one connection of it. */
export type Queryable = Pick<Connection, 'query'>;

/** Rows went while they were read: all of them have to be read again, from what was kept. */
export class RowsGoneError extends Error {
  constructor() {
    super('retention has moved on while a statement was read');
  }
}

/**
 * The rows of a merchant between two times, in the order of their acceptance, a page at a time, each with a
 * snapshot of its own: one over the whole day would keep PostgreSQL from forgetting what has died meanwhile.
 * What retention may have removed comes from the statements of its UTC days, the rest from the notifications
 * themselves.
 *
 * @throws RowsGoneError where retention has come between
 */
export async function* rowsBetween(
  pool: Queryable,
  merchantId: string,
  from: Date,
  to: Date,
): AsyncGenerator<StatementRow[]> {
  const keptFrom = await readKeptFrom(pool);
  const archivedTo = new Date(Math.min(to.getTime(), keptFrom.getTime()));
  for (const date of utcDatesBetween(from, archivedTo)) {
    for await (const rows of archivedRows(pool, merchantId, date)) {
      const within = rows.filter(({ acceptedAt }) => {
        const ms = Date.parse(acceptedAt);
        return ms >= from.getTime() && ms < to.getTime();
      });
      if (within.length > 0) yield within;
    }
  }
  if (archivedTo < to) {
    const liveFrom = new Date(Math.max(from.getTime(), keptFrom.getTime()));
    yield* liveRows(pool, merchantId, liveFrom, to);
    if ((await readKeptFrom(pool)) > liveFrom) throw new RowsGoneError();
  }
}

/** Before this time there are statements of all UTC days; of notifications there may be none. */
async function readKeptFrom(client: Queryable): Promise<Date> {
  const { rows } = await client.query<{ kept_from: Date }>('SELECT kept_from FROM retention');
  return rows[0]?.kept_from ?? new Date(0);
}

async function* archivedRows(
  pool: Queryable,
  merchantId: string,
  date: string,
): AsyncGenerator<StatementRow[]> {
  const { rows } = await pool.query<{ id: string }>(
    `SELECT id FROM statement WHERE merchant_id = $1 AND date = $2 AND timezone = 'UTC'
      ORDER BY revision DESC LIMIT 1`,
    [merchantId, date],
  );
  if (rows[0] === undefined) return;
  for await (const lines of chunksOf(pool, rows[0].id)) yield lines.map((line) => JSON.parse(line));
}

/** The rows of a kept statement as lines of JSON, a chunk at a time. */
export async function* chunksOf(client: Queryable, statementId: string): AsyncGenerator<string[]> {
  for (let number = 0; ; number += 1) {
    const { rows } = await client.query<{ rows: Buffer }>(
      'SELECT rows FROM statement_chunk WHERE statement_id = $1 AND number = $2',
      [statementId, number],
    );
    if (rows[0] === undefined) return;
    yield await unpack(rows[0].rows);
  }
}

interface LiveRow {
  id: string;
  business_key: string;
  type: string;
  result_status: string | null;
  result_version: string;
  result_amount: string | null;
  result_currency: string | null;
  occurred_at: Date;
  accepted_at: Date;
  delivery_status: string | null;
}

async function* liveRows(
  pool: Queryable,
  merchantId: string,
  from: Date,
  to: Date,
): AsyncGenerator<StatementRow[]> {
  let after = { at: from, id: '' };
  for (;;) {
    const { rows } = await pool.query<LiveRow>(
      `SELECT n.id, n.business_key, n.type, n.result_status, n.result_version, n.result_amount,
              n.result_currency, n.occurred_at, n.accepted_at,
              -- What has arrived stays so, also while it is sent again.
              (SELECT shown_status(d.status, d.arrived_as, 1) AS shown FROM delivery AS d
                WHERE d.owner_id = n.id
                ORDER BY array_position(ARRAY[${LEAST_FIRST}], shown_status(d.status, d.arrived_as, 1))
                LIMIT 1) AS delivery_status
         FROM notification AS n
        WHERE n.merchant_id = $1 AND NOT (n.${IS_OPERATIONAL}) AND n.accepted_at < $2 AND (n.accepted_at, n.id) > ($3::timestamptz, $4)
        ORDER BY n.accepted_at, n.id LIMIT ${PAGE_ROWS}`,
      [merchantId, to, after.at, after.id],
    );
    if (rows.length > 0) yield rows.map(toRow);
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE_ROWS) return;
    after = { at: last.accepted_at, id: last.id };
  }
}

function toRow(row: LiveRow): StatementRow {
  return {
    id: row.id,
    businessKey: row.business_key,
    type: row.type,
    status: row.result_status,
    version: Number(row.result_version),
    amount: row.result_amount,
    currency: row.result_currency,
    occurredAt: row.occurred_at.toISOString(),
    acceptedAt: row.accepted_at.toISOString(),
    deliveryStatus: row.delivery_status ?? 'skipped',
  };
}
