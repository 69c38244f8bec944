import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { findNativeDir, prepareBinaries } from '../embedded-postgres/binaries.ts';
import { chooseUser, clusterDir } from '../embedded-postgres/cluster.ts';
import { lockFolder, ownerOf } from '../embedded-postgres/lock.ts';
import { stopOrphan } from '../embedded-postgres/orphan.ts';
import { type Checked, checkCopy } from './check.ts';
import { copyRunning } from './copy.ts';
import { BackupError, explained } from './error.ts';
import { sync, syncTree } from './files.ts';
import { type Manifest, writeManifest } from './manifest.ts';
import type { Progress } from './progress.ts';
import type { Ledger } from './session.ts';
import { openSource } from './source.ts';

export interface BackupOptions {
  /** Of the gateway, which may run. */
  dataDir: string;
  /** The backup's folder, which is not there yet. */
  target: string;
  /** Whether it is started and read before it is called a backup. */
  check: boolean;
  signal: AbortSignal;
  progress: Progress;
  log: (line: string) => void;
}

export interface BackupSummary {
  folder: string;
  manifest: Manifest;
  /** null: not asked for. */
  checked: Checked | null;
}

const LOCK_FILE = /^owner[.-]/;

/**
 * Makes a backup of the embedded database and of the secrets beside it, while the gateway runs.
 *
 * Crash points: until the last rename there is only `<target>.partial`, which no restore takes; the
 * next backup to the same folder removes it.
 *
 * @throws BackupError or EmbeddedPostgresError, with one sentence
 * @throws the reason of `signal` once that is aborted; nothing is left behind
 */
export async function takeBackup(options: BackupOptions): Promise<BackupSummary> {
  const target = resolve(options.target);
  const draft = `${target}.partial`;
  await requireAbsent(target);
  const release = await beginDraft(draft, options.log);
  try {
    const summary = await fillDraft(draft, { ...options, dataDir: resolve(options.dataDir) });
    await rename(draft, target);
    await sync(dirname(target));
    await removeLock(target);
    return { ...summary, folder: target };
  } catch (error) {
    await rm(draft, { recursive: true, force: true, maxRetries: 3 });
    throw explained(error, 'backup', target);
  } finally {
    release();
  }
}

async function fillDraft(draft: string, options: BackupOptions) {
  const { signal, progress } = options;
  const { ledger, stopLsn } = await copyDatabase(draft, options);
  await syncTree(draft, signal);
  const postgresMajor = (await readFile(join(clusterDir(draft), 'PG_VERSION'), 'utf8')).trim();
  const checked = options.check ? await check(draft, ledger, postgresMajor, options) : null;
  const about = {
    takenAt: new Date().toISOString(),
    postgresMajor,
    stopLsn,
    isChecked: checked !== null,
    hasEncryptionKey: existsSync(join(draft, 'encryption-key')),
  };
  const skips = (path: string) => LOCK_FILE.test(path);
  const manifest = await writeManifest(draft, about, { signal, progress, skips });
  await syncTree(draft, signal);
  return { manifest, checked };
}

/** The server that was started for this alone is stopped before the copy is looked at. */
async function copyDatabase(draft: string, { dataDir, signal, progress, log }: BackupOptions) {
  const source = await openSource(dataDir, log);
  try {
    return await copyRunning(source.url, dataDir, draft, { signal, progress });
  } finally {
    await source.release();
  }
}

async function check(draft: string, ledger: Ledger, postgresMajor: string, options: BackupOptions) {
  const { dataDir, signal, progress, log } = options;
  const binaries = prepareBinaries(findNativeDir(), chooseUser(draft), dataDir, log);
  requireMajor(postgresMajor, binaries.major);
  const password = (await readFile(join(draft, 'postgres', 'password'), 'utf8')).trim();
  return checkCopy(draft, password, binaries, { ledger, signal, progress });
}

function requireMajor(found: string, bundled: string): void {
  if (found === bundled) return;
  throw new BackupError(
    `The database is one of PostgreSQL ${found} and the bundled one is ${bundled}, which cannot check ` +
      'it: use the version of Postrider that the gateway runs, or --no-verify.',
  );
}

async function requireAbsent(target: string): Promise<void> {
  if (existsSync(target)) {
    const example = join(target, new Date().toISOString().slice(0, 10));
    throw new BackupError(
      `${target} is there already: name a folder that is not there yet, such as ${example}.`,
    );
  }
  const parent = await stat(dirname(target)).catch(() => null);
  if (parent?.isDirectory()) return;
  throw new BackupError(
    `There is no folder ${dirname(target)} to put ${basename(target)} in: make it first.`,
  );
}

/** @returns gives the folder's lock back */
async function beginDraft(draft: string, log: (line: string) => void): Promise<() => void> {
  try {
    await mkdir(draft, { mode: 0o700, recursive: true });
    const release = lockDraft(draft);
    // What a killed backup has left, and the server that was checking it.
    await stopOrphan(clusterDir(draft), log);
    for (const name of await readdir(draft)) {
      if (!LOCK_FILE.test(name)) await rm(join(draft, name), { recursive: true, force: true });
    }
    return release;
  } catch (error) {
    throw explained(error, 'backup', draft);
  }
}

function lockDraft(draft: string): () => void {
  try {
    return lockFolder(draft);
  } catch (error) {
    const owner = ownerOf(draft);
    if (owner === undefined) throw error;
    throw new BackupError(
      `Another backup to this folder is under way (process ${owner}): wait for it, or name another folder.`,
    );
  }
}

/** Only a draft needs one. */
async function removeLock(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (LOCK_FILE.test(name)) await rm(join(folder, name), { force: true });
  }
}
