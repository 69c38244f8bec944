/** What `prisma migrate` would make of schema.prisma, without its engine. */
export const FLOOR_TABLE = `
  CREATE TABLE IF NOT EXISTS notification (
    id text PRIMARY KEY, merchant_id text NOT NULL, type text NOT NULL, business_key text NOT NULL,
    url text NOT NULL, payload jsonb NOT NULL, status text NOT NULL DEFAULT 'pending',
    attempts integer NOT NULL DEFAULT 0,
    created_at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP);
  CREATE INDEX IF NOT EXISTS notification_merchant_id_business_key_idx
    ON notification (merchant_id, business_key)`;

export const FLOOR_QUEUE = 'deliver';

/** What a job carries: everything, so that the worker needs not read the row. */
export interface FloorJob {
  id: string;
  url: string;
  body: string;
}
