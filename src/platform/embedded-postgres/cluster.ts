import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { EmbeddedPostgresError, tellingLine } from './error.ts';
import { CHILD_ENV, type RunAs } from './process.ts';

/** The superuser of the cluster, and the name of the database. */
export const NAME = 'postrider';

const HOME = 'postgres';
const UNFINISHED = 'postgres.init-';
/** Where a restore gathers what it will put into place. */
export const UNFINISHED_RESTORE = 'restore.partial';
const INITDB_LIMIT_MS = 120_000;

/** A complete PostgreSQL data directory, and how to run programs on it. */
export interface Cluster {
  dir: string;
  password: string;
  runAs: RunAs;
}

/** Where the data directory of `dataDir` is, or will be. */
export function clusterDir(dataDir: string): string {
  return join(dataDir, HOME, 'cluster');
}

/**
 * Whom PostgreSQL must run as: the owner of an existing cluster, so that neither another image's
 * uids nor a sudden `sudo` lock us out of it; for a new one an unprivileged user of the system.
 * @throws EmbeddedPostgresError when we may be neither
 */
export function chooseUser(dataDir: string): RunAs {
  const dir = clusterDir(dataDir);
  const owner = existsSync(dir) ? statSync(dir) : undefined;
  const uid = process.getuid?.();
  if (uid === 0) {
    return owner && owner.uid !== 0 ? { uid: owner.uid, gid: owner.gid } : unprivilegedUser();
  }
  if (owner && owner.uid !== uid) {
    throw new EmbeddedPostgresError(
      `The database in ${dir} belongs to user ${owner.uid}, and this is user ${uid}: start as ` +
        'that user or as root, or set DATA_DIR to another folder.',
    );
  }
  return undefined;
}

/**
 * How the cluster's folder is named to PostgreSQL programs, which must be started in it. As root
 * not by its path: the user they run as may not be able to walk there (`/root` is mode 700), but
 * a working directory, once entered, is reachable. Rejected: moving the cluster to a reachable
 * place, which takes it out of the volume that DATA_DIR may be.
 */
export function nameOf(dir: string, runAs: RunAs): string {
  return runAs && existsSync('/proc/self/cwd') ? '/proc/self/cwd' : dir;
}

/**
 * The cluster in `dataDir`, created when there is none.
 * @throws EmbeddedPostgresError when the one there is unusable or none can be made
 */
export function ensureCluster(dataDir: string, binaries: Binaries, runAs: RunAs): Cluster {
  removeUnfinished(dataDir);
  const home = join(dataDir, HOME);
  if (existsSync(home)) checkVersion(clusterDir(dataDir), binaries.major);
  else {
    requireNoUnfinishedRestore(dataDir);
    createHome(home, dataDir, binaries, runAs);
  }

  const dir = clusterDir(dataDir);
  if (runAs && statSync(dir).uid === 0) giveAll(home, runAs);
  // What a restored backup may have changed, and PostgreSQL insists on.
  if ((statSync(dir).mode & 0o777) !== 0o700) chmodSync(dir, 0o700);
  const passwordFile = join(home, 'password');
  const password = readPassword(passwordFile);
  if ((statSync(passwordFile).mode & 0o777) !== 0o600) chmodSync(passwordFile, 0o600);
  return { dir, password, runAs };
}

/** What a killed initdb left: never renamed, hence never used. */
function removeUnfinished(dataDir: string): void {
  for (const name of readdirSync(dataDir)) {
    if (!name.startsWith(UNFINISHED)) continue;
    // An orphaned initdb may still be writing there.
    rmSync(join(dataDir, name), { recursive: true, force: true, maxRetries: 10 });
  }
}

/** The old database may be aside already, and the new one not in its place yet. */
function requireNoUnfinishedRestore(dataDir: string): void {
  const dir = join(dataDir, UNFINISHED_RESTORE);
  if (!existsSync(dir)) return;
  throw new EmbeddedPostgresError(
    `A restore into ${dataDir} was cut off: begin it again ("npm run restore -- --replace" and the ` +
      `backup's folder), or remove ${dir} to start with a new database.`,
  );
}

