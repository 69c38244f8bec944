import type { Database } from '../../../src/platform/db/client.ts';
import { newId } from '../../../src/platform/ids.ts';

/** A notification as it lies in the database; what a test does not say is made up. */
export interface Entry {
  id?: string;
  businessKey: string;
  acceptedAt: Date;
  occurredAt?: Date;
  /** null: it carries no result. */
  status?: string | null;
  version?: number;
  amount?: string | null;
  currency?: string | null;
  deliveryStatus?: 'delivered' | 'failed' | 'skipped';
}

const REASONS = { delivered: null, failed: 'ladder_spent', skipped: 'no_endpoint' };

/**
 * Notifications of any day, each with a delivery that has ended: what the gateway's own intake, which
 * knows no time but now, cannot make.
 *
 * @returns their ids
 */
export async function enter(
  { pool }: Pick<Database, 'pool'>,
  merchantId: string,
  entries: readonly Entry[],
): Promise<string[]> {
  const rows = entries.map((entry) => ({
    id: entry.id ?? newId('ntf'),
    delivery_id: newId('dlv'),
    business_key: entry.businessKey,
    accepted_at: entry.acceptedAt,
    occurred_at: entry.occurredAt ?? entry.acceptedAt,
    status: entry.status === undefined ? 'SUCCESS' : entry.status,
    version: entry.version ?? 0,
    amount: entry.amount === undefined ? '1.00' : entry.amount,
    currency: entry.currency === undefined ? 'CNY' : entry.currency,
    delivery_status: entry.deliveryStatus ?? 'delivered',
    reason: REASONS[entry.deliveryStatus ?? 'delivered'],
  }));
  await pool.query(
    `WITH entry AS (
       SELECT * FROM jsonb_to_recordset($2::jsonb) AS e (id text, delivery_id text, business_key text,
         accepted_at timestamptz, occurred_at timestamptz, status text, version bigint, amount numeric,
         currency text, delivery_status text, reason text)
     ), notification AS (
       INSERT INTO notification (id, merchant_id, type, business_key, queue, occurred_at, accepted_at,
           result_status, result_version, result_amount, result_currency, body, fingerprint,
           producer_key_id)
       SELECT id, $1, 'payment.settled', business_key, 'default', occurred_at, accepted_at, status,
              version, amount, currency, '{}', '', 'key_test' FROM entry
     )
     INSERT INTO delivery (id, owner_kind, owner_id, purpose, merchant_id, type, business_key, queue,
         policy_version, status, reason, accepted_at, deadline_at, settled_at)
     SELECT delivery_id, 'notification', id, 'notify', $1, 'payment.settled', business_key, 'default',
            1, delivery_status, reason, accepted_at, accepted_at + interval '1 day', accepted_at
       FROM entry`,
    [merchantId, JSON.stringify(rows)],
  );
  return rows.map(({ id }) => id);
}

const DAY_MS = 86_400_000;

/** A calendar day in UTC, so many days from now. */
export function utcDate(daysFromNow: number): string {
  return new Date(Date.now() + daysFromNow * DAY_MS).toISOString().slice(0, 10);
}

/** A time of a UTC day: `at('2026-11-22', '23:55')`. */
export function at(date: string, time: string): Date {
  return new Date(`${date}T${time}Z`);
}
