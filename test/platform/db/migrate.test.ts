import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { migrate } from '../../../src/platform/db/migrate.ts';
import { plainServer } from '../../../src/platform/db/server.ts';
import { emptyDatabase } from '../../support/database.ts';
import { friendly } from '../../support/hostile-settings.ts';
import { until } from '../../support/until.ts';

const SHIPPED = new URL('../../../prisma/migrations', import.meta.url).pathname;

let empty: Awaited<ReturnType<typeof emptyDatabase>>;
let client: pg.Client;
let directory: string;

beforeEach(async () => {
  empty = await emptyDatabase();
  client = new pg.Client({ connectionString: friendly(empty.url) });
  await client.connect();
  directory = await mkdtemp(join(tmpdir(), 'postrider-migrations-'));
});

afterEach(async () => {
  await client.end();
  await empty.drop();
  await rm(directory, { recursive: true });
});

async function write(name: string, sql: string) {
  await mkdir(join(directory, name), { recursive: true });
  await writeFile(join(directory, name, 'migration.sql'), sql);
}

async function ledger() {
  const { rows } = await client.query(
    'SELECT * FROM _prisma_migrations ORDER BY migration_name, started_at',
  );
  return rows;
}

async function isWaitingFor(table: string): Promise<void> {
  const other = new pg.Client({ connectionString: friendly(empty.url) });
  await other.connect();
  await until(async () => {
    const { rowCount } = await other.query(
      'SELECT FROM pg_locks WHERE relation = $1::text::regclass AND NOT granted',
      [table],
    );
    return rowCount === 1;
  });
  await other.end();
}

test('a fresh database gets every shipped migration, once, with a ledger as Prisma keeps it', async () => {
  const lines: string[] = [];
  const applied = await migrate(plainServer(empty.url), { log: (line) => lines.push(line) });

  expect(applied[0]).toBe('0001_foundation');
  expect(lines).toHaveLength(applied.length);
  const rows = await ledger();
  expect(rows.map((row) => row.migration_name)).toEqual(applied);
  const file = await readFile(join(SHIPPED, '0001_foundation', 'migration.sql'));
  expect(rows[0]).toMatchObject({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    checksum: createHash('sha256').update(file).digest('hex'),
    finished_at: expect.any(Date),
    logs: null,
    rolled_back_at: null,
    applied_steps_count: 1,
  });
  expect(await migrate(plainServer(empty.url))).toEqual([]);
});

test('five processes that start at once apply each migration once', async () => {
  const results = await Promise.all(
    Array.from({ length: 5 }, () => migrate(plainServer(empty.url))),
  );

  const applied = results.flat().sort();
  expect(applied).toContain('0001_foundation');
  expect(new Set(applied).size).toBe(applied.length);
  expect((await ledger()).map((row) => row.migration_name)).toEqual(applied);
});

test('only what is new is applied, in the order of the names', async () => {
  await cp(SHIPPED, directory, { recursive: true });
  await migrate(plainServer(empty.url), { directory });
  await write('9002_second', 'INSERT INTO extra VALUES (2)');
  await write('9001_first', 'CREATE TABLE extra (n int); INSERT INTO extra VALUES (1);');

  expect(await migrate(plainServer(empty.url), { directory })).toEqual([
    '9001_first',
    '9002_second',
  ]);
  const { rows } = await client.query('SELECT n FROM extra ORDER BY n');
  expect(rows).toEqual([{ n: 1 }, { n: 2 }]);
});

test('a migration that fails leaves nothing of itself and is tried again at the next start', async () => {
  await write('0001_good', 'CREATE TABLE good ()');
  await write('0002_bad', 'CREATE TABLE half (); SELECT 1/0;');

  await expect(migrate(plainServer(empty.url), { directory })).rejects.toThrow(
    'Migration 0002_bad failed: division by zero',
  );
  expect((await ledger()).map((row) => row.migration_name)).toEqual(['0001_good']);
  const { rows } = await client.query("SELECT to_regclass('half') AS half");
  expect(rows).toEqual([{ half: null }]);

  await write('0002_bad', 'CREATE TABLE half ()');
  expect(await migrate(plainServer(empty.url), { directory })).toEqual(['0002_bad']);
});

test('a migration that stands in a circle with traffic gives way, and comes again', async () => {
  await write('0001_tables', 'CREATE TABLE one (n int); CREATE TABLE other (n int)');
  await migrate(plainServer(empty.url), { directory });
  await write('0002_both', 'ALTER TABLE one ADD m int; ALTER TABLE other ADD m int');

  await client.query('BEGIN');
  await client.query('INSERT INTO other VALUES (1)');
  const applied = migrate(plainServer(empty.url), { directory });
  await isWaitingFor('other');
  // Waits for the migration, which waits for this transaction: one of them has to lose.
  await client.query('INSERT INTO one VALUES (1)');
  await client.query('COMMIT');

  expect(await applied).toEqual(['0002_both']);
});

test('a migration whose table nobody lets go fails in the end, and says why', async () => {
  await write('0001_table', 'CREATE TABLE taken (n int)');
  await migrate(plainServer(empty.url), { directory });
  await write('0002_more', 'ALTER TABLE taken ADD m int');
  await client.query('BEGIN');
  await client.query('LOCK TABLE taken');

  await expect(migrate(plainServer(empty.url), { directory, patienceMs: 1 })).rejects.toThrow(
    'Migration 0002_more failed: canceling statement due to lock timeout',
  );
  await client.query('ROLLBACK');
  expect(await migrate(plainServer(empty.url), { directory })).toEqual(['0002_more']);
});

test('a migration changed after it was applied is refused', async () => {
  await write('0001_good', 'CREATE TABLE good ()');
  await migrate(plainServer(empty.url), { directory });
  await write('0001_good', 'CREATE TABLE better ()');

  await expect(migrate(plainServer(empty.url), { directory })).rejects.toThrow(
    /^Migration 0001_good was changed after/,
  );
});

test('a database that a newer version has migrated is accepted, and said', async () => {
  await write('0001_good', 'CREATE TABLE good ()');
  await write('0002_newer', 'CREATE TABLE newer ()');
  await migrate(plainServer(empty.url), { directory });
  await rm(join(directory, '0002_newer'), { recursive: true });

  const lines: string[] = [];
  expect(
    await migrate(plainServer(empty.url), { directory, log: (line) => lines.push(line) }),
  ).toEqual([]);
  expect(lines).toEqual([expect.stringContaining('0002_newer was applied by a newer version')]);
});

test('what the Prisma CLI left unfinished stops the start; what it rolled back is applied again', async () => {
  await write('0001_good', 'CREATE TABLE good ()');
  await migrate(plainServer(empty.url), { directory });
  await client.query('DROP TABLE good; UPDATE _prisma_migrations SET finished_at = NULL');
  await expect(migrate(plainServer(empty.url), { directory })).rejects.toThrow(/never finished/);

  await client.query('UPDATE _prisma_migrations SET rolled_back_at = now()');
  expect(await migrate(plainServer(empty.url), { directory })).toEqual(['0001_good']);
});

test('a database that cannot be reached is named in one sentence, without its password', async () => {
  const failure = migrate(plainServer('postgres://postrider:hush@127.0.0.1:1/none'));
  await expect(failure).rejects.toThrow(/^The database at 127\.0\.0\.1:1 cannot be used \(.*\);/);
  await expect(failure).rejects.not.toThrow(/hush/);
});
