import { chownSync, existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { codeOf, EmbeddedPostgresError } from './error.ts';
import { listWorkersOn, worksOn } from './process.ts';

const PATIENCE_MS = 10_000;
const POLL_MS = 10;

/**
 * Stops a server that outlived the process which started it. Only whoever owns the folder's lock
 * may call this.
 * @throws EmbeddedPostgresError when it does not stop
 */
export async function stopOrphan(dir: string, log: (line: string) => void): Promise<void> {
  const pid = Number(readPidFile(dir)[0]);
  if (!(pid > 0)) return;
  if (!worksOn(pid, dir)) {
    stopStragglers(dir);
    discreditPidFile(dir);
    return;
  }
  log(`stopping PostgreSQL (process ${pid}), left on ${dir} by a process that died`);
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    if (!trySignal(pid, signal)) break;
    const giveUpAt = Date.now() + PATIENCE_MS;
    while (Date.now() < giveUpAt) {
      if (!worksOn(pid, dir)) return;
      await delay(POLL_MS);
    }
  }
  throw new EmbeddedPostgresError(
    `A PostgreSQL (process ${pid}) is still running on ${dir} and does not stop: stop it by ` +
      'hand, or set DATA_DIR to another folder.',
  );
}

/** The lines of the file in which a server notes its pid (first) and state (eighth). */
export function readPidFile(dir: string): string[] {
  const file = join(dir, 'postmaster.pid');
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/**
 * Backends notice the death of their server when they next wait for something: one that computes
 * goes on, and as long as it does no new server starts. SIGQUIT costs nothing committed.
 */
function stopStragglers(dir: string): void {
  for (const pid of listWorkersOn(dir)) trySignal(pid, 'SIGQUIT');
}

/**
 * PostgreSQL believes any process of its user that has the recorded pid to be its predecessor: a
 * zombie nobody reaps, a stranger in a restarted container. It makes an exception for its parent,
 * so the file gets our pid. Rejected: deleting the file, whose other lines lead PostgreSQL to the
 * backends that may have survived their server. Without /proc we cannot be sure enough.
 */
function discreditPidFile(dir: string): void {
  if (!existsSync('/proc/self/cwd')) return;
  const [, ...others] = readPidFile(dir);
  // Renamed into place: as root we do not write through what the cluster's user may have linked.
  const draft = join(dirname(dir), 'postmaster.draft');
  const { uid, gid } = statSync(dir);
  writeFileSync(draft, [process.pid, ...others].join('\n'), { mode: 0o600 });
  chownSync(draft, uid, gid);
  renameSync(draft, join(dir, 'postmaster.pid'));
}

function trySignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    // Gone by itself: the caller's next look will tell.
    return codeOf(error) === 'ESRCH';
  }
}
