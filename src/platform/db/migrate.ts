import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { sqlStateOf } from './database-error.ts';
import { connectTo, type DatabaseServer } from './server.ts';
import { DEFAULT_LIMITS } from './session.ts';
import type { SessionClient } from './session-client.ts';

/** From `src/db` and from `dist/db` alike, the migrations lie two folders up. */
const MIGRATIONS = fileURLToPath(new URL('../../../prisma/migrations', import.meta.url));

/** The lock that `prisma migrate` takes too: its CLI and a starting gateway exclude each other. */
const PRISMA_LOCK = 72_707_369;

const SECOND = 1000;
/** Another process may be busy with a long migration. */
const TURN_TIMEOUT_MS = 600 * SECOND;
/**
 * A migration that waits for a table stops every query behind it, and may wait for one of them in turn:
 * so it gives way before PostgreSQL looks for deadlocks (1 s) and ends somebody else, and comes again.
 */
const TABLE_TIMEOUT_MS = 500;
const PAUSE_MS = 500;
/** Then something holds a table for good, and whoever starts the process has to know. */
const PATIENCE_MS = 120 * SECOND;

interface Migration {
  name: string;
  sql: string;
  checksum: string;
}

interface LedgerRow {
  migration_name: string;
  checksum: string;
  finished_at: Date | null;
}

/**
 * Brings the database up to this version's migrations. Processes that start together take turns;
 * each migration and its ledger row are one transaction, so a crash leaves either both or none. The
 * lock is held by transactions, not by the session: behind a pooler there is none to hold it.
 *
 * Why not Prisma's CLI: it wants a schema engine that has to be downloaded first. Why its ledger:
 * so that its CLI, run by somebody later, agrees about what was applied.
 *
 * @param options.log gets one line for each thing worth telling
 * @param options.patienceMs how long a migration tries to get tables that are in use
 * @returns the names applied by this call
 * @throws Error with one sentence of cause and remedy
 */
export async function migrate(
  server: DatabaseServer,
  options: { directory?: string; log?: (line: string) => void; patienceMs?: number } = {},
): Promise<string[]> {
  const { log = () => {}, patienceMs = PATIENCE_MS } = options;
  const migrations = await readMigrations(options.directory ?? MIGRATIONS);
  const limits = { statementTimeoutMs: 0, lockTimeoutMs: TURN_TIMEOUT_MS };
  const client = await connectTo(server, 'postrider migrate', limits);
  try {
    const applied: string[] = [];
    const newer = new Set<string>();
    for (;;) {
      const startedAt = performance.now();
      const name = await applyPatiently(client, patienceMs, (ledger) =>
        nextOf(migrations, ledger, newer),
      );
      if (name === null) break;
      applied.push(name);
      log(`Applied migration ${name} (${Math.round(performance.now() - startedAt)} ms)`);
    }
    for (const name of newer) {
      // An older version beside a newer one, as during an upgrade machine by machine.
      log(`Migration ${name} was applied by a newer version; going on without it`);
    }
    return applied;
  } finally {
    await client.end().catch(() => {});
  }
}

/** Whether any migration was ever applied: the database has been in use. */
export async function isMigrated(server: DatabaseServer): Promise<boolean> {
  const client = await connectTo(server, 'postrider start', DEFAULT_LIMITS);
  try {
    const { rows } = await client.query<{ found: boolean }>(
      `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS found`,
    );
    return rows[0]?.found ?? false;
  } finally {
    await client.end().catch(() => {});
  }
}

