import type pg from 'pg';
import { connectTo, plainServer } from '../db/server.ts';
import { messageOf } from '../embedded-postgres/error.ts';
import { BackupError } from './error.ts';
import { segmentsBetween } from './segments.ts';

/** What was there when the backup began, and must be in it. */
export interface Ledger {
  systemId: string;
  /** Name and checksum of each migration. */
  migrations: string[];
}

/** What completes the copied files: they are torn without it. */
export interface BackupEnd {
  /** The content of the file `backup_label`. */
  label: string;
  /** Names of the files in pg_wal that hold all changes made while the files were copied. */
  segments: string[];
  segmentBytes: number;
  /** Up to this position of the log the backup is complete, e.g. `0/5A00120`. */
  stopLsn: string;
}

/** PostgreSQL in backup mode. Copy the files between `open` and `end`. */
export interface BackupSession {
  ledger: Ledger;
  /** May be called once. @throws BackupError */
  end(): Promise<BackupEnd>;
  /** Also ends an unfinished backup mode: PostgreSQL goes on as if there had been none. */
  close(): Promise<void>;
}

/** Nothing here may be cut short: a checkpoint of a busy database takes its time. */
const LIMITS = { statementTimeoutMs: 0, lockTimeoutMs: 10_000 };

/**
 * Begins an online backup by PostgreSQL's low-level interface, the only one where neither
 * pg_basebackup nor pg_dump is installed.
 *
 * The changes made while files are copied are in the log, and the log's files would be recycled
 * meanwhile: a replication slot keeps them. Slot and backup mode are this session's, and end with
 * it, also when this process is killed.
 *
 * @throws BackupError
 */
export async function openBackupSession(url: string): Promise<BackupSession> {
  const client = await connectTo(plainServer(url), 'postrider backup', LIMITS).catch(explain);
  const close = () => client.end().catch(() => {});
  try {
    const ledger = await readLedger(client);
    await begin(client);
    return { ledger, end: () => end(client).catch(explain), close };
  } catch (error) {
    await close();
    return explain(error);
  }
}

/** @param client must be connected to the gateway's database */
export async function readLedger(client: pg.Client): Promise<Ledger> {
  const { rows } = await client.query<{ id: string; used: boolean }>(
    `SELECT system_identifier::text AS id, to_regclass('_prisma_migrations') IS NOT NULL AS used
       FROM pg_control_system()`,
  );
  const { id, used } = rows[0]!;
  if (!used) return { systemId: id, migrations: [] };
  const { rows: migrations } = await client.query<{ entry: string }>(
    `SELECT migration_name || ' ' || checksum AS entry FROM _prisma_migrations
      WHERE finished_at IS NOT NULL ORDER BY 1`,
  );
  return { systemId: id, migrations: migrations.map(({ entry }) => entry) };
}

async function begin(client: pg.Client): Promise<void> {
  await client.query(
    'SELECT pg_create_physical_replication_slot($1, immediately_reserve => true, temporary => true)',
    [`postrider_backup_${process.pid}`],
  );
  await client.query(`SELECT pg_backup_start('postrider', fast => true)`);
}

async function end(client: pg.Client): Promise<BackupEnd> {
  const { rows } = await client.query<{
    lsn: string;
    label: string;
    tablespaces: string;
    bytes: string;
  }>(
    `SELECT lsn::text, labelfile AS label, spcmapfile AS tablespaces,
            (SELECT setting FROM pg_settings WHERE name = 'wal_segment_size') AS bytes
       FROM pg_backup_stop(wait_for_archive => false)`,
  );
  const { lsn, label, tablespaces, bytes } = rows[0]!;
  if (tablespaces.trim() !== '') {
    throw new BackupError(
      'This database has tablespaces of its own outside of its folder: back it up with pg_basebackup.',
    );
  }
  const first = /^START WAL LOCATION: \S+ \(file ([0-9A-F]{24})\)$/m.exec(label)?.[1];
  if (first === undefined) throw new BackupError(`PostgreSQL's label says no beginning: ${label}`);
  const segmentBytes = Number(bytes);
  return { label, segments: segmentsBetween(first, lsn, segmentBytes), segmentBytes, stopLsn: lsn };
}

function explain(error: unknown): never {
  if (error instanceof BackupError) throw error;
  throw new BackupError(
    `The database cannot be backed up at the moment (${messageOf(error)}): try again once the ` +
      'gateway answers.',
    { cause: error },
  );
}
