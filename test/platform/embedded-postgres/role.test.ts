import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { migrate } from '../../../src/platform/db/migrate.ts';
import { plainServer } from '../../../src/platform/db/server.ts';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../../src/platform/embedded-postgres/start.ts';

let dataDir: string;
let server: EmbeddedPostgres;
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'postrider-role-'));
  server = await startEmbeddedPostgres(dataDir);
});
afterEach(async () => {
  await server.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

async function query(url: string, text: string) {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

test('the gateway owns its database, and can do nothing to the machine', async () => {
  const [role] = await query(
    server.url,
    `SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls,
            (SELECT datdba = r.oid FROM pg_database WHERE datname = current_database()) AS owns
       FROM pg_roles AS r WHERE rolname = current_user`,
  );
  const no = { rolsuper: false, rolcreatedb: false, rolcreaterole: false };
  expect(role).toEqual({ ...no, rolreplication: false, rolbypassrls: false, owns: true });
  await query(server.url, 'CREATE TABLE words (word text)');
  for (const statement of [
    `COPY words TO PROGRAM 'true'`,
    `COPY words FROM '/etc/passwd'`,
    `SELECT pg_read_file('/etc/passwd')`,
    `ALTER SYSTEM SET log_statement = 'all'`,
    'CREATE ROLE other',
  ]) {
    await expect(query(server.url, statement)).rejects.toThrow(/permission denied|must be/);
  }
});

test('a database from before there was the role is handed over whole at the next start', async () => {
  // As earlier versions did it: everything belongs to the superuser.
  await migrate(plainServer(server.adminUrl));
  const foreign = `
    SELECT (SELECT count(*)::int FROM pg_class WHERE relnamespace = 'public'::regnamespace
              AND relkind IN ('r', 'S') AND relowner <> current_user::regrole) AS relations,
           (SELECT count(*)::int FROM pg_proc WHERE pronamespace = 'public'::regnamespace
              AND proowner <> current_user::regrole) AS functions`;
  const [before] = await query(server.url, foreign);
  expect(before.relations).toBeGreaterThan(20);
  expect(before.functions).toBeGreaterThan(5);
  await server.stop();
  server = await startEmbeddedPostgres(dataDir);
  expect(await query(server.url, foreign)).toEqual([{ relations: 0, functions: 0 }]);
  await query(server.url, 'ALTER TABLE notification ADD COLUMN later text');
});

test('the superuser’s password was changed by hand: the role’s follows at the next start', async () => {
  await query(server.adminUrl, `ALTER ROLE postrider PASSWORD 'by-hand'`);
  await server.stop();
  writeFileSync(join(dataDir, 'postgres', 'password'), 'by-hand');
  server = await startEmbeddedPostgres(dataDir);
  expect(await query(server.url, 'SELECT current_user')).toEqual([
    { current_user: 'postrider_gateway' },
  ]);
});
