import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '../src/platform/db/migrate.ts';
import { connectTo, plainServer } from '../src/platform/db/server.ts';
import { DEFAULT_LIMITS } from '../src/platform/db/session.ts';
import { startEmbeddedPostgres } from '../src/platform/embedded-postgres/start.ts';
import { STRUCTURE, structureOf } from './structure/dump.ts';

// Writes the database as all migrations together leave it: npm run structure
const folder = await mkdtemp(join(tmpdir(), 'postrider-structure-'));
const server = await startEmbeddedPostgres(folder);
try {
  await migrate(plainServer(server.url));
  const client = await connectTo(plainServer(server.url), 'postrider structure', DEFAULT_LIMITS);
  await writeFile(STRUCTURE, await structureOf(client));
  await client.end();
  console.log(STRUCTURE);
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}
