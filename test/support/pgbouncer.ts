import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseFreePort } from '../../src/platform/embedded-postgres/server.ts';
import { until } from './until.ts';

export interface PgBouncer {
  /** The same database, by way of the pooler. */
  through(url: string): string;
  close(): Promise<void>;
}

/** Whether there is one; where CI is set there must be. */
export function hasPgBouncer(): boolean {
  if (spawnSync('pgbouncer', ['--version']).status === 0) return true;
  if (process.env.CI === 'true')
    throw new Error('pgbouncer is missing: with CI=true it must be there.');
  return false;
}

/**
 * A pooler that hands its few connections out by the transaction, so that two statements of one client
 * hardly ever meet the same session.
 *
 * @param serverUrl whose user and password it takes for everybody
 */
export async function startPgBouncer(serverUrl: string, poolSize = 3): Promise<PgBouncer> {
  const folder = await mkdtemp(join(tmpdir(), 'postrider-pgbouncer-'));
  const { hostname, port: serverPort, username, password } = new URL(serverUrl);
  const port = await chooseFreePort();
  const file = join(folder, 'pgbouncer.ini');
  await writeFile(
    file,
    `[databases]
* = host=${hostname} port=${serverPort} user=${username} password=${decodeURIComponent(password)}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${poolSize}
server_round_robin = 1
max_client_conn = 500
`,
  );
  await chown(folder, NOBODY, NOBODY);
  const child = spawnAsNobody(file);
  await until(() => answers(port), { what: 'PgBouncer' });
  return {
    through(url) {
      const pooled = new URL(url);
      pooled.hostname = '127.0.0.1';
      pooled.port = String(port);
      return pooled.href;
    },
    async close() {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await gone;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const NOBODY = 65_534;

/** It refuses to run as root. */
function spawnAsNobody(file: string): ChildProcess {
  const isRoot = process.getuid?.() === 0;
  return spawn('pgbouncer', ['--quiet', file], {
    stdio: 'ignore',
    ...(isRoot && { uid: NOBODY, gid: NOBODY }),
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
