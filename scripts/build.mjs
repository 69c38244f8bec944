import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

// prisma/schema.prisma → src/db/generated → dist. With --if-stale only when a source is newer; with
// --check not at all: the exit code says whether what is there is fresh.
const MARK = 'dist/.built';
const SOURCES = ['src', 'prisma/schema.prisma', 'tsconfig.build.json', 'package.json'];

if (process.argv.includes('--check')) process.exit(isStale() ? 1 : 0);
if (process.argv.includes('--if-stale') && !isStale()) process.exit(0);
await import('./generate.mjs');
rmSync(MARK, { force: true });
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
  stdio: 'inherit',
});
if (status !== 0) process.exit(1);
writeFileSync(MARK, '');

function isStale() {
  if (!existsSync(MARK)) return true;
  const builtMs = statSync(MARK).mtimeMs;
  return SOURCES.some((source) => newestMs(source) > builtMs);
}

function newestMs(path) {
  if (path.endsWith('generated')) return 0;
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newestMs(join(path, name))));
}
