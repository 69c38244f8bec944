import type { Sql } from '../../../platform/db/client.ts';
import type { SecretBox } from '../../../platform/secrets/secret-box.ts';
import { type Headers, sealHeaders } from './sealed-headers.ts';

const PAGE = 500;

/** Seals the headers that were stored before they were sealed. @returns how many endpoints had such */
export async function sealOldHeaders(
  sql: Sql,
  secrets: SecretBox,
  stopping: AbortSignal,
): Promise<number> {
  let sealed = 0;
  while (!stopping.aborted) {
    const rows = await sql.$queryRaw<{ id: string; headers: Headers }[]>`
      SELECT id, headers FROM endpoint
       WHERE sealed_headers IS NULL AND headers <> '{}'::jsonb ORDER BY id LIMIT ${PAGE}`;
    for (const { id, headers } of rows) {
      const stored = sealHeaders(secrets, id, headers);
      // Only what was read: a change in between has sealed its own.
      sealed += await sql.$executeRaw`
        UPDATE endpoint SET headers = ${JSON.stringify(stored.shown)}::jsonb, sealed_headers = ${stored.sealed}
         WHERE id = ${id} AND sealed_headers IS NULL AND headers = ${JSON.stringify(headers)}::jsonb`;
    }
    if (rows.length < PAGE) break;
  }
  return sealed;
}
