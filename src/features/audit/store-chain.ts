import type { Sql } from '../../platform/db/client.ts';

/** How far the chain has come. */
export interface Head {
  place: bigint;
  hash: string;
}

export interface Seal {
  place: bigint;
  entryId: string;
  hash: string;
}

/** An entry in its place; of one that is missing there is no line. */
export interface SealedLine {
  place: bigint;
  hash: string;
  line: string | null;
  at: Date | null;
}

export async function findHead(sql: Sql): Promise<Head> {
  const [head] = await sql.$queryRaw<Head[]>`SELECT place, hash FROM audit_chain`;
  if (head === undefined) throw new Error('The head of the audit log’s chain is missing.');
  return head;
}

/** The right to go on with the chain, until the transaction ends. @returns null while another process has it */
export async function takeHead(sql: Sql): Promise<Head | null> {
  const [head] = await sql.$queryRaw<Head[]>`
    SELECT place, hash FROM audit_chain FOR UPDATE SKIP LOCKED`;
  return head ?? null;
}

/**
 * What has entered the log and has no place yet, in the order of its beginning. What has no end after an hour has none;
 * before, a process of an older version may still bring it.
 */
export async function findUnsealed(
  sql: Sql,
  limit: number,
): Promise<{ entryId: string; line: string }[]> {
  return sql.$queryRaw<{ entryId: string; line: string }[]>`
    SELECT u.entry_id AS "entryId", audit_line(e, o) AS line
      FROM audit_unsealed AS u JOIN audit_entry AS e ON e.id = u.entry_id
      LEFT JOIN audit_outcome AS o ON o.entry_id = e.id
     WHERE o.entry_id IS NOT NULL OR e.at < postrider_now() - interval '1 hour'
     ORDER BY u.entry_id LIMIT ${limit}`;
}

export async function countUnsealed(sql: Sql): Promise<number> {
  const [row] = await sql.$queryRaw<{ count: number }[]>`
    SELECT count(*)::int AS count FROM audit_unsealed`;
  return row?.count ?? 0;
}

/** Gives entries their places and moves the head to the last of them. */
export async function insertSeals(sql: Sql, seals: readonly Seal[]): Promise<void> {
  const rows = seals.map(({ place, entryId, hash }) => ({
    place: String(place),
    entry_id: entryId,
    hash,
  }));
  await sql.$executeRaw`
    WITH sealed AS (
      INSERT INTO audit_seal (place, entry_id, hash)
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS s (
        place bigint, entry_id text, hash text)
      RETURNING place, entry_id, hash
    ), ready AS (
      DELETE FROM audit_unsealed WHERE entry_id IN (SELECT entry_id FROM sealed)
    )
    UPDATE audit_chain SET (place, hash) = (SELECT place, hash FROM sealed ORDER BY place DESC LIMIT 1)`;
}

/** Places after this one, in order. */
export async function findSealed(sql: Sql, after: bigint, limit: number): Promise<SealedLine[]> {
  return sql.$queryRaw<SealedLine[]>`
    SELECT s.place, s.hash, e.at, CASE WHEN e.id IS NOT NULL THEN audit_line(e, o) END AS line
      FROM audit_seal AS s LEFT JOIN audit_entry AS e ON e.id = s.entry_id
      LEFT JOIN audit_outcome AS o ON o.entry_id = s.entry_id
     WHERE s.place > ${after} ORDER BY s.place LIMIT ${limit}`;
}

/** @returns null where the place is not in the log (any more) */
export async function findHash(sql: Sql, place: bigint): Promise<string | null> {
  const [row] = await sql.$queryRaw<{ hash: string }[]>`
    SELECT hash FROM audit_seal WHERE place = ${place}`;
  return row?.hash ?? null;
}
