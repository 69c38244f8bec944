import { existsSync, readFileSync } from 'node:fs';
import { listWorkersOn } from '../src/db/embedded-process.ts';

/** Linux counts a process' time in hundredths, whatever its own clock does. */
const TICKS_PER_SECOND = 100;
/** In /proc/<pid>/stat after the name: user and system time, and those of children that have ended. */
const [USER, SYSTEM, USER_OF_ENDED, SYSTEM_OF_ENDED] = [11, 12, 13, 14];

/** Whether this system tells what processes have used. */
export function canTellCpu(): boolean {
  return existsSync('/proc/self/stat');
}

/** What all processes of a PostgreSQL have used so far, s; those that have ended are in their server's. */
export function cpuSecondsOf(clusterDir: string): number {
  return listWorkersOn(clusterDir).reduce((sum, pid) => sum + cpuSeconds(pid), 0);
}

function cpuSeconds(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may contain anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = [USER, SYSTEM, USER_OF_ENDED, SYSTEM_OF_ENDED].map((at) => Number(fields[at]));
    return ticks.reduce((sum, each) => sum + each, 0) / TICKS_PER_SECOND;
  } catch {
    // It has ended since it was listed.
    return 0;
  }
}
