import { execFileSync } from 'node:child_process';
import { cp, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../test/support/process.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MIGRATIONS = 'prisma/migrations';

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
 * The last version before the newest migration, built from the history.
 *
 * @returns why there is none, in words: no history, or one in which an older migration still changed,
 *   so that the two could never have met on one database
 */
export async function previousVersion(): Promise<Build | string> {
  const commit = await commitBeforeNewestMigration();
  if (commit === null) return 'the history does not reach back to it';
  const changed = git('diff', '--name-only', '--diff-filter=MDR', commit, 'HEAD', '--', MIGRATIONS);
  if (changed !== '') return `an older migration was changed since (${changed.split('\n')[0]})`;
  const folder = await temporaryFolder();
  const archive = execFileSync('git', ['archive', commit], {
    cwd: ROOT,
    maxBuffer: 256 * 1024 * 1024,
  });
  execFileSync('tar', ['-x', '-C', folder.path], { input: archive });
  await symlink(join(ROOT, 'node_modules'), join(folder.path, 'node_modules'));
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: folder.path, stdio: 'ignore' });
  return { main: join(folder.path, 'dist/main.js'), remove: folder.remove };
}

async function commitBeforeNewestMigration(): Promise<string | null> {
  const newest = (await readdir(join(ROOT, MIGRATIONS))).sort().at(-1) ?? '';
  try {
    const [added] = git('log', '--diff-filter=A', '--format=%H', '--', join(MIGRATIONS, newest))
      .split('\n')
      .slice(-1);
    return git('rev-parse', '--verify', '--quiet', `${added}^`);
  } catch {
    return null;
  }
}

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' }).trim();
}
