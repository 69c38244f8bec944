import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../src/platform/embedded-postgres/start.ts';
import { MUTANTS, type Mutant } from './mutant-list.ts';

/** What the tests need of the checkout; what they would change is a copy. */
const COPIED = ['src', 'test', 'prisma', 'simulate', 'scripts', 'examples', 'package.json'];
const CONFIGS = ['tsconfig.json', 'vitest.config.ts', 'prisma.config.ts'];

type Fate = 'killed' | 'SURVIVED' | 'TEXT IS GONE' | 'NO TEST RAN';

const wanted = process.argv.slice(2);
const mutants = MUTANTS.filter(
  ({ name }) => wanted.length === 0 || wanted.some((word) => name.includes(word)),
);
const folder = await mkdtemp(join(tmpdir(), 'postrider-mutants-'));
const copy = join(folder, 'copy');
const postgres = await startEmbeddedPostgres(join(folder, 'postgres'));
try {
  for (const each of [...COPIED, ...CONFIGS]) await cp(each, join(copy, each), { recursive: true });
  await symlink(join(process.cwd(), 'node_modules'), join(copy, 'node_modules'));
  const fates: Fate[] = [];
  for (const mutant of mutants) {
    const startedAt = performance.now();
    const fate = await fateOf(mutant);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
    fates.push(fate);
    console.log(`  ${fate.padEnd(12)} ${`${seconds} s`.padStart(6)}  ${mutant.name}`);
  }
  const killed = fates.filter((fate) => fate === 'killed').length;
  console.log(`\n  ${killed} of ${fates.length} killed`);
  process.exitCode = killed === fates.length && killed > 0 ? 0 : 1;
} finally {
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}

async function fateOf({ file, from, to, tests }: Mutant): Promise<Fate> {
  const path = join(copy, file);
  const text = await readFile(path, 'utf8');
  if (text.split(from).length !== 2) return 'TEXT IS GONE';
  await writeFile(
    path,
    text.replace(from, () => to),
  );
  try {
    const failed = await failedTests(tests);
    if (failed === null) return 'NO TEST RAN';
    return failed > 0 ? 'killed' : 'SURVIVED';
  } finally {
    await writeFile(path, text);
  }
}

/** How many fail; null: it did not come to that, so that nothing is shown. */
async function failedTests(tests: string[]): Promise<number | null> {
  const report = join(folder, 'report.json');
  await rm(report, { force: true });
  const vitest = join('node_modules', 'vitest', 'vitest.mjs');
  const reporting = ['--bail=1', '--reporter=json', `--outputFile=${report}`];
  await new Promise((resolve, reject) => {
    spawn(process.execPath, [vitest, 'run', ...tests, ...reporting], {
      cwd: copy,
      env: { ...process.env, TEST_DATABASE_URL: postgres.adminUrl },
      stdio: 'ignore',
    })
      .once('error', reject)
      .once('close', resolve);
  });
  try {
    const { numFailedTests, numTotalTests } = JSON.parse(await readFile(report, 'utf8'));
    return numTotalTests > 0 ? numFailedTests : null;
  } catch {
    return null;
  }
}
