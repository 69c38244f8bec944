import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/db/embedded.ts';
import { migrate } from '../../src/db/migrate.ts';
import { databaseUrl, execute } from './database.ts';
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
 * one Redis where there is a redis-server. With `CI=true` nothing may be left out.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
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
    await migrate(databaseUrl(server.url, template));
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

/** An embedded server that doesn't wait for its disk at each commit: tests survive a power cut. */
async function startTemporary() {
  const folder = await mkdtemp(join(tmpdir(), 'postrider-postgres-'));
  const server = await startEmbeddedPostgres(folder);
  await execute(server.url, 'ALTER ROLE ALL SET synchronous_commit = off');
  return {
    url: server.url,
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function dropAll(url: string, prefix: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ datname: string }>(
    'SELECT datname FROM pg_database WHERE starts_with(datname, $1)',
    [prefix],
  );
  for (const { datname } of rows) await client.query(`DROP DATABASE ${datname} WITH (FORCE)`);
  await client.end();
}
