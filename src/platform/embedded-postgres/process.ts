import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { codeOf } from './error.ts';

/** The unprivileged user that PostgreSQL runs as when we are root; undefined: as ourselves. */
export type RunAs = { uid: number; gid: number } | undefined;

/** A process that a later one with the same pid cannot be mistaken for. */
export interface ProcessId {
  pid: number;
  /** From `identityOf`; empty where the system does not tell. */
  identity: string;
}

/**
 * What spawned PostgreSQL programs see of our environment: nothing, so that neither PGDATA, PGPORT
 * and the like nor our own secrets reach them. LC_ALL keeps messages English (we read some) and
 * macOS' postmaster from starting threads.
 */
export const CHILD_ENV = { LC_ALL: 'C', TZ: 'UTC', PATH: process.env.PATH ?? '/usr/bin:/bin' };

/** Whether the process that was recorded still runs, as opposed to a stranger with its pid. */
export function isRunning(recorded: ProcessId): boolean {
  const identity = identityOf(recorded.pid);
  if (identity === undefined) return false;
  if (identity === '' || recorded.identity === '') return true;
  return identity === recorded.identity;
}

/** Undefined when no such process runs, '' when it runs and its start time cannot be told. */
export function identityOf(pid: number): string | undefined {
  if (!exists(pid)) return undefined;
  const stat = readOrUndefined(`/proc/${pid}/stat`);
  return stat === undefined ? identityFromPs(pid) : identityFromStat(stat);
}

/** Whether process `pid` is a PostgreSQL server working on this very cluster folder. */
export function worksOn(pid: number, clusterDir: string): boolean {
  if (identityOf(pid) === undefined) return false;
  if (existsSync('/proc/self/cwd')) return isPostgresIn(pid, clusterDir);
  const ps = runPs(['-ww', '-o', 'command=', '-p', String(pid)]);
  return ps.includes('postgres') && ps.includes(clusterDir);
}

/** The PostgreSQL processes, servers and backends, in a cluster folder; none without /proc. */
export function listWorkersOn(clusterDir: string): number[] {
  if (!existsSync('/proc/self/cwd')) return [];
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => isPostgresIn(pid, clusterDir));
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

function identityFromStat(stat: string): string | undefined {
  // The name in parentheses may contain anything; what follows it is state, ppid, …, start time.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A zombie holds nothing any more, it only waits for its parent to look.
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
  // Start times count from boot, hence the boot's id: services get equal pids at equal ticks.
  return `${readOrUndefined('/proc/sys/kernel/random/boot_id')?.trim()} ${fields[19]}`;
}

function identityFromPs(pid: number): string | undefined {
  const line = runPs(['-o', 'stat=', '-o', 'lstart=', '-p', String(pid)]).trim();
  if (line.startsWith('Z')) return undefined;
  return line.replace(/^\S+\s*/, '');
}

function runPs(args: string[]): string {
  // TZ is in CHILD_ENV: `lstart` is local time, and must read the same from any process.
  return spawnSync('ps', args, { env: CHILD_ENV, encoding: 'utf8' }).stdout ?? '';
}

function isPostgresIn(pid: number, dir: string): boolean {
  try {
    if (readFileSync(`/proc/${pid}/comm`, 'utf8').trim() !== 'postgres') return false;
    const cwd = statSync(`/proc/${pid}/cwd`);
    const wanted = statSync(dir);
    return cwd.ino === wanted.ino && cwd.dev === wanted.dev;
  } catch {
    return false;
  }
}

function readOrUndefined(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
