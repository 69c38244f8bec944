import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { clusterDir, NAME } from '../../src/platform/embedded-postgres/cluster.ts';
import { readPidFile } from '../../src/platform/embedded-postgres/orphan.ts';
import { startEmbeddedPostgres } from '../../src/platform/embedded-postgres/start.ts';

/** A folder that the user PostgreSQL runs as can walk through. */
export function makeRoot(): string {
  const folder = mkdtempSync(join(tmpdir(), 'postrider-embedded-'));
  chmodSync(folder, 0o755);
  return folder;
}

/** A data folder after its first use, for those who ask what happens then: a copy spares the initdb. */
export async function makeUsed() {
  const folder = makeRoot();
  const original = join(folder, 'data');
  await (await startEmbeddedPostgres(original)).stop();
  return {
    copyTo: (to: string) => copyTree(original, to),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Not by cpSync, which gives everything to who copies: a cluster is not root's. */
export function copyTree(from: string, to: string): void {
  execFileSync('cp', ['-a', from, to]);
}

/** Of the server that works, or worked last, on the data folder; 0 when none did since a clean end. */
export function postmasterPid(dataDir: string): number {
  return Number(readPidFile(clusterDir(dataDir))[0] ?? 0);
}

/** One statement on a connection of its own. */
export async function query(connectionString: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

/** Of the embedded database that runs on the data folder. */
export function urlOf(dataDir: string): string {
  const port = readPidFile(clusterDir(dataDir))[3];
  const password = readFileSync(join(dataDir, 'postgres/password'), 'utf8').trim();
  return `postgres://${NAME}:${password}@127.0.0.1:${port}/${NAME}`;
}

/**
 * A connection from better times that can use up what PostgreSQL has set aside for its log of
 * changes: on a full disk that ends the server.
 */
export async function openLogFiller(url: string): Promise<{ writeUntilItEnds(): Promise<void> }> {
  const client = new pg.Client(url);
  client.on('error', () => undefined);
  await client.connect();
  return {
    async writeUntilItEnds() {
      const text = `SELECT pg_logical_emit_message(false, 'test', repeat('x', 1000000))`;
      try {
        for (;;) await client.query(text);
      } catch {
        await client.end();
      }
    },
  };
}
