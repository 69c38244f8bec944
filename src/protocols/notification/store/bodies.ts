import type { Sql } from '../../../platform/db/client.ts';

/** What a delivery of a notification says. */
export interface Content {
  id: string;
  merchantId: string;
  /** The envelope, byte for byte. */
  body: string;
}

/** The stored envelopes of notifications. */
export async function findContents(sql: Sql, ids: string[]): Promise<Map<string, Content>> {
  const rows = await sql.$queryRaw<{ id: string; merchant_id: string; body: string }[]>`
    SELECT id, merchant_id, body::text AS body FROM notification WHERE id = ANY (${ids})`;
  return new Map(
    rows.map((row) => [row.id, { id: row.id, merchantId: row.merchant_id, body: row.body }]),
  );
}
