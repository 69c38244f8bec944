import { parseArgs } from 'node:util';
import pg from 'pg';
import { Agent, request } from 'undici';
import { WINDOWS } from '../src/features/overview/contract.ts';
import { startEmbeddedPostgres } from '../src/platform/embedded-postgres/start.ts';
import { GENERATED_FOLDER } from './generated.ts';
import { launchGateway, percentile } from './support.ts';

// How quick the overview is in a database of bench/generate.ts, over HTTP. Every bucket of every
// window is full, for all merchants, and every endpoint fails all the time.
//
//   npm run bench:overview -- [--folder .data/bench] [--calls 2000]

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: GENERATED_FOLDER },
    calls: { type: 'string', default: '2000' },
  },
});
const OPERATOR_KEY = 'operator-key-of-this-benchmark';
const EACH_BUCKET = `FROM generate_series(0, $2 - 1) AS n CROSS JOIN LATERAL (
  SELECT date_bin($1 * interval '1 second', postrider_now(), 'epoch')
           - n * $1 * interval '1 second' AS at) AS bucket`;
const BUCKETS = `INSERT INTO overview_bucket
  SELECT m.id, $1::int, at, 900, 800, 950, 5, 3, 2, 1, array_fill(100::bigint, ARRAY[9]),
         array_fill(20::bigint, ARRAY[64]), array_fill(10::bigint, ARRAY[106])
    ${EACH_BUCKET} CROSS JOIN (SELECT id FROM merchant UNION SELECT '') AS m`;
const FAILURES = `INSERT INTO overview_failure
  SELECT e.id, $1::int, at, 1 + abs(hashtext(e.id)) % 50, at, 'timeout', NULL, 'no answer in 15000 ms'
    ${EACH_BUCKET} CROSS JOIN endpoint AS e`;
const COUNTS = `SELECT (SELECT reltuples::bigint FROM pg_class WHERE relname = 'attempt') AS attempts,
  (SELECT count(*) FROM overview_bucket) AS buckets,
  (SELECT count(*) FROM overview_failure) AS failures`;
await fill();
const gateway = await launchGateway({ DATA_DIR: values.folder, ROLES: 'api', OPERATOR_KEY });
const agent = new Agent({ connections: 8 });

async function fill(): Promise<void> {
  const embedded = await startEmbeddedPostgres(values.folder);
  const client = new pg.Client({ connectionString: embedded.url });
  try {
    await client.connect();
    await client.query('TRUNCATE overview_bucket, overview_failure');
    for (const { bucketSeconds, buckets } of Object.values(WINDOWS)) {
      await client.query(BUCKETS, [bucketSeconds, buckets]);
      await client.query(FAILURES, [bucketSeconds, buckets]);
    }
    await client.query('ANALYZE overview_bucket; ANALYZE overview_failure');
    // What bench/generate.ts made is older than what is counted here.
    await client.query('UPDATE overview_fold SET attempts_xid = feed_horizon()');
    const { rows } = await client.query(COUNTS);
    console.log(rows[0]);
  } finally {
    await client.end();
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
