import type { Sql, Transaction } from '../../platform/db/client.ts';

/** A piece of the log that was exported and dropped. Its lines are in the file. */
export interface Archived {
  firstPlace: bigint;
  lastPlace: bigint;
  firstAt: Date;
  lastAt: Date;
  previousHash: string;
  lastHash: string;
  file: string;
  fileSha256: string;
}

/** Oldest first. */
export async function findArchived(sql: Sql): Promise<Archived[]> {
  return sql.$queryRaw<Archived[]>`
    SELECT first_place AS "firstPlace", last_place AS "lastPlace", first_at AS "firstAt", last_at AS "lastAt",
           previous_hash AS "previousHash", last_hash AS "lastHash", file, file_sha256 AS "fileSha256"
      FROM audit_archive ORDER BY last_place`;
}

/** The last piece that has gone. @returns null where none has */
export async function findLastArchived(sql: Sql): Promise<Archived | null> {
  const [row] = await sql.$queryRaw<Archived[]>`
    SELECT first_place AS "firstPlace", last_place AS "lastPlace", first_at AS "firstAt", last_at AS "lastAt",
           previous_hash AS "previousHash", last_hash AS "lastHash", file, file_sha256 AS "fileSha256"
      FROM audit_archive ORDER BY last_place DESC LIMIT 1`;
  return row ?? null;
}

/** The beginning of the month (UTC), so many months before the present one. */
export async function findCutoff(sql: Sql, months: number): Promise<Date> {
  const [row] = await sql.$queryRaw<{ cutoff: Date }[]>`
    SELECT date_trunc('month', postrider_now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
           - ${months} * interval '1 month' AS cutoff`;
  if (row === undefined) throw new Error('The database has no clock.');
  return row.cutoff;
}

/** Notes that a piece is in its file, and drops it. The database itself refuses what does not fit or is too young. */
export async function dropArchived(tx: Transaction, piece: Archived): Promise<void> {
  const { firstPlace, lastPlace } = piece;
  await tx.$executeRaw`
    INSERT INTO audit_archive (first_place, last_place, first_at, last_at, previous_hash, last_hash, file, file_sha256)
    VALUES (${firstPlace}, ${lastPlace}, ${piece.firstAt}, ${piece.lastAt}, ${piece.previousHash},
            ${piece.lastHash}, ${piece.file}, ${piece.fileSha256})`;
  await tx.$executeRaw`
    DELETE FROM audit_outcome WHERE entry_id IN (
      SELECT entry_id FROM audit_seal WHERE place BETWEEN ${firstPlace} AND ${lastPlace})`;
  await tx.$executeRaw`
    DELETE FROM audit_entry WHERE id IN (
      SELECT entry_id FROM audit_seal WHERE place BETWEEN ${firstPlace} AND ${lastPlace})`;
  await tx.$executeRaw`DELETE FROM audit_seal WHERE place BETWEEN ${firstPlace} AND ${lastPlace}`;
}
