import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

// Two halves, each with a mark of when it was built:
//   server   prisma/schema.prisma → src/platform/db/generated → dist
//   console  src/console → dist/console
// With --if-stale only what is older than its sources; with --check nothing: the exit code says
// whether what is there is fresh. `server` or `console` as an argument means that half alone.
const CONSOLE_SOURCE = join('src', 'console');
const HALVES = {
  server: {
    mark: 'dist/.built',
    sources: ['src', 'prisma/schema.prisma', 'tsconfig.build.json', 'package.json'],
    isSource: (path) => path !== CONSOLE_SOURCE && !path.endsWith('generated'),
    build: buildServer,
  },
  console: {
    mark: 'dist/console/.built',
    // Not package.json: a changed script would build it anew each time.
    sources: [CONSOLE_SOURCE, 'package-lock.json'],
    isSource: () => true,
    build: buildConsole,
  },
};

const given = process.argv.slice(2);
const wanted = Object.entries(HALVES)
  .filter(([name]) => given.includes(name) || !Object.keys(HALVES).some((n) => given.includes(n)))
  .map(([, half]) => half);
const stale = given.some((argument) => argument === '--if-stale' || argument === '--check')
  ? wanted.filter(isStale)
  : wanted;
if (given.includes('--check')) process.exit(stale.length > 0 ? 1 : 0);
for (const half of stale) {
  rmSync(half.mark, { force: true });
  await half.build();
  writeFileSync(half.mark, '');
}

async function buildServer() {
  await import('./generate.mjs');
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(1);
}

async function buildConsole() {
  const { build } = await import('vite');
  await build({ configFile: join(CONSOLE_SOURCE, 'vite.config.ts'), logLevel: 'warn' });
}

function isStale({ mark, sources, isSource }) {
  if (!existsSync(mark)) return true;
  const builtMs = statSync(mark).mtimeMs;
  return sources.some((source) => newestMs(source, isSource) > builtMs);
}

function newestMs(path, isSource) {
  if (!isSource(path)) return 0;
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newestMs(join(path, name), isSource)));
}
