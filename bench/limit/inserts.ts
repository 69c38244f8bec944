import pg from 'pg';
import type { Caller, Target } from '../load/scripts.ts';

/** A table like the gateway's own, without its further indexes. */
export const BARE_TABLE = `
  CREATE TABLE IF NOT EXISTS bare (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, merchant_id text NOT NULL, type text NOT NULL,
    business_key text NOT NULL, status text NOT NULL, body json NOT NULL,
    accepted_at timestamptz NOT NULL DEFAULT now())`;

const INSERT = `INSERT INTO bare (merchant_id, type, business_key, status, body)
  VALUES ($1, $2, $3, $4, $5)`;

/** The limit of storing one by one: a prepared insert and its commit, a connection to a caller. */
export async function bareInserts(target: Target): Promise<Caller> {
  const client = new pg.Client({ connectionString: target.databaseUrl ?? '' });
  await client.connect();
  return {
    async call(n) {
      const body = JSON.stringify({ order: n, note: 'x'.repeat(200) });
      const values = [`bench_m${n % 20}`, 'payment.succeeded', `ORDER-${n}`, 'pending', body];
      await client.query({ name: 'bare', text: INSERT, values });
      return { units: 1 };
    },
    close: () => client.end(),
  };
}
