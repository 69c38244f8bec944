import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { clusterDir, NAME } from '../embedded-postgres/cluster.ts';
import { codeOf, messageOf } from '../embedded-postgres/error.ts';
import { ownerOf } from '../embedded-postgres/lock.ts';
import { readPidFile } from '../embedded-postgres/orphan.ts';
import { startEmbeddedPostgres } from '../embedded-postgres/start.ts';
import { BackupError } from './error.ts';

/** A database that runs and can be backed up. */
export interface Source {
  url: string;
  /** Stops what was started for the backup alone. */
  release(): Promise<void>;
}

const PORT_LINE = 3;
const STATE_LINE = 7;

/**
 * The embedded database of `dataDir`: the one that the gateway runs, or, when nobody does, one that
 * is started for the purpose. Rejected: copying the files of a stopped cluster as they are, a
 * second way that would have to be right after crashes, too.
 *
 * @throws BackupError or EmbeddedPostgresError
 */
export async function openSource(dataDir: string, log: (line: string) => void): Promise<Source> {
  requireReadable(dataDir);
  const owner = ownerOf(dataDir);
  if (owner !== undefined) return { url: urlOfRunning(dataDir, owner), release: async () => {} };
  const started = await startEmbeddedPostgres(dataDir, { log, whenItEnds: 'stay-down' });
  return { url: started.adminUrl, release: started.stop };
}

function requireReadable(dataDir: string): void {
  try {
    readFileSync(join(clusterDir(dataDir), 'PG_VERSION'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT' && !existsSync(clusterDir(dataDir))) {
      throw new BackupError(
        `There is no embedded database in ${dataDir}: set DATA_DIR to the data folder of the gateway.`,
      );
    }
    throw new BackupError(
      `The database in ${dataDir} cannot be read (${messageOf(error)}): run this as the user whom ` +
        'the gateway runs as, or as root.',
    );
  }
}

function urlOfRunning(dataDir: string, owner: number): string {
  const lines = readPidFile(clusterDir(dataDir));
  if (lines[STATE_LINE]?.trim() !== 'ready') {
    throw new BackupError(
      `The database in ${dataDir} is not ready, though process ${owner} uses the folder: try again ` +
        'once the gateway answers.',
    );
  }
  const password = readFileSync(join(clusterDir(dataDir), '..', 'password'), 'utf8').trim();
  return `postgres://${NAME}:${password}@127.0.0.1:${lines[PORT_LINE]?.trim()}/${NAME}`;
}
