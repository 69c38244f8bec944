#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { sizeOf } from '../platform/backup/manifest.ts';
import { megabytes } from '../platform/backup/progress.ts';
import { type BackupSummary, takeBackup } from '../platform/backup/take.ts';
import { abortOnSignals, endWith, readSettings } from './command.ts';
import { terminalProgress } from './terminal-progress.ts';

const FAILURE = 'Postrider has made no backup';
const USAGE = `npm run backup -- [--no-verify] <folder>

Copies the embedded database of DATA_DIR and the keys beside it into a new folder, while the gateway
runs or not, and checks the copy by starting it and reading all of it. See docs/backup.md.

  --no-verify   leaves out the check
`;

const KEEP_THE_KEY =
  'ENCRYPTION_KEY is set and not in the backup: keep it elsewhere, nothing that was sealed opens without it.';

const { folder, check } = readArguments();
const config = readSettings(FAILURE);
const signal = abortOnSignals();
const progress = terminalProgress(process.stderr);
try {
  if (config.DATABASE_URL !== undefined) {
    throw new Error(
      'DATABASE_URL is set, and this is for the embedded database: use pg_basebackup or pg_dump, ' +
        'docs/backup.md says how.',
    );
  }
  const startedAt = performance.now();
  const summary = await takeBackup({
    dataDir: config.DATA_DIR,
    target: folder,
    check,
    signal,
    progress,
    log: (line) => process.stderr.write(`${line}\n`),
  });
  progress.clear();
  process.stdout.write(`${describe(summary, performance.now() - startedAt)}\n`);
  if (config.ENCRYPTION_KEY !== undefined) process.stdout.write(`${KEEP_THE_KEY}\n`);
  process.exit(0);
} catch (error) {
  progress.clear();
  endWith(FAILURE, error);
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      options: { 'no-verify': { type: 'boolean', default: false }, help: { type: 'boolean' } },
      allowPositionals: true,
    });
    const [folder, ...more] = positionals;
    if (values.help) {
      process.stdout.write(USAGE);
      process.exit(0);
    }
    if (folder === undefined || more.length > 0) throw new Error('One folder has to be named.');
    return { folder, check: !values['no-verify'] };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(1);
  }
}

function describe({ folder, manifest, checked }: BackupSummary, tookMs: number): string {
  const count = (n: number) => n.toLocaleString('en');
  const findings =
    checked === null
      ? 'not checked'
      : `checked: ${count(checked.rows)} rows in ${checked.tables} tables, ` +
        `${checked.indexes === null ? 'indexes not' : `${checked.indexes} indexes`}`;
  return (
    `Backup in ${folder}: ${megabytes(sizeOf(manifest))} of PostgreSQL ${manifest.postgresMajor} up to log ` +
    `position ${manifest.stopLsn}, ${findings}; ${(tookMs / 1_000).toFixed(1)} s`
  );
}
