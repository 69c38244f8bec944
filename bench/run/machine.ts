import { readdirSync, readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';

/** What a phase cost: cores that were busy on average, by part, and for everything else. */
export interface Use {
  /** 1 is one core, all the time. Only where /proc tells. */
  cores: Record<string, number>;
  /** All the machine's busy cores that are none of the above: the noise. */
  otherCores: number | null;
  load1: number;
  /** The most resident memory of the measured process, MB. */
  rssMb: number | null;
}

/** The pids of each part; a part may be a whole family, such as PostgreSQL. */
export type Parts = Record<string, { pid: number; family?: true } | null>;

const TICKS_PER_SECOND = 100;
const SAMPLE_EVERY_MS = 200;

/** Watches from now on. @returns what ends it and answers what was used */
export function watch(parts: Parts, measured: number | null): () => Use {
  const before = sample(parts);
  let rssMb: number | null = null;
  const look = () => {
    const now = measured === null ? null : rssOf(measured);
    if (now !== null) rssMb = Math.max(rssMb ?? 0, now);
  };
  look();
  const timer = setInterval(look, SAMPLE_EVERY_MS);
  return () => {
    clearInterval(timer);
    look();
    return { ...difference(before, sample(parts)), load1: loadavg()[0] ?? 0, rssMb };
  };
}

interface Sample {
  atMs: number;
  /** Seconds of CPU so far. */
  parts: Record<string, number>;
  machine: number | null;
}

function sample(parts: Parts): Sample {
  const families = familiesOf(parts);
  return {
    atMs: performance.now(),
    parts: Object.fromEntries(
      Object.entries(parts).flatMap(([name, part]) => {
        if (part === null) return [];
        const pids = [part.pid, ...(families.get(part.pid) ?? [])];
        const own = pids.reduce((sum, pid) => sum + (cpuOf(pid) ?? 0), 0);
        // Of children that have ended the parent keeps the sum.
        return [[name, own + (part.family ? (statOf(part.pid)?.endedChildren ?? 0) : 0)]];
      }),
    ),
    machine: machineBusy(),
  };
}

function difference(before: Sample, after: Sample): Pick<Use, 'cores' | 'otherCores'> {
  const seconds = (after.atMs - before.atMs) / 1000;
  const cores = Object.fromEntries(
    Object.entries(after.parts).map(([name, used]) => [
      name,
      (used - (before.parts[name] ?? 0)) / seconds,
    ]),
  );
  if (after.machine === null || before.machine === null) return { cores, otherCores: null };
  const ours = Object.values(cores).reduce((sum, each) => sum + each, 0);
  return { cores, otherCores: Math.max(0, (after.machine - before.machine) / seconds - ours) };
}

export interface Stat {
  parent: number;
  cpu: number;
  endedChildren: number;
}

/** Linux counts a process' time in hundredths, whatever its own clock does. @returns s; null: it has ended */
export function statOf(pid: number): Stat | null {
  const text = read(`/proc/${pid}/stat`);
  if (text === null) return null;
  // The name in parentheses may itself hold spaces.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const seconds = (index: number) => Number(fields[index]) / TICKS_PER_SECOND;
  return {
    parent: Number(fields[1]),
    cpu: seconds(11) + seconds(12),
    endedChildren: seconds(13) + seconds(14),
  };
}

const cpuOf = (pid: number) => statOf(pid)?.cpu ?? null;

/** The parent of a PostgreSQL backend on this machine; null: it runs elsewhere. */
export function postmasterOf(backendPid: number): number | null {
  const name = read(`/proc/${backendPid}/comm`)?.trim();
  return name?.startsWith('postgres') ? (statOf(backendPid)?.parent ?? null) : null;
}

function familiesOf(parts: Parts): Map<number, number[]> {
  const families = new Map<number, number[]>();
  for (const part of Object.values(parts)) if (part?.family) families.set(part.pid, []);
  if (families.size === 0) return families;
  for (const name of listProcesses()) {
    const parent = statOf(name)?.parent;
    if (parent !== undefined) families.get(parent)?.push(name);
  }
  return families;
}

function listProcesses(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

function machineBusy(): number | null {
  const [line] = read('/proc/stat')?.split('\n') ?? [];
  if (line === undefined) return null;
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND;
}

function rssOf(pid: number): number | null {
  const kb = /VmRSS:\s+(\d+)/.exec(read(`/proc/${pid}/status`) ?? '')?.[1];
  return kb === undefined ? null : Number(kb) / 1024;
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** For the head of the report. */
export function describeMachine() {
  const [first] = cpus();
  return {
    cpu: first?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    system: `${type()} ${release()}`,
  };
}
