import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { chmod, chown, type FileHandle, mkdir, open, readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { codeOf } from '../embedded-postgres/error.ts';

const CHUNK_BYTES = 1_024 * 1_024;
const SMALLEST_CHUNK_BYTES = 8_192;
/** A database has thousands of small files, and each takes ten calls of the system. */
const MAX_AT_ONCE = 8;

/** Something below a folder, by its path from there. */
export interface Entry {
  path: string;
  isFolder: boolean;
  bytes: number;
}

export interface CopyOptions {
  signal: AbortSignal;
  /** Told how many bytes more are done. */
  advance?: (bytes: number) => void;
  /** Whom the copy belongs to, for root alone; by default to whom the original does. */
  owner?: { uid: number; gid: number };
}

/**
 * What is below `root`, folders before what is in them. What vanishes meanwhile is left out.
 * @param skips of a path from `root`; what is below a skipped folder is skipped, too
 */
export async function listTree(
  root: string,
  skips: (path: string) => boolean = () => false,
): Promise<Entry[]> {
  const found: Entry[] = [];
  const visit = async (folder: string): Promise<void> => {
    for (const name of await orIfGone(readdir(folder), [])) {
      const path = relative(root, join(folder, name));
      if (skips(path)) continue;
      const seen = await orIfGone(stat(join(root, path)), null);
      // Neither what vanished nor a pipe or socket that somebody has left there.
      if (seen === null || !(seen.isFile() || seen.isDirectory())) continue;
      found.push({ path, isFolder: seen.isDirectory(), bytes: seen.isDirectory() ? 0 : seen.size });
      if (seen.isDirectory()) await visit(join(root, path));
    }
  };
  await visit(root);
  return found;
}

/**
 * Copies a file with its mode, and as root its owner. It may grow or shrink meanwhile.
 * @returns the SHA-256 and size of what was copied; null when there is no such file any more
 */
export async function copyFile(
  from: string,
  to: string,
  options: CopyOptions,
): Promise<{ sha256: string; bytes: number } | null> {
  const source = await orIfGone(open(from, 'r'), null);
  if (source === null) return null;
  try {
    const target = await open(to, 'wx', 0o600);
    try {
      const sum = await pump(source, target, options);
      const original = await source.stat();
      // The owner first: a change of it takes bits away from the mode.
      if (process.getuid?.() === 0) {
        const { uid, gid } = options.owner ?? original;
        await target.chown(uid, gid);
      }
      await target.chmod(original.mode & 0o777);
      return sum;
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

/** @returns the SHA-256 and size of a file */
export async function sumOf(file: string, options: CopyOptions) {
  const source = await open(file, 'r');
  try {
    return await pump(source, null, options);
  } finally {
    await source.close();
  }
}

/** Makes a folder with the mode of another one, and as root its owner. */
export async function copyFolder(from: string, to: string, owner?: CopyOptions['owner']) {
  const original = await orIfGone(stat(from), null);
  await mkdir(to, { mode: 0o700, recursive: true });
  if (original === null) return;
  await give(to, owner ?? original);
  await chmod(to, original.mode & 0o777);
}

/** As root only; others own what they make. */
export async function give(path: string, { uid, gid }: Pick<Stats, 'uid' | 'gid'>): Promise<void> {
  if (process.getuid?.() === 0) await chown(path, uid, gid);
}

/** Has everything below the folder, and the folder itself, written out to the disk. */
export async function syncTree(root: string, signal: AbortSignal): Promise<void> {
  await forEach(await listTree(root), async ({ path }) => {
    signal.throwIfAborted();
    await sync(join(root, path));
  });
  await sync(root);
}

/**
 * Does `work` for all of them, some at once.
 * @throws what `work` threw first; none is under way any more then
 */
export async function forEach<T>(items: readonly T[], work: (item: T) => Promise<void>) {
  let next = 0;
  let failure: { error: unknown } | undefined;
  const walk = async () => {
    while (next < items.length && failure === undefined) {
      await work(items[next++]!).catch((error: unknown) => {
        failure ??= { error };
      });
    }
  };
  await Promise.all(Array.from({ length: MAX_AT_ONCE }, walk));
  if (failure !== undefined) throw failure.error;
}

/** A file or a folder. */
export async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  await handle.sync().finally(() => handle.close());
}

async function pump(source: FileHandle, target: FileHandle | null, options: CopyOptions) {
  const hash = createHash('sha256');
  const { size } = await source.stat();
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(SMALLEST_CHUNK_BYTES, size)));
  let bytes = 0;
  for (;;) {
    options.signal.throwIfAborted();
    const { bytesRead } = await source.read(buffer, 0, buffer.length, null);
    if (bytesRead === 0) return { sha256: hash.digest('hex'), bytes };
    const chunk = buffer.subarray(0, bytesRead);
    hash.update(chunk);
    for (let written = 0; target !== null && written < bytesRead; ) {
      written += (await target.write(chunk, written, bytesRead - written)).bytesWritten;
    }
    bytes += bytesRead;
    options.advance?.(bytesRead);
  }
}

/** Files of a database that runs come and go. */
async function orIfGone<T, U>(work: Promise<T>, otherwise: U): Promise<T | U> {
  try {
    return await work;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return otherwise;
    throw error;
  }
}
