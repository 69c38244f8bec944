import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import { type Database, openDatabase } from '../../src/platform/db/client.ts';
import { connectTo, plainServer } from '../../src/platform/db/server.ts';
import { DEFAULT_LIMITS } from '../../src/platform/db/session.ts';

export interface TestDatabase {
  url: string;
  database: Database;
  /** Sets the gateway's clock in this database on by so much more; negative: back. */
  travel(ms: number): Promise<void>;
  /** Closes `database` and drops it, whoever is still connected. */
  drop(): Promise<void>;
}

/** A migrated database of the caller's own: a copy of the run's template. */
export async function testDatabase(): Promise<TestDatabase> {
  const { adminUrl, template, prefix } = inject('postgres');
  const name = `${prefix}${randomBytes(6).toString('hex')}`;
  await execute(adminUrl, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  const url = databaseUrl(adminUrl, name);
  const database = openDatabase(plainServer(url), { maxConnections: 10 });
  let offsetMs = 0;
  return {
    url,
    database,
    async travel(ms) {
      offsetMs += ms;
      await execute(url, clockWithOffset(offsetMs));
    },
    async drop() {
      await database.close();
      await execute(adminUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

/** An empty database, without a single table. */
export async function emptyDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const { adminUrl, prefix } = inject('postgres');
  const name = `${prefix}${randomBytes(6).toString('hex')}`;
  await execute(adminUrl, `CREATE DATABASE ${name}`);
  return {
    url: databaseUrl(adminUrl, name),
    drop: () => execute(adminUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

/** The same server, another database. */
export function databaseUrl(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/** Runs statements on a connection of their own. */
export async function execute(url: string, sql: string): Promise<void> {
  const client = await connectTo(plainServer(url), 'postrider test', DEFAULT_LIMITS);
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

function clockWithOffset(offsetMs: number): string {
  return `CREATE OR REPLACE FUNCTION postrider_now() RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT date_trunc('milliseconds', statement_timestamp() + interval '${offsetMs} ms') $$`;
}
