import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { migrate } from '../../src/platform/db/migrate.ts';
import { connectTo, plainServer } from '../../src/platform/db/server.ts';
import { DEFAULT_LIMITS } from '../../src/platform/db/session.ts';
import { startEmbeddedPostgres } from '../../src/platform/embedded-postgres/start.ts';
import { databaseUrl, execute } from './database.ts';
import { HOSTILE_SETTINGS } from './hostile-settings.ts';
import { hasRedis, startRedis } from './redis.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** `prefix` begins the names of this run's databases; `template` is the migrated one. */
    postgres: { adminUrl: string; template: string; prefix: string };
    redisUrl: string | null;
  }
}

/**
 * Real servers for the whole run: one PostgreSQL (`TEST_DATABASE_URL`, else the embedded one) and
 * one Redis where there is a redis-server. With `CI=true` nothing may be left out. Unit tests alone need none.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (project.vitest.projects.every(({ name }) => name === 'unit')) return async () => {};
  const redisIsHere = hasRedis();
  if (!redisIsHere && process.env.CI === 'true') {
    throw new Error('redis-server is missing: with CI=true no test may be left out.');
  }
  const undo: (() => Promise<void>)[] = [];
  async function teardown() {
    for (const step of undo.reverse()) await step();
  }
  try {
    if (!redisIsHere) undo.push(async () => project.vitest.logger.log(LEFT_OUT));
    const server = await openPostgres();
    undo.push(server.stop);
    const prefix = `postrider_test_${randomBytes(3).toString('hex')}_`;
    const template = `${prefix}template`;
    undo.push(() => dropAll(server.url, prefix));
    await execute(server.url, `CREATE DATABASE ${template}`);
    await migrate(plainServer(databaseUrl(server.url, template)));
    project.provide('postgres', { adminUrl: server.url, template, prefix });

    const redis = redisIsHere ? await startRedis() : null;
    if (redis !== null) undo.push(redis.stop);
    project.provide('redisUrl', redis?.url ?? null);
    return teardown;
  } catch (error) {
    await teardown();
    throw error;
  }
}

const LEFT_OUT = '\nLeft out: everything on Redis, because redis-server is not installed.';

async function openPostgres(): Promise<{ url: string; stop(): Promise<void> }> {
  const given = process.env.TEST_DATABASE_URL;
  return given ? { url: given, stop: async () => {} } : startTemporary();
}

/** An embedded server, in memory where there is room: nobody waits for the disk at each commit. */
async function startTemporary() {
  const folder = await mkdtemp(join(await quickFolder(), 'postrider-postgres-'));
  const server = await startEmbeddedPostgres(folder);
  for (const [name, value] of Object.entries(HOSTILE_SETTINGS)) {
    await execute(server.adminUrl, `ALTER ROLE ALL SET ${name} = ${value}`);
  }
  return {
    url: server.adminUrl,
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const SHARED_MEMORY = '/dev/shm';
const ROOM_BYTES = 4 * 1024 ** 3;

async function quickFolder(): Promise<string> {
  const room = await statfs(SHARED_MEMORY).catch(() => null);
  return room !== null && room.bavail * room.bsize > ROOM_BYTES ? SHARED_MEMORY : tmpdir();
}

async function dropAll(url: string, prefix: string): Promise<void> {
  const client = await connectTo(plainServer(url), 'postrider test', DEFAULT_LIMITS);
  const { rows } = await client.query<{ datname: string }>(
    'SELECT datname FROM pg_database WHERE starts_with(datname, $1)',
    [prefix],
  );
  for (const { datname } of rows) await client.query(`DROP DATABASE ${datname} WITH (FORCE)`);
  await client.end();
}
