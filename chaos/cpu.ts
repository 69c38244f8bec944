import { existsSync } from 'node:fs';
import { statOf } from '../bench/run/machine.ts';
import { listWorkersOn } from '../src/platform/embedded-postgres/process.ts';

/** Whether this system tells what processes have used. */
export function canTellCpu(): boolean {
  return existsSync('/proc/self/stat');
}

/** What all processes of a PostgreSQL have used so far, s; those that have ended are in their server's. */
export function cpuSecondsOf(clusterDir: string): number {
  return listWorkersOn(clusterDir).reduce((sum, pid) => {
    const stat = statOf(pid);
    return stat === null ? sum : sum + stat.cpu + stat.endedChildren;
  }, 0);
}
