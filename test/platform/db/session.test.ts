import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { openDatabase } from '../../../src/platform/db/client.ts';
import { plainServer, reachServer } from '../../../src/platform/db/server.ts';
import { databaseUrl, execute, type TestDatabase, testDatabase } from '../../support/database.ts';
import { HOSTILE_SETTINGS } from '../../support/hostile-settings.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.drop());

describe('a session', () => {
  test('has what the SQL relies on, whatever the role says', async () => {
    const [row] = await db.database.prisma.$queryRaw<Record<string, string>[]>`
      SELECT current_setting('TimeZone') AS zone, current_setting('DateStyle') AS style,
             current_setting('transaction_isolation') AS isolation,
             current_setting('transaction_read_only') AS "readOnly",
             current_setting('search_path') AS path, current_setting('statement_timeout') AS timeout`;
    expect(row).toEqual({
      zone: 'UTC',
      style: 'ISO, MDY',
      isolation: 'read committed',
      readOnly: 'off',
      path: '"public"',
      timeout: '30s',
    });
  });

  test('would have none of it if it did not ask: this server says otherwise for each', async () => {
    const { pool } = db.database;
    const { rows } = await pool.query(
      `SELECT split_part(setting, '=', 1) AS name FROM pg_db_role_setting, unnest(setconfig) AS setting
        WHERE setdatabase = 0 AND setrole = 0`,
    );
    const given = new Set(rows.map(({ name }) => name.toLowerCase()));
    for (const name of Object.keys(HOSTILE_SETTINGS)) expect(given).toContain(name.toLowerCase());
  });

  test('says a time as it is, and takes one as it is', async () => {
    const at = new Date('2026-11-27T10:00:00.123Z');
    const [row] = await db.database.prisma.$queryRaw<{ at: Date; text: string }[]>`
      SELECT ${at}::timestamptz AS at, (${at}::timestamptz)::text AS text`;
    expect(row).toEqual({ at, text: '2026-11-27 10:00:00.123+00' });
  });
});

describe('a server', () => {
  const { adminUrl } = inject('postgres');

  test('that is fit is found to keep its sessions', async () => {
    expect(await reachServer(db.url)).toMatchObject({ isPooled: false, schema: 'public' });
  });

  test('whose database has another encoding is refused with the way out', async () => {
    const name = `latin_${randomBytes(4).toString('hex')}`;
    await execute(
      adminUrl,
      `CREATE DATABASE ${name} ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0`,
    );
    await expect(reachServer(databaseUrl(adminUrl, name))).rejects.toThrow(
      "The database is encoded in LATIN1; create one with ENCODING 'UTF8' for Postrider.",
    );
    await execute(adminUrl, `DROP DATABASE ${name}`);
  });

  test('where our tables are in another schema than they are looked for in is refused with the way out', async () => {
    const other = await testDatabase();
    await execute(other.url, 'ALTER SCHEMA public RENAME TO mine; CREATE SCHEMA public');
    await execute(other.url, `ALTER DATABASE "${nameOf(other.url)}" SET search_path = mine`);
    await expect(reachServer(other.url)).rejects.toThrow('add ?schema=mine to DATABASE_URL');
    const { schema } = await reachServer(`${other.url}?schema=mine`);
    expect(schema).toBe('mine');
    await other.drop();
  });

  test('whose triggers are switched off for the role is refused in one sentence', async () => {
    const other = await testDatabase();
    const name = nameOf(other.url);
    await execute(other.url, `ALTER DATABASE "${name}" SET session_replication_role = replica`);
    await expect(reachServer(other.url)).rejects.toThrow(
      'session_replication_role is "replica" and has to be "origin"',
    );
    await other.drop();
  });

  test('that does not wait for its disk is told to, and it is said', async () => {
    const other = await testDatabase();
    await execute(other.url, `ALTER DATABASE "${nameOf(other.url)}" SET synchronous_commit = off`);
    const lines: string[] = [];
    const server = await reachServer(other.url, (line) => lines.push(line));
    expect(lines).toEqual([expect.stringContaining('synchronous_commit is off for this role')]);
    const own = openDatabase(server, { maxConnections: 1 });
    expect((await own.pool.query('SHOW synchronous_commit')).rows).toEqual([
      { synchronous_commit: 'on' },
    ]);
    await own.close();
    await other.drop();
  });
});

test('a connection that its server ends while it is handed out ends nothing else', async () => {
  const own = openDatabase(plainServer(db.url), { maxConnections: 1 });
  const client = await own.pool.connect();
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const ended = new Promise((resolve) => client.once('end', () => resolve('ended')));
  await db.database.pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
  expect(await ended).toBe('ended');
  await expect(client.query('SELECT 1')).rejects.toThrow();
  client.release();
  expect((await own.pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  await own.close();
});

function nameOf(url: string): string {
  return new URL(url).pathname.slice(1);
}
