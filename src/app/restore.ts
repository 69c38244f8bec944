#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { sizeOf } from '../platform/backup/manifest.ts';
import { megabytes } from '../platform/backup/progress.ts';
import { type RestoreSummary, restoreBackup } from '../platform/backup/restore.ts';
import { abortOnSignals, endWith, readSettings } from './command.ts';
import { terminalProgress } from './terminal-progress.ts';

const FAILURE = 'Postrider has restored nothing';
const USAGE = `npm run restore -- [--replace] <backup folder>

Puts a backup into DATA_DIR. The gateway must not run. See docs/backup.md.

  --replace   moves a database that is there already aside, within DATA_DIR
`;

const { folder, existing } = readArguments();
const config = readSettings(FAILURE);
const signal = abortOnSignals();
const progress = terminalProgress(process.stderr);
try {
  if (config.DATABASE_URL !== undefined) {
    throw new Error(
      'DATABASE_URL is set, and the gateway would not use what is restored into DATA_DIR: unset it first.',
    );
  }
  const summary = await restoreBackup({
    from: folder,
    dataDir: config.DATA_DIR,
    existing,
    signal,
    progress,
    log: (line) => process.stderr.write(`${line}\n`),
  });
  progress.clear();
  process.stdout.write(`${describe(summary)}\n`);
  process.exit(0);
} catch (error) {
  progress.clear();
  endWith(FAILURE, error);
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      options: { replace: { type: 'boolean', default: false }, help: { type: 'boolean' } },
      allowPositionals: true,
    });
    const [folder, ...more] = positionals;
    if (values.help) {
      process.stdout.write(USAGE);
      process.exit(0);
    }
    if (folder === undefined || more.length > 0) throw new Error('One backup has to be named.');
    return { folder, existing: values.replace ? ('move aside' as const) : ('refuse' as const) };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(1);
  }
}

function describe({ manifest, dataDir, movedTo }: RestoreSummary): string {
  const lines = [
    `Restored the backup of ${manifest.takenAt} (${megabytes(sizeOf(manifest))}) into ${dataDir}.`,
  ];
  if (movedTo !== null) lines.push(`What was there before is in ${movedTo}.`);
  if (!manifest.isChecked)
    lines.push('That backup was never checked: see that the start succeeds.');
  if (!manifest.hasEncryptionKey) {
    lines.push('Set ENCRYPTION_KEY as it was when the backup was made: it is not in the backup.');
  }
  lines.push('', `Next: start the gateway on it, DATA_DIR=${dataDir} npm start`);
  return lines.join('\n');
}
