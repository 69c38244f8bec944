import { chownSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { type Database, openDatabase } from '../../../src/platform/db/client.ts';
import { type DatabaseHealth, openHealth } from '../../../src/platform/db/health.ts';
import { plainServer } from '../../../src/platform/db/server.ts';
import { databaseUrl, execute } from '../../support/database.ts';
import { mayMount, mountSmallDisk, type SmallDisk } from '../../support/small-disk.ts';

// With CI=true nothing may be left out.
const isLeftOut = process.env.CI !== 'true' && !mayMount();
const NAME = `full_disk_${process.pid}`;

let disk: SmallDisk;
let database: Database;
let health: DatabaseHealth;

beforeAll(async () => {
  if (isLeftOut) return;
  const { adminUrl } = inject('postgres');
  disk = mountSmallDisk(64);
  const admin = openDatabase(plainServer(adminUrl), { maxConnections: 1 });
  const { rows } = await admin.pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const location = join(disk.path, 'data');
  mkdirSync(location);
  // The backend ends with its connection, and its entry with it.
  const { uid, gid } = statSync(`/proc/${rows[0]?.pid}`);
  await admin.close();
  chownSync(location, uid, gid);
  await execute(adminUrl, `CREATE TABLESPACE ${NAME} LOCATION '${location}'`);
  await execute(adminUrl, `CREATE DATABASE ${NAME} TEMPLATE template0 TABLESPACE ${NAME}`);
  const server = plainServer(databaseUrl(adminUrl, NAME));
  database = openDatabase(server, { maxConnections: 2 });
  health = openHealth(server);
});
afterAll(async () => {
  if (isLeftOut) return;
  const { adminUrl } = inject('postgres');
  await health?.close();
  await database?.close();
  await execute(adminUrl, `DROP DATABASE IF EXISTS ${NAME} WITH (FORCE)`);
  await execute(adminUrl, `DROP TABLESPACE IF EXISTS ${NAME}`);
  disk?.remove();
});

test.skipIf(isLeftOut)('a full disk is said for as long as there is no room on it', async () => {
  const write = () =>
    database.pool.query(
      "INSERT INTO filling SELECT repeat('x', 1000) FROM generate_series(1, 10000)",
    );
  await database.pool.query('CREATE TABLE filling (text text)');
  expect(await health.look()).toBe('ready');

  disk.fill();
  // Nobody has found out yet.
  expect(await health.look()).toBe('ready');
  await expect(write()).rejects.toMatchObject({ code: '53100' });
  expect(await health.look()).toBe('full');
  expect(await health.look()).toBe('full');

  disk.free();
  expect(await health.look()).toBe('ready');
  await write();
});
