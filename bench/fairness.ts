import { setTimeout as sleep } from 'node:timers/promises';
import { type BenchGateway, launchGateway, listen, percentile } from './support.ts';

/**
 * Does one bad receiver make itself felt by the others? A hundred healthy endpoints get 50
 * notifications a second together; how long their first attempts take is measured alone, then beside
 * an endpoint that hangs with 10,000 waiting, then beside 500 dead ones, all in one run.
 *
 * Usage: npm run bench:fairness -- --seconds 20
 */
const HEALTHY = 100;
const PER_SECOND = 50;
const WAITING = 10_000;
const DEAD = 500;
const seconds = Number(process.argv[process.argv.indexOf('--seconds') + 1]) || 20;

const arrivals = new Map<string, number>();
const healthy = await listen((request, response) => {
  arrivals.set(String(request.headers['webhook-id']), Date.now());
  request.resume();
  response.end('ok');
});
let hanging = 0;
const silent = await listen((request) => {
  hanging += 1;
  request.resume();
});
const gateway = await launchGateway();

async function merchant(id: string, urls: string[]): Promise<void> {
  await gateway.call('POST', '/v1/merchants', { id, name: id });
  for (const [n, url] of urls.entries()) {
    await gateway.call('POST', `/v1/merchants/${id}/endpoints`, { url, types: [`kind.${n}`] });
  }
}

const event = (merchantId: string, n: number) => ({
  merchantId,
  type: `kind.${n}`,
  businessKey: `K-${n}`,
  payload: { n, text: 'x'.repeat(200) },
});

/** Sends at an even pace; answers each first attempt's time from acceptance to arrival, in ms. */
async function measure(api: BenchGateway): Promise<number[]> {
  const accepted = new Map<string, number>();
  const sends: Promise<void>[] = [];
  const startedAt = performance.now();
  for (let n = 0; n < seconds * PER_SECOND; n += 1) {
    await sleep(Math.max(0, startedAt + (n * 1000) / PER_SECOND - performance.now()));
    sends.push(
      api.call('POST', '/v1/notifications', event('m_healthy', n % HEALTHY)).then(({ body }) => {
        accepted.set(body.id, Date.parse(body.acceptedAt));
      }),
    );
  }
  await Promise.all(sends);
  const endsAt = performance.now() + 30_000;
  while ([...accepted.keys()].some((id) => !arrivals.has(id)) && performance.now() < endsAt)
    await sleep(50);
  return [...accepted].map(([id, at]) => (arrivals.get(id) ?? Number.POSITIVE_INFINITY) - at);
}

const rows: string[] = [];
function report(name: string, times: number[], baseline: number): number {
  const p = (share: number) => percentile(times, share);
  const change = ((p(0.99) / baseline - 1) * 100).toFixed(0);
  rows.push(
    `${name.padEnd(34)} p50 ${p(0.5).toFixed(0).padStart(4)} ms   p95 ${p(0.95).toFixed(0).padStart(4)} ms   ` +
      `p99 ${p(0.99).toFixed(0).padStart(4)} ms   ${Number.isFinite(baseline) ? `${change} %` : ''}`,
  );
  console.log(rows.at(-1));
  return p(0.99);
}

await merchant(
  'm_healthy',
  Array.from({ length: HEALTHY }, (_, n) => `${healthy.url}/${n}`),
);
await measure(gateway); // warm-up: connections, plans, trust
const baseline = report('healthy alone', await measure(gateway), Number.NaN);
// How far two runs of the same differ: less than that is no difference below.
report('healthy alone, once more', await measure(gateway), baseline);

await merchant('m_hanging', [silent.url]);
for (let sent = 0; sent < WAITING; sent += 500) {
  const notifications = Array.from({ length: 500 }, () => event('m_hanging', 0));
  await gateway.call('POST', '/v1/notifications/batch', { notifications });
}
report(`beside one that hangs, ${WAITING} waiting`, await measure(gateway), baseline);

for (let group = 0; group < DEAD / 100; group += 1) {
  await merchant(
    `m_dead_${group}`,
    Array.from({ length: 100 }, (_, n) => `${silent.url}/dead/${group}/${n}`),
  );
}
for (let round = 0; round < 5; round += 1) {
  for (let group = 0; group < DEAD / 100; group += 1) {
    const notifications = Array.from({ length: 100 }, (_, n) => event(`m_dead_${group}`, n));
    await gateway.call('POST', '/v1/notifications/batch', { notifications });
  }
}
report(`beside ${DEAD} dead ones as well`, await measure(gateway), baseline);
report('the same once more', await measure(gateway), baseline);
console.log(`attempts that hung: ${hanging}`);

await gateway.close();
for (const { server } of [healthy, silent]) {
  server.close();
  server.closeAllConnections();
}
