import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { connectTo, plainServer } from '../db/server.ts';
import type { Binaries } from '../embedded-postgres/binaries.ts';
import { type Cluster, chooseUser, clusterDir, NAME } from '../embedded-postgres/cluster.ts';
import { EmbeddedPostgresError, messageOf } from '../embedded-postgres/error.ts';
import { chooseFreePort, launch, type Server } from '../embedded-postgres/server.ts';
import { BackupError } from './error.ts';
import type { Progress } from './progress.ts';
import { type Ledger, readLedger } from './session.ts';

/** What a check has looked at. */
export interface Checked {
  tables: number;
  rows: number;
  /** null: this PostgreSQL has no means to check them. */
  indexes: number | null;
}

/** A server for the check alone: it archives nothing, cleans up nothing, and needs little. */
const SETTINGS = {
  cluster_name: 'postrider backup check',
  archive_mode: 'off',
  autovacuum: 'off',
  shared_buffers: '32MB',
  max_connections: '10',
};

/**
 * Starts a PostgreSQL on the copy in `folder`, lets it replay the log that came with it, reads every
 * row and checks every index, and stops it in order.
 *
 * This happens in the copy itself, which is a cleanly stopped database afterwards: what a restore
 * takes later is what was started and read here, and nothing is left to replay. (Rejected: a second
 * copy to be thrown away, which needs the room twice. Hard links are no copy: PostgreSQL writes into
 * its files.)
 *
 * @throws BackupError when the copy is not what it should be
 */
export async function checkCopy(
  folder: string,
  password: string,
  binaries: Binaries,
  options: { ledger: Ledger; signal: AbortSignal; progress: Progress },
): Promise<Checked> {
  const cluster: Cluster = { dir: clusterDir(folder), password, runAs: chooseUser(folder) };
  const logFile = join(folder, 'postgres.log');
  const server = await start(cluster, binaries, logFile, options.signal);
  try {
    const url = `postgres://${NAME}:${password}@127.0.0.1:${server.port}/${NAME}`;
    const checked = await read(url, options);
    await server.stop();
    requireOrderly(await server.exited);
    await rm(logFile);
    for (const name of ['backup_label.old', 'postmaster.opts']) {
      await rm(join(cluster.dir, name), { force: true });
    }
    return checked;
  } finally {
    await server.stop();
  }
}

async function start(
  cluster: Cluster,
  binaries: Binaries,
  logFile: string,
  signal: AbortSignal,
): Promise<Server> {
  try {
    const options = { cluster, binaries, logFile, choosePort: chooseFreePort, signal };
    return await launch({ ...options, settings: SETTINGS });
  } catch (error) {
    if (!(error instanceof EmbeddedPostgresError)) throw error;
    throw failed(`PostgreSQL does not start on it: ${error.reason}`);
  }
}

async function read(
  url: string,
  { ledger, signal, progress }: { ledger: Ledger; signal: AbortSignal; progress: Progress },
): Promise<Checked> {
  const limits = { statementTimeoutMs: 0, lockTimeoutMs: 0 };
  const client = await connectTo(plainServer(url), 'postrider check', limits);
  // A query under way is given up with its connection.
  const giveUp = () => void client.end().catch(() => {});
  signal.addEventListener('abort', giveUp);
  try {
    requireLedger(ledger, await readLedger(client));
    const { tables, indexes } = await listRelations(client);
    const advance = progress.begin('checking', tables.length + indexes.length);
    const rows = await readTables(client, tables, advance);
    const indexesChecked = await checkIndexes(client, indexes, advance);
    return { tables: tables.length, rows, indexes: indexesChecked };
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof BackupError ? error : failed(messageOf(error));
  } finally {
    signal.removeEventListener('abort', giveUp);
    await client.end().catch(() => {});
  }
}

/** What was migrated before the backup began must be so in the copy. */
function requireLedger(source: Ledger, copy: Ledger): void {
  if (copy.systemId !== source.systemId) throw failed('it is a copy of another database');
  const missing = source.migrations.filter((entry) => !copy.migrations.includes(entry));
  if (missing.length > 0) throw failed(`the migration ${missing[0]} is missing in it`);
}

async function listRelations(client: pg.Client) {
  const { rows } = await client.query<{ name: string; kind: 'table' | 'index' }>(
    `SELECT c.oid::regclass::text AS name, CASE c.relkind WHEN 'i' THEN 'index' ELSE 'table' END AS kind
       FROM pg_class AS c
       LEFT JOIN pg_index AS i ON i.indexrelid = c.oid
       LEFT JOIN pg_am AS a ON a.oid = c.relam
      WHERE c.relpersistence = 'p'
        AND (c.relkind IN ('r', 'm')
             OR c.relkind = 'i' AND a.amname = 'btree' AND i.indisvalid AND i.indisready)
      ORDER BY c.oid`,
  );
  const names = (wanted: string) =>
    rows.filter(({ kind }) => kind === wanted).map((row) => row.name);
  return { tables: names('table'), indexes: names('index') };
}

/** Every page's checksum and every value, also those that are stored apart for their size. */
async function readTables(client: pg.Client, tables: string[], advance: (done: number) => void) {
  let rows = 0;
  for (const table of tables) {
    const { rowCount } = await client.query(`COPY ${table} TO '/dev/null'`);
    rows += rowCount ?? 0;
    advance(1);
  }
  return rows;
}

/** @returns how many; null without PostgreSQL's own means, the extension amcheck */
async function checkIndexes(
  client: pg.Client,
  indexes: string[],
  advance: (done: number) => void,
): Promise<number | null> {
  const { rowCount } = await client.query(
    `SELECT FROM pg_available_extensions WHERE name = 'amcheck'`,
  );
  if (rowCount === 0) return null;
  // Rolled back: the copy keeps nothing of it.
  await client.query('BEGIN');
  await client.query('CREATE EXTENSION IF NOT EXISTS amcheck');
  for (const index of indexes) {
    await client.query('SELECT bt_index_check($1::regclass, heapallindexed => true)', [index]);
    advance(1);
  }
  await client.query('ROLLBACK');
  return indexes.length;
}

function requireOrderly(end: string): void {
  if (end !== 'ended with 0') throw failed(`PostgreSQL did not stop in order on it (${end})`);
}

function failed(cause: string): BackupError {
  return new BackupError(
    `The backup was made and is not good (${cause}); it was removed: try again, and look for errors ` +
      'of the disk if it happens twice.',
  );
}
