import { parseArgs } from 'node:util';
import pg from 'pg';
import { migrate } from '../src/platform/db/migrate.ts';
import { plainServer } from '../src/platform/db/server.ts';
import { startEmbeddedPostgres } from '../src/platform/embedded-postgres/start.ts';
import { GENERATED_FOLDER, MERCHANTS_AND_ENDPOINTS, NOTIFICATIONS } from './generated.ts';

// Fills a database as thirty days of traffic would leave it: by default an embedded one, which
// bench/results.ts then measures.
//
//   npm run bench:generate -- --rows 1000000 [--folder .data/bench | --database postgres://…]

const BATCH = 100_000;
const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    folder: { type: 'string', default: GENERATED_FOLDER },
    database: { type: 'string' },
  },
});
const rows = Number(values.rows);

const embedded = values.database === undefined ? await startEmbeddedPostgres(values.folder) : null;
const url = values.database ?? embedded?.url ?? '';
await migrate(plainServer(url));
const client = new pg.Client({ connectionString: url });
await client.connect();
try {
  await client.query('SET synchronous_commit = off');
  await client.query(MERCHANTS_AND_ENDPOINTS);
  const startedAt = performance.now();
  for (let from = 1; from <= rows; from += BATCH) {
    const to = Math.min(rows, from + BATCH - 1);
    await client.query(NOTIFICATIONS, [from, to, rows]);
    const seconds = (performance.now() - startedAt) / 1000;
    console.log(`${to} notifications, ${Math.round(to / seconds)}/s`);
  }
  await client.query('VACUUM ANALYZE');
  const size = await client.query('SELECT pg_size_pretty(pg_database_size(current_database()))');
  console.log(`done: ${size.rows[0].pg_size_pretty}`);
} finally {
  await client.end();
  await embedded?.stop();
}
