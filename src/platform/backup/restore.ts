import { existsSync } from 'node:fs';
import { appendFile, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ORIGIN_SETTING } from '../db/transaction-numbers.ts';
import { findNativeDir, prepareBinaries } from '../embedded-postgres/binaries.ts';
import { chooseUser, clusterDir, UNFINISHED_RESTORE } from '../embedded-postgres/cluster.ts';
import { ensureFolder } from '../embedded-postgres/folder.ts';
import { lockFolder } from '../embedded-postgres/lock.ts';
import { stopOrphan } from '../embedded-postgres/orphan.ts';
import { requireRoom, SECRETS } from './copy.ts';
import { BackupError, explained } from './error.ts';
import { type CopyOptions, copyFile, copyFolder, forEach, give, sync, syncTree } from './files.ts';
import { type Manifest, readManifest, sizeOf } from './manifest.ts';
import type { Progress } from './progress.ts';

export interface RestoreOptions {
  /** A backup's folder. */
  from: string;
  /** Of the gateway, which must not run. */
  dataDir: string;
  /** What to do with a database that is there already. */
  existing: 'refuse' | 'move aside';
  signal: AbortSignal;
  progress: Progress;
  log: (line: string) => void;
}

export interface RestoreSummary {
  manifest: Manifest;
  dataDir: string;
  /** Where the database now is that was there before; null: there was none. */
  movedTo: string | null;
}

/** In the order in which they come and go: without the last one, the database, there is nothing. */
const PARTS = [...SECRETS.filter((path) => !path.includes('/')), 'postgres'];
const SPARE_BYTES = 64 * 1_024 * 1_024;

/**
 * Puts a backup into `dataDir`, each file held against what the manifest says of it.
 *
 * Crash points: while it copies, nothing of the old is touched; killed between the renames at the
 * end, the unfinished folder is still there, and the gateway refuses to begin a new database beside it.
 *
 * @throws BackupError or EmbeddedPostgresError, with one sentence
 * @throws the reason of `signal` once that is aborted; all is as before
 */
export async function restoreBackup(options: RestoreOptions): Promise<RestoreSummary> {
  const dataDir = resolve(options.dataDir);
  try {
    const from = resolve(options.from);
    const manifest = await readManifest(from);
    const isNew = !existsSync(dataDir);
    ensureFolder(dataDir);
    if (isNew) await give(dataDir, await stat(from));
    const unlock = lockFolder(dataDir);
    try {
      const movedTo = await restoreLocked(from, manifest, dataDir, options);
      return { manifest, dataDir, movedTo };
    } finally {
      unlock();
    }
  } catch (error) {
    throw explained(error, 'restore', dataDir);
  }
}

async function restoreLocked(
  from: string,
  manifest: Manifest,
  dataDir: string,
  options: RestoreOptions,
): Promise<string | null> {
  requireMajor(manifest, dataDir, options.log);
  const present = PARTS.filter((name) => existsSync(join(dataDir, name)));
  if (present.length > 0 && options.existing === 'refuse') {
    throw new BackupError(
      `In ${dataDir} there is a database already: set DATA_DIR to another folder, or add --replace to ` +
        'have it moved aside.',
    );
  }
  await stopOrphan(clusterDir(dataDir), options.log);
  const draft = join(dataDir, UNFINISHED_RESTORE);
  // A restore that was killed between its renames: until another one succeeds, no gateway may start.
  const mustStay = existsSync(draft) && !present.includes('postgres');
  try {
    await mkdir(draft, { mode: 0o700, recursive: true });
    for (const name of await readdir(draft)) await rm(join(draft, name), { recursive: true });
    await fillDraft(from, manifest, draft, options);
  } catch (error) {
    if (!mustStay) await rm(draft, { recursive: true, force: true });
    throw error;
  }
  return swap(draft, dataDir, present);
}

async function fillDraft(
  from: string,
  manifest: Manifest,
  draft: string,
  { signal, progress }: RestoreOptions,
): Promise<void> {
  requireRoom(draft, sizeOf(manifest) + SPARE_BYTES);
  const advance = progress.begin('copying', sizeOf(manifest));
  const { uid, gid } = await stat(dirname(draft));
  // In a folder of the gateway's own user everything is that user's.
  const owner = uid === 0 ? {} : { owner: { uid, gid } };
  await copyBackup(from, manifest, draft, { signal, advance, ...owner });
  await noteOrigin(draft);
  await syncTree(draft, signal);
  signal.throwIfAborted();
}

/** So that the gateway knows this for another life of the database; the files are those of the first one. */
async function noteOrigin(draft: string): Promise<void> {
  const line = `${ORIGIN_SETTING} = '${new Date().toISOString()}'\n`;
  await appendFile(join(clusterDir(draft), 'postgresql.auto.conf'), line);
}

async function copyBackup(from: string, manifest: Manifest, to: string, options: CopyOptions) {
  for (const path of manifest.folders) {
    await copyFolder(join(from, path), join(to, path), options.owner);
  }
  await forEach(manifest.files, async ({ path, bytes, sha256 }) => {
    const copied = await copyFile(join(from, path), join(to, path), options);
    if (copied?.bytes === bytes && copied.sha256 === sha256) return;
    const fault = copied === null ? 'is missing' : 'is not what it was when the backup was made';
    throw new BackupError(
      `The backup in ${from} is not whole: ${path} ${fault}; restore another one.`,
    );
  });
}

/** @returns where the old one is */
async function swap(draft: string, dataDir: string, present: string[]): Promise<string | null> {
  const aside = join(dataDir, `replaced-${new Date().toISOString().replace(/[:.]/g, '-')}`);
  if (present.length > 0) await mkdir(aside, { mode: 0o700 });
  // The old database first, the new one last: a gateway never finds one with another's keys.
  for (const name of present.toReversed()) await rename(join(dataDir, name), join(aside, name));
  for (const name of PARTS) {
    if (existsSync(join(draft, name))) await rename(join(draft, name), join(dataDir, name));
  }
  await sync(dataDir);
  await rm(draft, { recursive: true });
  await sync(dataDir);
  if (present.length === 0) return null;
  await give(aside, await stat(dirname(aside)));
  return aside;
}

function requireMajor(manifest: Manifest, dataDir: string, log: (line: string) => void): void {
  const { major } = prepareBinaries(findNativeDir(), chooseUser(dataDir), dataDir, log);
  if (manifest.postgresMajor === major) return;
  throw new BackupError(
    `The backup is one of PostgreSQL ${manifest.postgresMajor} and the bundled one is ${major}: restore ` +
      'it with the version of Postrider that made it.',
  );
}
