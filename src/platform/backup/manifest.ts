import { readFile, stat, writeFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { codeOf, messageOf } from '../embedded-postgres/error.ts';
import { BackupError } from './error.ts';
import { forEach, give, listTree, sumOf, sync } from './files.ts';
import type { Progress } from './progress.ts';

const FILE = 'backup.json';
const KIND = 'postrider backup 1';

/** What a backup says of itself: it is whole when all of this is there. */
export interface Manifest {
  kind: typeof KIND;
  takenAt: string;
  /** The major version that made the files, and reads them. */
  postgresMajor: string;
  /** Up to this position of the log it has everything that was committed. */
  stopLsn: string;
  /** It was started, read and stopped before it was called a backup. */
  isChecked: boolean;
  /** False: what was sealed needs the ENCRYPTION_KEY that was set then, which is not in the backup. */
  hasEncryptionKey: boolean;
  folders: string[];
  files: { path: string; bytes: number; sha256: string }[];
}

/** Sums up every file below `folder` and writes the manifest beside them. */
export async function writeManifest(
  folder: string,
  about: Omit<Manifest, 'kind' | 'folders' | 'files'>,
  options: { signal: AbortSignal; progress: Progress; skips: (path: string) => boolean },
): Promise<Manifest> {
  const entries = await listTree(folder, options.skips);
  const total = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  const advance = options.progress.begin('summing up', total);
  const files: Manifest['files'] = [];
  await forEach(
    entries.filter(({ isFolder }) => !isFolder),
    async ({ path }) => {
      files.push({
        path,
        ...(await sumOf(join(folder, path), { signal: options.signal, advance })),
      });
    },
  );
  const folders = entries.filter(({ isFolder }) => isFolder).map(({ path }) => path);
  const manifest: Manifest = { kind: KIND, ...about, folders, files };
  const file = join(folder, FILE);
  await writeFile(file, JSON.stringify(manifest), { mode: 0o600 });
  await give(file, await stat(folder));
  await sync(file);
  return manifest;
}

/** @throws BackupError when `folder` is no whole backup */
export async function readManifest(folder: string): Promise<Manifest> {
  const manifest = parse(await read(folder));
  if (manifest?.kind === KIND && staysInside(manifest)) return manifest;
  throw new BackupError(
    `The file ${join(folder, FILE)} is damaged or of another version: take another backup.`,
  );
}

async function read(folder: string): Promise<string> {
  try {
    return await readFile(join(folder, FILE), 'utf8');
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOTDIR') {
      throw new BackupError(
        `The backup in ${folder} cannot be read (${messageOf(error)}): run this as the user it ` +
          'belongs to, or as root.',
        { cause: error },
      );
    }
    throw new BackupError(
      `In ${folder} is no backup of Postrider, or one that was never finished: name a folder that ` +
        `"npm run backup" has made; it has a ${FILE} in it.`,
    );
  }
}

function parse(text: string): Manifest | undefined {
  try {
    return JSON.parse(text) as Manifest;
  } catch {
    return undefined;
  }
}

/** Nobody's edited manifest makes a restore write elsewhere. */
function staysInside({ folders, files }: Manifest): boolean {
  const paths = [...folders, ...files.map(({ path }) => path)];
  return paths.every((path) => !isAbsolute(path) && !path.split('/').includes('..'));
}

/** @returns the bytes of all its files */
export function sizeOf({ files }: Manifest): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}
