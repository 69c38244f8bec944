import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { clusterDir } from '../../src/platform/embedded-postgres/cluster.ts';
import { readPidFile, stopOrphan } from '../../src/platform/embedded-postgres/orphan.ts';
import { worksOn } from '../../src/platform/embedded-postgres/process.ts';
import { apiOf } from './api.ts';
import { appendingTo, type Output, readFile, readPipe } from './output.ts';
import { until } from './until.ts';

/** How a process ended. */
interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** The built program as a process of its own, as its users start it. */
interface Program {
  readonly pid: number;
  /** What it has said so far. */
  stdout(): string;
  /** Resolves with what `look` makes of its output as soon as that is not null. */
  says<T>(look: (stdout: string) => T | null, timeoutMs?: number): Promise<T>;
  /** Leaves in the pipe what it says from now on, until `listen`; where it says it into a file: nothing. */
  ignore(): void;
  listen(): void;
  /** @returns how it ended, whatever ended it */
  kill(signal?: NodeJS.Signals): Promise<Exit>;
  readonly exited: Promise<Exit>;
}

export interface GatewayProcess extends Program {
  /** Of its API; empty without the role `api`. */
  readonly url: string;
  readonly dataDir: string;
}

interface ProcessOptions {
  /** All the settings it gets; nothing of this process' own environment but the PATH. */
  env?: Record<string, string>;
  /** The caller's to remove, see `temporaryFolder`. When absent: one that is removed once it has ended. */
  dataDir?: string;
  /** The main file of another build. */
  main?: string;
  /** How long its start may take. */
  readyMs?: number;
  /** Where its standard output goes, instead of a pipe; the caller's to remove. */
  outputFile?: string;
  /** A command that becomes it, such as `nice`. */
  under?: readonly string[];
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const READY_MS = 30_000;
const BANNER = /Postrider is ready[\s\S]*?^ {2}API +(?:(http\S+)|none.*)\n/m;

/** Everything started here and what it works on, for a test process that has to die at once. */
const running = new Map<ChildProcess, { dataDir: string; isOurs: boolean }>();

/** Also what the children have started: their PostgreSQL is in a process group of its own. */
function killEveryProcess(): void {
  for (const [child, { dataDir, isOurs }] of running) {
    child.kill('SIGKILL');
    killPostgres(dataDir);
    if (isOurs) rmSync(dataDir, { recursive: true, force: true });
  }
}
process.once('exit', killEveryProcess);
// Before the handler in leaks.ts, which ends this process without running any exit hook.
process.prependOnceListener('SIGTERM', killEveryProcess);

/** A folder for an embedded database, which may be killed in it. */
export async function temporaryFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'postrider-test-'));
  return { path, remove: () => removeFolder(path) };
}

/** Starts the real gateway and waits until it is ready. On a free port, unless `env` names one. */
export async function spawnGateway(options: ProcessOptions = {}): Promise<GatewayProcess> {
  const { program, dataDir } = await spawnMain(options);
  const timeoutMs = options.readyMs ?? READY_MS;
  try {
    const [, url = ''] = await program.says((stdout) => BANNER.exec(stdout), timeoutMs);
    // On a busy machine a probe may take longer than its second.
    const api = apiOf(() => url, '');
    if (url !== '')
      await until(async () => (await api.get('/readyz')).status === 200, { timeoutMs });
    return { ...program, url, dataDir };
  } catch (error) {
    await program.kill('SIGKILL');
    throw error;
  }
}

/** For a start that is expected to fail: resolves with how it ended. */
export async function runGateway(options: ProcessOptions = {}): Promise<Exit> {
  const { program } = await spawnMain(options);
  return program.exited;
}

