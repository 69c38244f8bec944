import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fchownSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Binaries } from './binaries.ts';
import { type Cluster, nameOf } from './cluster.ts';
import { EmbeddedPostgresError } from './error.ts';
import { beginLog, firstOutput, isAboutRoom, reasonOfEnd, reasonOfFailedStart } from './log.ts';
import { readPidFile } from './orphan.ts';
import { CHILD_ENV } from './process.ts';

const SECOND = 1_000;
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
  // A backup while it runs needs these, whatever postgresql.conf may say: see src/platform/backup.
  wal_level: 'replica',
  max_replication_slots: '10',
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
  /** Resolves with how it ended when the process is gone, for whatever reason. */
  exited: Promise<string>;
  /** Once it has ended by itself: how, and PostgreSQL's own words where it had any. */
  reasonOfEnd(): Promise<string>;
  /** Fast shutdown: rolls back what is open, and resolves when the process is gone. */
  stop(): Promise<void>;
}

export interface LaunchOptions {
  cluster: Cluster;
  binaries: Binaries;
  logFile: string;
  choosePort: () => Promise<number>;
  /** Beside, and instead of, the ones that the gateway's database has. */
  settings?: Record<string, string>;
  /** Ends a start that is under way, at once. */
  signal?: AbortSignal;
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
 * @throws the reason of `signal` once that is aborted; no process is left behind
 */
export async function launch(options: LaunchOptions): Promise<Server> {
  const { cluster, logFile, choosePort, signal } = options;
  for (let attempt = 1; ; attempt++) {
    const port = await choosePort();
    signal?.throwIfAborted();
    const logStart = beginLog(logFile);
    const child = spawnServer(options, port);
    const exited = exitOf(child);
    if (await isReady(child, exited, cluster.dir, signal)) {
      const reason = async () => reasonOfEnd(logFile, logStart, await exited, cluster.dir);
      return { port, exited, reasonOfEnd: reason, stop: () => stopChild(child, exited) };
    }
    signal?.throwIfAborted();
    const output = firstOutput(logFile, logStart);
    if (!PASSING.test(output) || attempt === RETRY_LIMIT) {
      const reason = reasonOfFailedStart(output, await exited, cluster.dir);
      const remedy = isAboutRoom(reason)
        ? 'make room on its disk; nothing that was accepted is lost'
        : `see ${logFile}, or set DATABASE_URL to another PostgreSQL 14 or newer`;
      throw new EmbeddedPostgresError(
        `PostgreSQL did not start on ${cluster.dir} (${reason}): ${remedy}.`,
        { reason },
      );
    }
    await delay(RETRY_PAUSE_MS, undefined, { signal });
  }
}

function spawnServer(options: LaunchOptions, port: number): ChildProcess {
  const { cluster, binaries, logFile } = options;
  const settings = { ...SETTINGS, ...options.settings, port: String(port) };
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

/**
 * PostgreSQL writes its state to the pid file; reading that costs no connection.
 * @returns whether it is ready; if not, its process is gone
 */
async function isReady(
  child: ChildProcess,
  exited: Promise<string>,
  dir: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  let isGone = false;
  void exited.then(() => {
    isGone = true;
  });
  const giveUpAt = Date.now() + READY_LIMIT_MS;
  try {
    while (!isGone) {
      // Nobody is connected yet: there is nothing to roll back, and no need to be patient.
      if (signal?.aborted || Date.now() > giveUpAt) child.kill('SIGQUIT');
      const lines = readPidFile(dir);
      const isUp = Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready';
      if (isUp && !signal?.aborted) return true;
      await Promise.race([exited, delay(READY_POLL_MS)]);
    }
    return false;
  } catch (error) {
    child.kill('SIGQUIT');
    await exited;
    throw error;
  }
}

async function stopChild(child: ChildProcess, exited: Promise<string>): Promise<void> {
  child.kill('SIGINT');
  const patience = new AbortController();
  const outOfPatience = delay(STOP_PATIENCE_MS, LATE, { signal: patience.signal });
  const first = await Promise.race([exited, outOfPatience.catch(() => undefined)]);
  patience.abort();
  // Immediate shutdown: nothing committed is lost, the next start replays the log.
  if (first === LATE) child.kill('SIGQUIT');
  await exited;
}

const LATE = Symbol('late');
