import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { launchGateway, percentile } from './support.ts';

/**
 * Can one merchant make itself felt by the others? How long a neighbour's notifications take to be accepted, at an even
 * pace: alone, then beside sixty lists at a time of one merchant that has many rows, of which none passes the filter.
 *
 * Usage: npm run bench:neighbours -- [--seconds 20] [--rows 50000]
 */
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    rows: { type: 'string', default: '50000' },
  },
});
const seconds = Number(values.seconds);
const rows = Number(values.rows);
const PER_SECOND = 50;
const LISTS_AT_ONCE = 60;
const BATCH = 500;

const gateway = await launchGateway();

const event = (merchantId: string, businessKey: string) => ({
  merchantId,
  type: 'a.b',
  businessKey,
  payload: { text: 'x'.repeat(200) },
});

async function merchant(id: string): Promise<string> {
  const { body } = await gateway.call('POST', '/v1/merchants', { id, name: id });
  return body.key;
}

/** At an even pace. @returns ms until each was accepted; infinite where it was not */
async function measure(): Promise<number[]> {
  const startedAt = performance.now();
  const sends: Promise<number>[] = [];
  for (let n = 0; n < seconds * PER_SECOND; n += 1) {
    await sleep(Math.max(0, startedAt + (n * 1000) / PER_SECOND - performance.now()));
    const sentAt = performance.now();
    const sent = gateway.call('POST', '/v1/notifications', event('m_neighbour', `N-${n}`));
    sends.push(
      sent.then(({ status }) =>
        status === 202 ? performance.now() - sentAt : Number.POSITIVE_INFINITY,
      ),
    );
  }
  return Promise.all(sends);
}

function report(name: string, times: number[]): number {
  const refused = times.filter((time) => !Number.isFinite(time)).length;
  const [p50, p99] = [percentile(times, 0.5), percentile(times, 0.99)];
  console.log(
    `${name.padEnd(24)} p50 ${p50.toFixed(1)} ms   p99 ${p99.toFixed(1)} ms   not accepted ${refused}`,
  );
  return p99;
}

await merchant('m_neighbour');
const key = await merchant('m_greedy');
// It has no endpoint: all of its notifications are skipped, and none is delivered.
for (let sent = 0; sent < rows; sent += BATCH) {
  const notifications = Array.from({ length: BATCH }, (_, n) => event('m_greedy', `G-${sent + n}`));
  await gateway.call('POST', '/v1/notifications/batch', { notifications });
}
await measure(); // warm-up: connections, plans
const alone = report('alone', await measure());
// How far two runs of the same differ: less than that is no difference below.
report('alone, once more', await measure());

let isOver = false;
const answers = new Map<number, number>();
const lists = Array.from({ length: LISTS_AT_ONCE }, async () => {
  while (!isOver) {
    const answer = await fetch(`${gateway.url}/v1/notifications?status=delivered&limit=100`, {
      headers: { authorization: `Bearer ${key}` },
    });
    await answer.arrayBuffer();
    answers.set(answer.status, (answers.get(answer.status) ?? 0) + 1);
  }
});
const beside = report(`beside ${LISTS_AT_ONCE} lists at once`, await measure());
isOver = true;
await Promise.all(lists);
console.log(`lists answered: ${JSON.stringify(Object.fromEntries(answers))}`);
console.log(`p99 beside them / alone: ${(beside / alone).toFixed(2)}`);
await gateway.close();
