import { parseArgs } from 'node:util';
import pg from 'pg';
import { Agent, request } from 'undici';
import { openDatabase } from '../src/db/client.ts';
import { startEmbeddedPostgres } from '../src/db/embedded.ts';
import { foldAttempts } from '../src/operations/overview/fold.ts';
import { GENERATED_FOLDER } from './generated.ts';
import { launchGateway, percentile } from './support.ts';

// How quick the overview is in a database of bench/generate.ts, whose last eight days are counted
// first, and how quickly that goes.
//
//   npm run bench:overview -- [--folder .data/bench] [--calls 2000]

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: GENERATED_FOLDER },
    calls: { type: 'string', default: '2000' },
  },
});
const OPERATOR_KEY = 'operator-key-of-this-benchmark';
await count();
const gateway = await launchGateway({ DATA_DIR: values.folder, ROLES: 'api', OPERATOR_KEY });
const agent = new Agent({ connections: 8 });

async function count(): Promise<void> {
  const embedded = await startEmbeddedPostgres(values.folder);
  const client = new pg.Client({ connectionString: embedded.url });
  const database = openDatabase(embedded.url, { maxConnections: 2 });
  try {
    await client.connect();
    await client.query('ANALYZE');
    const { rows } = await client.query('SELECT count(*)::int AS n FROM attempt');
    const startedAt = performance.now();
    while ((await foldAttempts(database)) === 'more');
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    const buckets = await client.query('SELECT count(*)::int AS n FROM overview_bucket');
    console.log(`${rows[0].n} attempts counted in ${seconds} s, ${buckets.rows[0].n} buckets`);
  } finally {
    await client.end();
    await database.close();
    await embedded.stop();
  }
}

async function get(path: string): Promise<number> {
  const startedAt = performance.now();
  const { statusCode, body } = await request(`${gateway.url}${path}`, {
    dispatcher: agent,
    headers: { authorization: `Bearer ${OPERATOR_KEY}` },
  });
  await body.dump();
  if (statusCode !== 200) throw new Error(`${path}: ${statusCode}`);
  return performance.now() - startedAt;
}

try {
  for (const path of [
    '/healthz',
    ...['1h', '24h', '7d'].map((w) => `/v1/overview?window=${w}`),
    '/metrics',
  ]) {
    const times: number[] = [];
    for (let n = 0; n < Number(values.calls); n += 1) times.push(await get(path));
    const [p50, p99, max] = [0.5, 0.99, 1].map((share) => percentile(times, share).toFixed(2));
    console.log(`${path}: p50 ${p50} p99 ${p99} max ${max} ms`);
  }
} finally {
  await agent.destroy();
  await gateway.close();
}
