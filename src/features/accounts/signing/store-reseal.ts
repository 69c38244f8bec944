import { Prisma, type Sql } from '../../../platform/db/client.ts';
import type { SealedPlace } from '../../../platform/secrets/reseal.ts';
import {
  callbackContext,
  endpointContext,
  formatContext,
  headersContext,
  merchantContext,
} from './secret-contexts.ts';

const PAGE = 500;

/** All columns that hold secrets. Live ones before previous ones, as that is the way a rotation moves them. */
export function secretPlaces(sql: Sql): SealedPlace<string>[] {
  return [
    columnOf(sql, Prisma.sql`endpoint`, Prisma.sql`secret`, endpointContext),
    columnOf(sql, Prisma.sql`endpoint`, Prisma.sql`previous_secret`, endpointContext),
    columnOf(sql, Prisma.sql`endpoint`, Prisma.sql`sealed_headers`, headersContext),
    columnOf(sql, Prisma.sql`endpoint`, Prisma.sql`sealed_format_secret`, formatContext),
    columnOf(sql, Prisma.sql`merchant`, Prisma.sql`secret`, merchantContext),
    columnOf(sql, Prisma.sql`merchant`, Prisma.sql`previous_secret`, merchantContext),
    columnOf(sql, Prisma.sql`api_key`, Prisma.sql`callback_secret`, callbackContext),
    columnOf(sql, Prisma.sql`api_key`, Prisma.sql`previous_callback_secret`, callbackContext),
  ];
}

function columnOf(
  sql: Sql,
  table: Prisma.Sql,
  column: Prisma.Sql,
  contextOf: (id: string) => string,
): SealedPlace<string> {
  return {
    async findOldSeals(sealedPrefix, after) {
      const rows = await sql.$queryRaw<{ id: string; sealed: string }[]>`
        SELECT id, ${column} AS sealed FROM ${table}
         WHERE id > ${after ?? ''} AND NOT starts_with(${column}, ${sealedPrefix})
         ORDER BY id LIMIT ${PAGE}`;
      const found = rows.map(({ id, sealed }) => ({ key: id, sealed, context: contextOf(id) }));
      return { found, next: rows.at(-1)?.id ?? null };
    },
    // Locked in one order, because processes that start together do the same pages at once.
    replaceSeals: (seals) => sql.$executeRaw`
      WITH held AS MATERIALIZED (
        SELECT t.id, s.after
          FROM jsonb_to_recordset(${JSON.stringify(seals)}::jsonb) AS s (key text, before text, after text)
          JOIN ${table} AS t ON t.id = s.key AND t.${column} = s.before
         ORDER BY t.id FOR UPDATE OF t
      )
      UPDATE ${table} AS t SET ${column} = held.after FROM held WHERE t.id = held.id`,
  };
}
