import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../test/support/process.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MIGRATIONS = 'prisma/migrations';
const ARCHIVE_BYTES = 256 * 1024 * 1024;

/** Another version of the gateway in a folder of its own. */
export interface Build {
  /** Its main file. */
  main: string;
  remove(): Promise<void>;
}

/** This build with one migration more, as the next version would bring it. */
export async function nextVersion(sql: string): Promise<Build> {
  const folder = await temporaryFolder();
  await Promise.all([
    cp(join(ROOT, 'dist'), join(folder.path, 'dist'), { recursive: true }),
    cp(join(ROOT, MIGRATIONS), join(folder.path, MIGRATIONS), { recursive: true }),
    cp(join(ROOT, 'package.json'), join(folder.path, 'package.json')),
    symlink(join(ROOT, 'node_modules'), join(folder.path, 'node_modules')),
  ]);
  const migration = join(folder.path, MIGRATIONS, '9999_chaos');
  await mkdir(migration);
  await writeFile(join(migration, 'migration.sql'), sql);
  return { main: join(folder.path, 'dist/main.js'), remove: folder.remove };
}

/**
 * The last commit before the newest migration.
 *
 * @returns `missing`, in words, where there is none: no history, or one in which an older migration
 *   still changed, so that the two could never have met on one database
 */
export function previousVersion(): { commit: string } | { missing: string } {
  const newest = readdirSync(join(ROOT, MIGRATIONS)).sort().at(-1) ?? '';
  let commit: string;
  try {
    const [added] = git('log', '--diff-filter=A', '--format=%H', '--', join(MIGRATIONS, newest))
      .split('\n')
      .slice(-1);
    commit = git('rev-parse', '--verify', '--quiet', `${added}^`);
  } catch {
    return { missing: 'the history does not reach back to it' };
  }
  const changed = git('diff', '--name-only', '--diff-filter=MDR', commit, 'HEAD', '--', MIGRATIONS);
  if (changed === '') return { commit };
  return { missing: `an older migration was changed since (${changed.split('\n')[0]})` };
}

/** Builds a version of the history, with the packages of this checkout. */
export async function build({ commit }: { commit: string }): Promise<Build> {
  const folder = await temporaryFolder();
  const archive = execFileSync('git', ['archive', commit], { cwd: ROOT, maxBuffer: ARCHIVE_BYTES });
  execFileSync('tar', ['-x', '-C', folder.path], { input: archive });
  await symlink(join(ROOT, 'node_modules'), join(folder.path, 'node_modules'));
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: folder.path, stdio: 'ignore' });
  return { main: join(folder.path, 'dist/main.js'), remove: folder.remove };
}

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' }).trim();
}
