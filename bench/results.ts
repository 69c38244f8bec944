import { parseArgs } from 'node:util';
import { Agent, request } from 'undici';
import { GENERATED_FOLDER, keyOf, MERCHANTS } from './generated.ts';
import { launchGateway, percentile } from './support.ts';

// How quick one result and one page of the feed are in a database of bench/generate.ts, over HTTP,
// with this process as the caller and a built gateway as another.
//
//   npm run bench:results -- --rows 1000000 [--folder .data/bench] [--calls 20000] [--callers 1,8]

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    folder: { type: 'string', default: GENERATED_FOLDER },
    calls: { type: 'string', default: '20000' },
    callers: { type: 'string', default: '1,8' },
  },
});
const rows = Number(values.rows);
const calls = Number(values.calls);
const OPERATOR_KEY = 'operator-key-of-this-benchmark';
const gateway = await launchGateway({ DATA_DIR: values.folder, ROLES: 'api', OPERATOR_KEY });
const agent = new Agent({ connections: 64 });
const headers = { authorization: `Bearer ${OPERATOR_KEY}` };

/** @returns the time of the whole answer, ms */
async function get(path: string, more: object = {}): Promise<number> {
  const startedAt = performance.now();
  const { statusCode, body } = await request(`${gateway.url}${path}`, {
    dispatcher: agent,
    headers: { ...headers, ...more },
  });
  await body.dump();
  if (statusCode !== 200 && statusCode !== 304) throw new Error(`${path}: ${statusCode}`);
  return performance.now() - startedAt;
}

async function measure(what: string, callers: number, call: () => Promise<number>) {
  const times: number[] = [];
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: callers }, async () => {
      for (let n = 0; n < calls / callers; n += 1) times.push(await call());
    }),
  );
  const perSecond = Math.round((times.length * 1000) / (performance.now() - startedAt));
  const [p50, p99, max] = [0.5, 0.99, 1].map((share) => percentile(times, share).toFixed(2));
  console.log(`${what}, ${callers} at once: p50 ${p50} p99 ${p99} max ${max} ms, ${perSecond}/s`);
}

/** Any key of the whole table, so that no cache holds just these. */
const result = () => {
  const { businessKey, merchantId } = keyOf(1 + Math.floor(Math.random() * (rows / 2 - 1)));
  return get(`/v1/results/${businessKey}?merchantId=${merchantId}`);
};
const feed = () => {
  const merchant = Math.floor(Math.random() * MERCHANTS);
  return get(`/v1/notifications?undelivered=true&limit=100&merchantId=bench_${merchant}`);
};

try {
  for (let n = 0; n < 500; n += 1) await result();
  // What the machine and HTTP alone cost in the same minute: no query at all.
  await measure('GET /healthz', 1, () => get('/healthz'));
  for (const callers of values.callers.split(',').map(Number)) {
    await measure('GET /v1/results/{businessKey}', callers, result);
  }
  await measure('first page of the feed (100 rows)', 1, feed);
} finally {
  await agent.destroy();
  await gateway.close();
}
