import { readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { clusterDir } from '../embedded-postgres/cluster.ts';
import { freeBytes } from '../embedded-postgres/log.ts';
import { BackupError } from './error.ts';
import {
  type CopyOptions,
  copyFile,
  copyFolder,
  type Entry,
  forEach,
  give,
  listTree,
} from './files.ts';
import { megabytes, type Progress } from './progress.ts';
import { type BackupEnd, type Ledger, openBackupSession } from './session.ts';

/** Beside the cluster, from DATA_DIR: without these a restored database is of no use. */
export const SECRETS = ['postgres/password', 'encryption-key', 'operator-key'];

/** Made anew by PostgreSQL at each start; the documentation of backups says to leave them out. */
const EMPTIED = [
  'pg_dynshmem',
  'pg_notify',
  'pg_serial',
  'pg_snapshots',
  'pg_stat_tmp',
  'pg_subtrans',
];
/** The slots of standbys are not the copy's, and of the log it gets what it needs, at the end. */
const LEFT_OUT = [...EMPTIED, 'pg_replslot', 'pg_wal'];
const CONTROL = 'global/pg_control';
const NAMES_LEFT_OUT = new Set([
  'backup_label',
  'backup_label.old',
  'backup_manifest',
  'current_logfiles',
  'postgresql.auto.conf.tmp',
  'postmaster.opts',
  'postmaster.pid',
  'tablespace_map',
]);
/** Temporary files and tables, and a cache that is made anew. */
const PATTERN_LEFT_OUT = /^(pgsql_tmp|pg_internal\.init)|^t\d+_\d+/;
/** Beside the files as they are: the log that comes about while they are copied. */
const SPARE_BYTES = 64 * 1_024 * 1_024;
const MAX_CONTROL_READS = 100;

/** A copy of a database, not to be used before the log in it has been replayed. */
export interface Copied {
  ledger: Ledger;
  stopLsn: string;
}

/**
 * Copies a running database and the secrets beside it into `to`, which has the layout of a
 * DATA_DIR afterwards.
 *
 * @throws BackupError
 */
export async function copyRunning(
  url: string,
  dataDir: string,
  to: string,
  options: { signal: AbortSignal; progress: Progress },
): Promise<Copied> {
  const from = clusterDir(dataDir);
  const copy = clusterDir(to);
  const session = await openBackupSession(url);
  try {
    // Listed once backup mode is on: what is made later is in the log from its first byte.
    const entries = await listTree(from, isLeftOut);
    const total = entries.reduce((sum, { bytes }) => sum + bytes, 0);
    requireRoom(to, total + SPARE_BYTES);
    const advance = options.progress.begin('copying', total);
    await give(to, await stat(dataDir));
    await copyFolder(join(dataDir, 'postgres'), join(to, 'postgres'));
    await copyFolder(from, copy);
    await copyEntries(from, copy, entries, { signal: options.signal, advance });
    const ended = await session.end();
    await give600(join(copy, 'backup_label'), ended.label, from);
    await copyLog(from, copy, ended, options.signal);
    await copySecrets(dataDir, to, options.signal);
    return { ledger: session.ledger, stopLsn: ended.stopLsn };
  } finally {
    await session.close();
  }
}

async function copyLog(from: string, to: string, ended: BackupEnd, signal: AbortSignal) {
  for (const name of ended.segments) {
    const path = join('pg_wal', name);
    const copied = await copyFile(join(from, path), join(to, path), { signal });
    if (copied?.bytes === ended.segmentBytes) continue;
    throw new BackupError(
      `The part ${name} of the database's log is needed for this backup and is gone: try again.`,
    );
  }
}

function isLeftOut(path: string): boolean {
  const [top = '', below] = path.split('/');
  // The folders themselves have to be there.
  if (LEFT_OUT.includes(top)) return below !== undefined;
  const name = basename(path);
  return NAMES_LEFT_OUT.has(name) || PATTERN_LEFT_OUT.test(name);
}

async function copyEntries(
  from: string,
  to: string,
  entries: readonly Entry[],
  options: CopyOptions,
): Promise<void> {
  for (const { path, isFolder } of entries) {
    if (isFolder) await copyFolder(join(from, path), join(to, path));
  }
  const files = entries.filter(({ path, isFolder }) => !isFolder && path !== CONTROL);
  await forEach(files, async ({ path }) => {
    await copyFile(join(from, path), join(to, path), options);
  });
  // Last, as pg_basebackup does.
  await copyControl(join(from, CONTROL), join(to, CONTROL));
}

/** It is written in place, and has no log that would mend a torn copy. */
async function copyControl(from: string, to: string): Promise<void> {
  let last = await readFile(from);
  for (let reads = 1; reads < MAX_CONTROL_READS; reads++) {
    const again = await readFile(from);
    if (again.equals(last)) return give600(to, again, from);
    last = again;
  }
  throw new BackupError('PostgreSQL never stopped writing its control file: try again.');
}

async function give600(file: string, content: string | Buffer, like: string): Promise<void> {
  await writeFile(file, content, { mode: 0o600, flag: 'wx' });
  await give(file, await stat(like));
}

async function copySecrets(dataDir: string, to: string, signal: AbortSignal): Promise<void> {
  for (const name of SECRETS) await copyFile(join(dataDir, name), join(to, name), { signal });
}

/** @throws BackupError when `bytes` do not fit on the disk of `dir` */
export function requireRoom(dir: string, bytes: number): void {
  const free = freeBytes(dir);
  if (free >= bytes) return;
  throw new BackupError(
    `There is no room in ${dir}: ${megabytes(bytes)} are needed and ${megabytes(free)} are free; ` +
      'make room or name a folder on another disk.',
  );
}
