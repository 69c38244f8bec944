import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { codeOf, EmbeddedPostgresError } from './error.ts';
import { identityOf, isRunning, type ProcessId } from './process.ts';

interface Owner extends ProcessId {
  /** Tells this ownership from any other, also of the same process. */
  token: string;
  released: boolean;
}

interface Claim {
  generation: number;
  owner: Owner;
}

/** More processes than this do not race for one folder at once. */
const MAX_TRIES = 100;
const NOBODY: Owner = { pid: 0, identity: '', token: '', released: true };

/**
 * Makes this process the only one to use the data folder until it releases it or dies.
 *
 * The owner is whoever wrote `owner.<n>.json` with the highest n. Taking over from a dead owner is
 * creating n + 1, which only one process can; removing the dead owner's file first would let a
 * slower process, which judged that same file, remove the new owner's. For the same reason a
 * release marks the file and leaves it, so that n never starts again.
 *
 * @returns the release; it may be called more than once
 * @throws EmbeddedPostgresError when a live process owns the folder
 */
export function lockFolder(dataDir: string): () => void {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const newest = newestClaim(dataDir);
    if (newest !== undefined && isHeld(newest)) {
      throw new EmbeddedPostgresError(
        `The data folder ${dataDir} is already in use by process ${newest.owner.pid}: ` +
          'stop that process, or set DATA_DIR to another folder.',
      );
    }
    const generation = (newest?.generation ?? 0) + 1;
    const owner = ourselves();
    if (claim(dataDir, generation, owner)) return () => release(dataDir, generation, owner);
  }
  throw new EmbeddedPostgresError(
    `The data folder ${dataDir} is contended by several processes: start one at a time, ` +
      'or set DATA_DIR to another folder.',
  );
}

/** The process that uses the folder at the moment, if any. */
export function ownerOf(dataDir: string): number | undefined {
  const newest = newestClaim(dataDir);
  return newest !== undefined && isHeld(newest) ? newest.owner.pid : undefined;
}

function isHeld({ owner }: Claim): boolean {
  return !owner.released && isRunning(owner);
}

function claim(dataDir: string, generation: number, owner: Owner): boolean {
  const path = claimPath(dataDir, generation);
  if (!createExclusively(dataDir, path, owner)) return false;
  // A file of this number may have come and gone while we looked; then a higher one exists.
  const generations = listGenerations(dataDir);
  if (Math.max(...generations) !== generation) {
    rmSync(path, { force: true });
    return false;
  }
  for (const older of generations) {
    if (older < generation) rmSync(claimPath(dataDir, older), { force: true });
  }
  return true;
}

/** A hard link, unlike O_EXCL, shows the file to others only once its content is complete. */
function createExclusively(dataDir: string, path: string, owner: Owner): boolean {
  const draft = writeDraft(dataDir, owner);
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    unlinkSync(draft);
  }
}

function release(dataDir: string, generation: number, owner: Owner): void {
  const path = claimPath(dataDir, generation);
  // Somebody may have deleted the folder under us, and even started afresh in its place.
  if (readOwner(path).token !== owner.token) return;
  try {
    renameSync(writeDraft(dataDir, { ...owner, released: true }), path);
  } catch {
    empty(path);
  }
}

/** An empty file has no owner, and emptying one takes no room on a full disk. */
function empty(path: string): void {
  try {
    truncateSync(path);
  } catch {
    // A disk that broke must not keep us from ending, and with us the ownership ends.
  }
}

function ourselves(): Owner {
  const identity = identityOf(process.pid) ?? '';
  return { pid: process.pid, identity, token: randomUUID(), released: false };
}

function writeDraft(dataDir: string, owner: Owner): string {
  const draft = join(dataDir, `owner-${randomUUID()}.tmp`);
  try {
    writeFileSync(draft, JSON.stringify(owner));
    makeReadable(draft, dataDir);
    return draft;
  } catch (error) {
    // Made, but not written: the disk is full.
    rmSync(draft, { force: true });
    throw error;
  }
}

/** Root may make a backup of a stopped gateway's folder: its user must be able to start again. */
function makeReadable(draft: string, dataDir: string): void {
  chmodSync(draft, 0o644);
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(dataDir);
  chownSync(draft, uid, gid);
}

function newestClaim(dataDir: string): Claim | undefined {
  const generations = listGenerations(dataDir);
  if (generations.length === 0) return undefined;
  const generation = Math.max(...generations);
  return { generation, owner: readOwner(claimPath(dataDir, generation)) };
}

function readOwner(path: string): Owner {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Owner;
  } catch (error) {
    // Gone: a newer owner removed it, and claiming its successor will fail. Not JSON: a power cut
    // emptied it, and with it went its owner.
    if (codeOf(error) === 'ENOENT' || error instanceof SyntaxError) return NOBODY;
    throw error;
  }
}

function listGenerations(dataDir: string): number[] {
  return readdirSync(dataDir)
    .map((name) => /^owner\.(\d+)\.json$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number);
}

function claimPath(dataDir: string, generation: number): string {
  return join(dataDir, `owner.${generation}.json`);
}