async function spawnMain(options: ProcessOptions) {
  const { env, dataDir, outputFile, under, main = 'dist/main.js' } = options;
  requireBuild();
  const folder = dataDir ?? (await mkdtemp(join(tmpdir(), 'postrider-test-')));
  const program = spawnProgram(main, {
    env: { PORT: '0', DATA_DIR: folder, LOG_LEVEL: 'info', ...env },
    cwd: folder,
    dataDir: folder,
    isOurs: dataDir === undefined,
    ...(outputFile !== undefined && { outputFile }),
    ...(under !== undefined && { under }),
  });
  return { program, dataDir: folder };
}

/** @param cwd a folder without an `.env` of somebody's own */
export function spawnProgram(
  file: string,
  options: {
    args?: readonly string[];
    env: Record<string, string>;
    cwd: string;
    dataDir?: string;
    /** Whether the data folder is removed when the process has ended. */
    isOurs?: boolean;
    outputFile?: string;
    under?: readonly string[];
  },
): Program {
  requireBuild();
  const { args = [], cwd, dataDir = cwd, isOurs = false, outputFile, under = [] } = options;
  const node = [process.execPath, '--enable-source-maps', resolve(ROOT, file), ...args];
  const [command = '', ...rest] = [...under, ...node];
  const start = (stdout: number | 'pipe') =>
    spawn(command, rest, {
      cwd,
      env: { PATH: process.env.PATH ?? '', TMPDIR: tmpdir(), ...options.env },
      stdio: ['ignore', stdout, 'pipe'],
    });
  const child = outputFile === undefined ? start('pipe') : appendingTo(outputFile, start);
  running.set(child, { dataDir, isOurs });
  const output = outputFile === undefined ? readPipe(opened(child.stdout)) : readFile(outputFile);
  // What it has left in the pipe is read when it has ended, or its end would not be seen.
  child.once('exit', () => child.stdout?.resume());
  const stderr = text(opened(child.stderr));
  const exited = (async (): Promise<Exit> => {
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    if (isOurs) await removeFolder(dataDir);
    running.delete(child);
    return { code, signal, stdout: output.text(), stderr: await stderr };
  })();

  return {
    pid: child.pid ?? 0,
    stdout: output.text,
    says: (look, timeoutMs = READY_MS) => says(output, exited, look, timeoutMs),
    ignore: () => void child.stdout?.pause(),
    listen: () => void child.stdout?.resume(),
    kill(signal = 'SIGTERM') {
      child.kill(signal);
      return exited;
    },
    exited,
  };
}

function opened(pipe: Readable | null): Readable {
  if (pipe === null) throw new Error('this output goes elsewhere');
  return pipe;
}

function says<T>(
  output: Output,
  exited: Promise<Exit>,
  look: (stdout: string) => T | null,
  timeoutMs: number,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      clearTimeout(timer);
      unwatch();
      act();
    };
    const check = () => {
      const seen = look(output.text());
      if (seen !== null) settle(() => resolve(seen));
    };
    const timer = setTimeout(() => {
      settle(() => reject(new Error(`Waited ${timeoutMs} ms in vain; it said:\n${output.text()}`)));
    }, timeoutMs);
    const unwatch = output.onMore(check);
    void exited.then((exit) => {
      const how = exit.signal ?? exit.code;
      settle(() => reject(new Error(`It ended (${how}):\n${exit.stdout}\n${exit.stderr}`)));
    });
    check();
  });
}

let isBuilt: boolean | undefined;

function requireBuild(): void {
  isBuilt ??=
    spawnSync(process.execPath, [join(ROOT, 'scripts/build.mjs'), '--check', 'server'], {
      cwd: ROOT,
    }).status === 0;
  if (!isBuilt) {
    throw new Error(
      'dist/ is missing or older than src/: `npm test` builds it, or `npm run build`.',
    );
  }
}

async function removeFolder(folder: string): Promise<void> {
  await stopOrphan(clusterDir(folder), () => {});
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

function killPostgres(dataDir: string): void {
  const dir = clusterDir(dataDir);
  const pid = Number(readPidFile(dir)[0]);
  if (pid > 0 && worksOn(pid, dir)) process.kill(pid, 'SIGQUIT');
}