async function readMigrations(directory: string): Promise<Migration[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: Error) => {
    throw new Error(`The migrations cannot be read (${error.message}).`, { cause: error });
  });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const sql = await readFile(join(directory, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

async function takeTurn(client: SessionClient): Promise<void> {
  try {
    await client.query('SELECT pg_advisory_xact_lock($1)', [PRISMA_LOCK]);
  } catch (error) {
    if (sqlStateOf(error) !== LOCK_NOT_AVAILABLE) throw error;
    throw new NoTurnError(
      `Another process has been migrating this database for ${TURN_TIMEOUT_MS / SECOND} s; start again once it is done.`,
      { cause: error },
    );
  }
}

class NoTurnError extends Error {}

async function readLedger(client: SessionClient): Promise<LedgerRow[]> {
  await client.query(
    `CREATE TABLE IF NOT EXISTS _prisma_migrations (
       id varchar(36) PRIMARY KEY NOT NULL,
       checksum varchar(64) NOT NULL,
       finished_at timestamptz,
       migration_name varchar(255) NOT NULL,
       logs text,
       rolled_back_at timestamptz,
       started_at timestamptz NOT NULL DEFAULT now(),
       applied_steps_count integer NOT NULL DEFAULT 0)`,
  );
  const { rows } = await client.query<LedgerRow>(
    `SELECT migration_name, checksum, finished_at FROM _prisma_migrations
     WHERE rolled_back_at IS NULL ORDER BY migration_name`,
  );
  return rows;
}

/**
 * The next migration to be applied; null: there is none left.
 *
 * @param newer gets the names of those that only a newer version knows
 * @throws Error where the ledger and the files contradict each other
 */
function nextOf(
  migrations: Migration[],
  ledger: LedgerRow[],
  newer: Set<string>,
): Migration | null {
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  for (const row of ledger) {
    if (row.finished_at === null) {
      throw new Error(
        `Migration ${row.migration_name} was begun by the Prisma CLI and never finished; settle it with "prisma migrate resolve" first.`,
      );
    }
    const migration = known.get(row.migration_name);
    if (migration === undefined) {
      newer.add(row.migration_name);
    } else if (migration.checksum !== row.checksum) {
      throw new Error(
        `Migration ${row.migration_name} was changed after it had been applied to this database; put its file back and write a new migration.`,
      );
    }
  }
  const done = new Set(ledger.map((row) => row.migration_name));
  return migrations.find((migration) => !done.has(migration.name)) ?? null;
}

const LOCK_NOT_AVAILABLE = '55P03';
const DEADLOCK_DETECTED = '40P01';
const GAVE_WAY = [LOCK_NOT_AVAILABLE, DEADLOCK_DETECTED];

/** @returns what was applied; null: there was nothing left to apply */
async function applyPatiently(
  client: SessionClient,
  patienceMs: number,
  next: (ledger: LedgerRow[]) => Migration | null,
): Promise<string | null> {
  const endsAt = performance.now() + patienceMs;
  for (;;) {
    try {
      return await applyNext(client, next);
    } catch (error) {
      const gaveWay = GAVE_WAY.includes(sqlStateOf(error) ?? '') && !(error instanceof NoTurnError);
      if (!gaveWay || performance.now() >= endsAt) throw error;
      await pause(PAUSE_MS * (0.5 + Math.random()));
    }
  }
}

async function applyNext(
  client: SessionClient,
  next: (ledger: LedgerRow[]) => Migration | null,
): Promise<string | null> {
  await client.query('BEGIN');
  try {
    await takeTurn(client);
    const migration = next(await readLedger(client));
    if (migration !== null) await apply(client, migration);
    await client.query('COMMIT');
    return migration?.name ?? null;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

async function apply(client: SessionClient, migration: Migration): Promise<void> {
  try {
    await client.query(`SET LOCAL lock_timeout = ${TABLE_TIMEOUT_MS}`);
    await client.query(migration.sql);
    await client.query(
      `INSERT INTO _prisma_migrations
         (id, checksum, finished_at, migration_name, started_at, applied_steps_count)
       VALUES ($1, $2, clock_timestamp(), $3, now(), 1)`,
      [randomUUID(), migration.checksum, migration.name],
    );
  } catch (error) {
    throw new Error(`Migration ${migration.name} failed: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