function checkVersion(dir: string, major: string): void {
  const file = join(dir, 'PG_VERSION');
  if (!existsSync(file)) {
    throw new EmbeddedPostgresError(
      `The database in ${dir} is incomplete (no PG_VERSION): restore it from a backup, or set ` +
        'DATA_DIR to another folder to start afresh.',
    );
  }
  const found = readFileSync(file, 'utf8').trim();
  if (found === major) return;
  throw new EmbeddedPostgresError(
    `The database in ${dir} was made by PostgreSQL ${found} and the bundled one is ${major}: ` +
      `move it over with a PostgreSQL ${found}'s pg_dump into a new DATA_DIR, or serve it ` +
      `with a PostgreSQL ${found} and set DATABASE_URL.`,
  );
}

/** Cluster and password appear together, and only when complete. */
function createHome(home: string, dataDir: string, binaries: Binaries, runAs: RunAs): void {
  const unfinished = mkdtempSync(join(dataDir, UNFINISHED));
  try {
    chmodSync(unfinished, 0o711);
    const dir = join(unfinished, 'cluster');
    mkdirSync(dir, { mode: 0o700 });
    const passwordFile = join(unfinished, 'password');
    writeFileSync(passwordFile, randomBytes(24).toString('base64url'), {
      mode: 0o600,
      flush: true,
    });
    if (runAs) for (const path of [dir, passwordFile]) chownSync(path, runAs.uid, runAs.gid);
    const cause = runInitdb(dir, binaries, runAs);
    if (cause !== undefined) throw cannotCreate(dataDir, cause);
    syncDir(unfinished);
    renameSync(unfinished, home);
    syncDir(dataDir);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    throw error;
  }
}

/** @returns why it failed, or undefined */
function runInitdb(dir: string, binaries: Binaries, runAs: RunAs): string | undefined {
  const name = nameOf(dir, runAs);
  // initdb's own sync stays on: it took 60 ms here, and a power cut in the first half minute
  // would else leave a cluster of empty files.
  const { error, status, signal, stdout, stderr } = spawnSync(
    binaries.initdb,
    [
      `--pgdata=${name}`,
      `--pwfile=${name}/../password`,
      `--username=${NAME}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-instructions',
    ],
    { ...runAs, cwd: dir, env: CHILD_ENV, encoding: 'utf8', timeout: INITDB_LIMIT_MS },
  );
  if (status === 0) return undefined;
  return error?.message ?? (signal ? `initdb: ${signal}` : tellingLine(stderr || stdout));
}

function cannotCreate(dataDir: string, cause: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    `No database could be made in ${dataDir} (${cause}): see that the disk has room and is no ` +
      'network share, or set DATA_DIR to another folder.',
  );
}

function readPassword(file: string): string {
  if (existsSync(file)) return readFileSync(file, 'utf8').trim();
  throw new EmbeddedPostgresError(
    `The database's password file ${file} is missing: restore it from a backup, or set ` +
      'DATA_DIR to another folder to start afresh.',
  );
}

function unprivilegedUser(): RunAs {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', '_postgres', 'nobody']) {
    const [, , uid, gid] = lines.find((line) => line.startsWith(`${name}:`))?.split(':') ?? [];
    if (Number(uid) > 0) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new EmbeddedPostgresError(
    'PostgreSQL refuses to run as root, and /etc/passwd has neither a user postgres nor nobody ' +
      'to run it as: start as an ordinary user, or set DATABASE_URL.',
  );
}

/** A copy or backup made by root belongs to root. */
function giveAll(home: string, user: NonNullable<RunAs>): void {
  for (const name of readdirSync(home, { recursive: true, encoding: 'utf8' })) {
    lchownSync(join(home, name), user.uid, user.gid);
  }
}

function syncDir(dir: string): void {
  const descriptor = openSync(dir, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}
