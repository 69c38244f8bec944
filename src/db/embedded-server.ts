import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  fchownSync,
  openSync,
  readSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Binaries } from './embedded-binaries.ts';
import { type Cluster, nameOf } from './embedded-cluster.ts';
import { EmbeddedPostgresError, tellingLine } from './embedded-error.ts';
import { readPidFile } from './embedded-orphan.ts';
import { CHILD_ENV } from './embedded-process.ts';

const SECOND = 1_000;
const MB = 1_024 * 1_024;
const LOG_LIMIT_BYTES = 10 * MB;
/** Bounded, but generously: replaying the log after a crash takes its time, and has to finish. */
const READY_LIMIT_MS = 600 * SECOND;
const READY_POLL_MS = 5;
const STOP_PATIENCE_MS = 30 * SECOND;
const RETRY_LIMIT = 50;
const RETRY_PAUSE_MS = 200;

/** Only here is durability decided: an accepted notification must survive a power cut. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  // What a process takes with as many queues as there may be, and some for people and tools.
  max_connections: '300',
  shared_buffers: '128MB',
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  timezone: 'UTC',
  log_timezone: 'UTC',
  cluster_name: 'postrider',
};

/**
 * What passes by itself: another process took the port after we chose it, or the backends of a
 * killed server have not all noticed yet that it is gone.
 */
const PASSING = /could not bind IPv4 address|pre-existing shared memory block/;

/** A PostgreSQL server that accepts connections. */
export interface Server {
  port: number;
  /** Resolves when the process is gone, for whatever reason. */
  exited: Promise<void>;
  /** Fast shutdown: rolls back what is open, and resolves when the process is gone. */
  stop(): Promise<void>;
}

/** A port of 127.0.0.1 that nobody listens on at the moment. */
export async function chooseFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no TCP port');
  return address.port;
}

/**
 * Starts PostgreSQL on the cluster and waits until it is ready.
 * @throws EmbeddedPostgresError with PostgreSQL's own reason when it does not start
 */
export async function launch(
  cluster: Cluster,
  binaries: Binaries,
  logFile: string,
  choosePort: () => Promise<number>,
): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    const port = await choosePort();
    const logStart = beginLog(logFile);
    const child = spawnServer(cluster, binaries, logFile, port);
    const gone = exitOf(child);
    if (await isReady(child, gone, cluster.dir)) {
      const exited = gone.then(() => undefined);
      return { port, exited, stop: () => stopChild(child, exited) };
    }
    const output = readFrom(logFile, logStart) || (await gone);
    if (!PASSING.test(output) || attempt === RETRY_LIMIT) {
      throw new EmbeddedPostgresError(
        `PostgreSQL did not start on ${cluster.dir} (${tellingLine(output)}): see ` +
          `${logFile}, or set DATABASE_URL to another PostgreSQL 14 or newer.`,
      );
    }
    await delay(RETRY_PAUSE_MS);
  }
}

function spawnServer(cluster: Cluster, binaries: Binaries, logFile: string, port: number) {
  const settings = { ...SETTINGS, port: String(port) };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const descriptor = openSync(logFile, 'a', 0o600);
  try {
    // Whoever may run this cluster later without being root must be able to write its log.
    if (cluster.runAs) fchownSync(descriptor, cluster.runAs.uid, cluster.runAs.gid);
    return spawn(binaries.postgres, ['-D', nameOf(cluster.dir, cluster.runAs), ...args], {
      ...cluster.runAs,
      cwd: cluster.dir,
      env: CHILD_ENV,
      stdio: ['ignore', descriptor, descriptor],
      // Its own process group: the terminal's Ctrl-C must reach us alone, who stop it last.
      detached: true,
    });
  } finally {
    closeSync(descriptor);
  }
}

/** @returns how it ended */
function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(`ended with ${signal ?? code}`));
    // Could not even be spawned.
    child.once('error', ({ message }) => resolve(message));
  });
}

/** PostgreSQL writes its state to the pid file; reading that costs no connection. */
async function isReady(child: ChildProcess, gone: Promise<string>, dir: string): Promise<boolean> {
  let isGone = false;
  void gone.then(() => {
    isGone = true;
  });
  const giveUpAt = Date.now() + READY_LIMIT_MS;
  while (!isGone) {
    const lines = readPidFile(dir);
    if (Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready') return true;
    if (Date.now() > giveUpAt) child.kill('SIGQUIT');
    await Promise.race([gone, delay(READY_POLL_MS)]);
  }
  return false;
}

async function stopChild(child: ChildProcess, exited: Promise<void>): Promise<void> {
  child.kill('SIGINT');
  const patience = new AbortController();
  const outOfPatience = delay(STOP_PATIENCE_MS, 'late', { signal: patience.signal });
  const first = await Promise.race([exited, outOfPatience.catch(() => undefined)]);
  patience.abort();
  // Immediate shutdown: nothing committed is lost, the next start replays the log.
  if (first === 'late') child.kill('SIGQUIT');
  await exited;
}

/** @returns where in the file this start's lines begin, in bytes */
function beginLog(logFile: string): number {
  const size = existsSync(logFile) ? statSync(logFile).size : 0;
  if (size <= LOG_LIMIT_BYTES) return size;
  truncateSync(logFile);
  return 0;
}

function readFrom(logFile: string, start: number): string {
  const descriptor = openSync(logFile, 'r');
  try {
    const buffer = Buffer.alloc(Math.min(statSync(logFile).size - start, MB));
    return buffer.toString('utf8', 0, readSync(descriptor, buffer, 0, buffer.length, start));
  } finally {
    closeSync(descriptor);
  }
}
