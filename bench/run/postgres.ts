import { join } from 'node:path';
import pg from 'pg';
import { migrate } from '../../src/platform/db/migrate.ts';
import { plainServer } from '../../src/platform/db/server.ts';
import { startEmbeddedPostgres } from '../../src/platform/embedded-postgres/start.ts';
import { MERCHANTS_AND_ENDPOINTS, NOTIFICATIONS } from '../generated.ts';
import { postmasterOf } from './machine.ts';
import { writeTopStatements } from './profile.ts';

/** The PostgreSQL that everything in a run shares, so that its settings are the same for all. */
export interface Cluster {
  version: string;
  /** null: on another machine. */
  pid: number | null;
  /** A new database; with `rows`, a migrated one that holds so many notifications of the past. */
  create(name: string, rows?: number): Promise<string>;
  close(): Promise<void>;
}

const FOLDER = join('.data', 'bench-cluster');
const RUN = 'bench_run_';
const STEP = 100_000;

/**
 * @param url null: an embedded one, whose filled templates are kept for the next run
 * @param profile where it leaves the dearest statements of the gateways, if it is the embedded one
 */
export async function openCluster(url: string | null, profile: string | null): Promise<Cluster> {
  const embedded =
    url === null ? await startEmbedded(profile !== null ? 'counted' : 'plain') : null;
  const adminUrl = url ?? embedded?.adminUrl ?? '';
  const admin = await connect(adminUrl);
  const { rows } = await admin.query(
    `SELECT current_setting('server_version') AS version, pg_backend_pid() AS pid`,
  );
  const made: string[] = [];
  const drop = (name: string) => admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  // Only on a folder of our own: on somebody's server another run may be under way.
  if (embedded !== null) {
    const left = await admin.query('SELECT datname FROM pg_database WHERE datname LIKE $1', [
      `${RUN}%`,
    ]);
    for (const { datname } of left.rows) await drop(datname);
  }

  async function template(count: number): Promise<string> {
    const name = `bench_rows_${count}`;
    const found = await admin.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (found.rowCount === 0) {
      const unfinished = `${name}_unfinished`;
      await drop(unfinished);
      await admin.query(`CREATE DATABASE ${unfinished}`);
      await fill(databaseUrl(adminUrl, unfinished), count);
      await admin.query(`ALTER DATABASE ${unfinished} RENAME TO ${name}`);
      // On somebody's server nothing is left behind.
      if (embedded === null) made.push(name);
    }
    await migrate(plainServer(databaseUrl(adminUrl, name)));
    return name;
  }

  return {
    version: rows[0].version,
    pid: postmasterOf(rows[0].pid),
    async create(name, count) {
      const full = `${RUN}${process.pid}_${name.replaceAll(/\W/g, '_')}`;
      const source = count === undefined ? 'template1' : await template(count);
      // By files costs two checkpoints, by the log everything twice.
      const strategy = (count ?? 0) > STEP ? 'FILE_COPY' : 'WAL_LOG';
      await admin.query(`CREATE DATABASE ${full} TEMPLATE ${source} STRATEGY ${strategy}`);
      made.push(full);
      if (count !== undefined) await countAsFolded(databaseUrl(adminUrl, full));
      return databaseUrl(adminUrl, full);
    },
    async close() {
      if (embedded !== null && profile !== null) {
        const gateways = made.filter((name) => name.includes('postrider'));
        await writeTopStatements(profile, admin, gateways);
      }
      for (const name of made) await drop(name);
      await admin.end();
      await embedded?.stop();
    },
  };
}

const COUNTER = 'pg_stat_statements';

/** Statements are counted only where somebody asks for it: it costs a little. */
async function startEmbedded(statements: 'counted' | 'plain') {
  const embedded = await startEmbeddedPostgres(FOLDER);
  const client = await connect(embedded.adminUrl);
  const { rows } = await client.query('SHOW shared_preload_libraries');
  const isCounted = rows[0].shared_preload_libraries === COUNTER;
  const isSo = isCounted === (statements === 'counted');
  if (!isSo && !isCounted) {
    await client.query(`ALTER SYSTEM SET shared_preload_libraries = '${COUNTER}'`);
    // Those inside of functions too, and how long each was planned.
    await client.query(`ALTER SYSTEM SET ${COUNTER}.track = 'all'`);
    await client.query(`ALTER SYSTEM SET ${COUNTER}.track_planning = on`);
  } else if (!isSo) {
    await client.query('ALTER SYSTEM RESET ALL');
  }
  await client.end();
  if (isSo) return embedded;
  await embedded.stop();
  return startEmbeddedPostgres(FOLDER);
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client;
}

async function fill(url: string, count: number): Promise<void> {
  await migrate(plainServer(url));
  const client = await connect(url);
  try {
    await client.query('SET synchronous_commit = off');
    await client.query(MERCHANTS_AND_ENDPOINTS);
    for (let from = 1; from <= count; from += STEP) {
      await client.query(NOTIFICATIONS, [from, Math.min(count, from + STEP - 1), count]);
      if (count > STEP) console.log(`  filled ${Math.min(count, from + STEP - 1)} of ${count}`);
    }
    await client.query('VACUUM ANALYZE');
  } finally {
    await client.end();
  }
}

/** The past has been counted as it passed: a gateway that begins with it counts only what comes. */
async function countAsFolded(url: string): Promise<void> {
  const client = await connect(url);
  try {
    await client.query(
      'UPDATE overview_fold SET attempts_xid = feed_horizon(), ended_until = postrider_now()',
    );
  } finally {
    await client.end();
  }
}

function databaseUrl(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}
