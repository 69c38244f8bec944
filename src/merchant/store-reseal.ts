import { Prisma, type Sql } from '../db/client.ts';
import { callbackContext, endpointContext, merchantContext } from './secret-contexts.ts';

/** A column that holds sealed secrets. */
export interface SealedColumn {
  table: Prisma.Sql;
  column: Prisma.Sql;
  contextOf(id: string): string;
}

/** All of them. Live secrets before previous ones, as that is the way a rotation moves them. */
export const SEALED_COLUMNS: readonly SealedColumn[] = [
  { table: Prisma.sql`endpoint`, column: Prisma.sql`secret`, contextOf: endpointContext },
  { table: Prisma.sql`endpoint`, column: Prisma.sql`previous_secret`, contextOf: endpointContext },
  { table: Prisma.sql`merchant`, column: Prisma.sql`secret`, contextOf: merchantContext },
  { table: Prisma.sql`merchant`, column: Prisma.sql`previous_secret`, contextOf: merchantContext },
  { table: Prisma.sql`api_key`, column: Prisma.sql`callback_secret`, contextOf: callbackContext },
];

/** Secrets that do not begin like those sealed with today's key, by id. */
export async function findOldSeals(
  sql: Sql,
  { table, column }: SealedColumn,
  page: { sealedPrefix: string; after: string; limit: number },
): Promise<{ id: string; sealed: string }[]> {
  return sql.$queryRaw<{ id: string; sealed: string }[]>`
    SELECT id, ${column} AS sealed FROM ${table}
     WHERE id > ${page.after} AND NOT starts_with(${column}, ${page.sealedPrefix})
     ORDER BY id LIMIT ${page.limit}`;
}

/** Only where the old seal still stands: a rotation in between wins. */
export async function replaceSeals(
  sql: Sql,
  { table, column }: SealedColumn,
  seals: { id: string; before: string; after: string }[],
): Promise<number> {
  return sql.$executeRaw`
    UPDATE ${table} AS t SET ${column} = s.after
      FROM jsonb_to_recordset(${JSON.stringify(seals)}::jsonb) AS s (id text, before text, after text)
     WHERE t.id = s.id AND t.${column} = s.before`;
}
