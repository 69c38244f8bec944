import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';

// Prisma's generator only wants to see a schema engine, it does not use one: any file will do, and
// nothing has to be downloaded. (Never for `migrate`: with this variable it would apply nothing.)
const prisma = createRequire(import.meta.url).resolve('prisma/build/index.js');
generate();
// The client of the benchmark's floor, which has a table of its own.
const FLOOR = 'bench/floor/schema.prisma';
if (existsSync(FLOOR)) generate('--schema', FLOOR);

function generate(...more) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [prisma, 'generate', '--no-hints', ...more],
    { env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath }, encoding: 'utf8' },
  );
  if (status !== 0) {
    process.stderr.write(`${stdout}\n${stderr}\n`);
    process.exit(1);
  }
}
