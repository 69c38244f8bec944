import { join, resolve } from 'node:path';
import pg from 'pg';
import { findNativeDir, prepareBinaries } from './binaries.ts';
import { chooseUser, clusterDir, ensureCluster, NAME } from './cluster.ts';
import { codeOf, EmbeddedPostgresError, messageOf } from './error.ts';
import { ensureFolder } from './folder.ts';
import { lockFolder } from './lock.ts';
import { stopOrphan } from './orphan.ts';
import { GATEWAY_ROLE, gatewayPassword, passwordStatement, roleStatement } from './role.ts';
import { chooseFreePort, launch } from './server.ts';
import { type Supervised, supervise } from './supervisor.ts';

export { EmbeddedPostgresError };

const CONNECT_LIMIT_MS = 30_000;
const NO_SUCH_DATABASE = '3D000';
const WRONG_PASSWORD = '28P01';

/** A PostgreSQL that runs as our child process. */
export interface EmbeddedPostgres {
  /** `postgres://…` of the database "postrider" on 127.0.0.1, as its owner. It stays the same over restarts. */
  url: string;
  /** The same database as the cluster's superuser: for backups, and tests that need more than the gateway may. */
  adminUrl: string;
  /** Resolves when PostgreSQL is down for good, and the data folder is free again. */
  exited: Promise<void>;
  /** Fast shutdown: rolls back what is open, and waits until the process is gone. */
  stop(): Promise<void>;
}

/** Only `log` and `warn` are for the product; tests inject the others. */
export interface EmbeddedPostgresOptions {
  /** Told, one line at a time, what an operator may wonder about. */
  log?: (line: string) => void;
  /** Told what an operator has to know; `log` when absent. */
  warn?: (line: string) => void;
  /** When PostgreSQL ends without having been stopped. By default it is started again. */
  whenItEnds?: 'restart' | 'stay-down';
  /** The folder with PostgreSQL's `bin`, `lib` and `share`. */
  nativeDir?: string;
  choosePort?: () => Promise<number>;
}

/**
 * Starts PostgreSQL on `dataDir`, which is created and initialised when need be, and again, on the
 * same port, whenever it ends without having been stopped.
 *
 * Crash points: killed during the first start, the unfinished cluster is thrown away by the next
 * one; killed later, the PostgreSQL left behind is stopped by the next one.
 *
 * @throws EmbeddedPostgresError
 */
export async function startEmbeddedPostgres(
  dataDir: string,
  options: EmbeddedPostgresOptions = {},
): Promise<EmbeddedPostgres> {
  const dir = resolve(dataDir);
  try {
    ensureFolder(dir);
    return await startLocked(dir, options);
  } catch (error) {
    if (error instanceof EmbeddedPostgresError) throw error;
    throw new EmbeddedPostgresError(
      `PostgreSQL could not be started in ${dir} (${messageOf(error)}): ${remedyFor(error)}.`,
      { cause: error },
    );
  }
}

function remedyFor(error: unknown): string {
  switch (codeOf(error)) {
    case 'EACCES':
    case 'EPERM':
      return 'start as the user whom its files belong to, or set DATA_DIR to another folder';
    case 'ENOSPC':
    case 'EDQUOT':
      return 'make room on its disk, or set DATA_DIR to a folder on another one';
    default:
      return 'set DATA_DIR to another folder, or DATABASE_URL to a PostgreSQL 14 or newer';
  }
}

async function startLocked(
  dataDir: string,
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const unlock = lockFolder(dataDir);
  try {
    const { url, adminUrl, stop, stopped } = await startServer(dataDir, options);
    const exited = stopped.then(unlock);
    return { url, adminUrl, exited, stop: () => stop().then(() => exited) };
  } catch (error) {
    unlock();
    throw error;
  }
}

async function startServer(
  dataDir: string,
  options: EmbeddedPostgresOptions,
): Promise<Supervised & { url: string; adminUrl: string }> {
  const { log = () => undefined, warn = log, choosePort = chooseFreePort } = options;
  const runAs = chooseUser(dataDir);
  const binaries = prepareBinaries(options.nativeDir ?? findNativeDir(), runAs, dataDir, log);
  await stopOrphan(clusterDir(dataDir), log);
  const cluster = ensureCluster(dataDir, binaries, runAs);
  const launchOptions = { cluster, binaries, logFile: join(dataDir, 'postgres.log') };
  const server = await launch({ ...launchOptions, choosePort });
  const adminOrigin = `postgres://${NAME}:${cluster.password}@127.0.0.1:${server.port}`;
  const password = gatewayPassword(cluster.password);
  const url = `postgres://${GATEWAY_ROLE}:${password}@127.0.0.1:${server.port}/${NAME}`;
  try {
    await ensureDatabase(adminOrigin, roleStatement(password));
    await ensureLogin(url, () => query(`${adminOrigin}/${NAME}`, passwordStatement(password)));
  } catch (error) {
    await server.stop();
    throw error;
  }
  const relaunch = async (signal: AbortSignal) => {
    // Backends may have survived their server, and its pid file did.
    await stopOrphan(cluster.dir, log);
    // Who is connected, or wants to be, knows this port.
    return launch({ ...launchOptions, choosePort: async () => server.port, signal });
  };
  const supervised =
    options.whenItEnds === 'stay-down'
      ? { stopped: server.exited.then(() => undefined), stop: server.stop }
      : supervise(server, { relaunch, log, warn });
  return {
    ...supervised,
    url,
    adminUrl: `${adminOrigin}/${NAME}`,
  };
}

/** Connecting straight away, rather than asking first, saves every later start a connection. */
async function ensureDatabase(origin: string, role: string): Promise<void> {
  try {
    await query(`${origin}/${NAME}`, role);
  } catch (error) {
    if (codeOf(error) !== NO_SUCH_DATABASE) throw error;
    await query(`${origin}/postgres`, `CREATE DATABASE ${NAME}`);
    await query(`${origin}/${NAME}`, role);
  }
}

/** The superuser's password may have been changed by hand, and the role's follows from it. */
async function ensureLogin(url: string, setPassword: () => Promise<void>): Promise<void> {
  try {
    await query(url, 'SELECT 1');
  } catch (error) {
    if (codeOf(error) !== WRONG_PASSWORD) throw error;
    await setPassword();
  }
}

async function query(connectionString: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: CONNECT_LIMIT_MS });
  // A server that dies meanwhile fails the query; unheard, the event would end our process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(text);
  } finally {
    await client.end();
  }
}
