import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestGateway, testGateway } from '../support/gateway.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';
import { type Answer, type Client, insideOf, openClient } from './client.ts';
import { ENDPOINTS, layOut } from './range.ts';
import { type Aim, aimed, rough, type Shot, shots } from './shots.ts';
import { sayRaw } from './wire.ts';
import { WIRE, wireText } from './wire-text.ts';

/** 20,000 in CI; `FUZZ_SEED` repeats a run that failed. */
const CASES = process.env.CI === 'true' ? 20_000 : 2000;
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
/** So many at once. */
const LANES = 20;
/** Far more than it takes: a slow machine is no fault. */
const TIMEOUT_MS = 240_000;

let gateway: TestGateway;
let receiver: Receiver;
let client: Client;
let aim: Aim;
/** Ids of notifications that were accepted, by what the answers said. */
let accepted: Set<string>;
/** Log lines of level `error` and above: every one is a fault of ours. */
const faults: string[] = [];

const onLog = (line: string) => {
  if (JSON.parse(line).level >= 50) faults.push(line);
};

beforeAll(async () => {
  // Nothing is sent meanwhile: made-up addresses must not be called.
  gateway = await testGateway({ roles: ['api'], onLog });
  receiver = await startReceiver();
  client = openClient(() => gateway.url, LANES);
  const range = await layOut(gateway, receiver);
  aim = range.aim;
  accepted = new Set(range.accepted);
});
afterAll(async () => {
  await client?.close();
  await gateway?.close();
  await receiver?.close();
});

/** Runs a property in so many lanes at once; each of them names its own seed when it fails. */
async function inLanes<T>(
  cases: number,
  arbitrary: fc.Arbitrary<T>,
  check: (each: T) => Promise<void>,
): Promise<void> {
  const runs = Array.from({ length: LANES }, (_, lane) =>
    fc.assert(fc.asyncProperty(arbitrary, check), {
      numRuns: Math.ceil(cases / LANES),
      seed: SEED + lane,
      interruptAfterTimeLimit: TIMEOUT_MS - 20_000,
      markInterruptAsFailure: true,
    }),
  );
  const failed = (await Promise.allSettled(runs)).find((run) => run.status === 'rejected');
  if (failed !== undefined) throw new Error(`FUZZ_SEED=${SEED}`, { cause: failed.reason });
}

/** What must hold for any answer to anything. */
function mustBeSound(answer: Answer): void {
  const { status, headers, text } = answer;
  note(answer);
  expect(status, text).toBeLessThan(500);
  expect(headers['x-request-id']).toMatch(/^[A-Za-z0-9._-]{1,128}$/);
  if (status < 400) return;
  expect(headers['content-type']).toBe('application/problem+json');
  const problem = JSON.parse(text);
  expect(problem.status).toBe(status);
  // A repeat gets the first answer, word by word, with the name of the first request in it.
  const isRepeat = headers['idempotent-replayed'] === 'true';
  expect(problem.requestId).toEqual(isRepeat ? expect.any(String) : headers['x-request-id']);
  expect(problem.code).toMatch(/^[a-z_]+$/);
  expect(problem.title).toMatch(/\w/);
  expect(insideOf(text)).toEqual([]);
}

/** Remembers what was accepted. */
function note({ status, text }: Answer): void {
  if (status !== 202 || !text.startsWith('{')) return;
  const body = JSON.parse(text);
  const items = Array.isArray(body.data) ? body.data : [{ status, notification: body }];
  for (const each of items) {
    const id = each.status === 202 ? each.notification?.id : undefined;
    if (typeof id === 'string' && id.startsWith('ntf_')) accepted.add(id);
  }
}

async function shoot({ of: _of, chunked, ...ask }: Shot): Promise<void> {
  const body = ask.body;
  const isStream = chunked && Buffer.isBuffer(body);
  mustBeSound(await client.ask(isStream ? { ...ask, body: pieces(body) } : ask));
}

async function* pieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 97) yield bytes.subarray(at, at + 97);
}

test('bodies, queries and headers that are nearly right', { timeout: TIMEOUT_MS }, async () => {
  await inLanes(CASES * 0.7, shots(aim, aimed), shoot);
});

test('bodies that are not even text', { timeout: TIMEOUT_MS }, async () => {
  await inLanes(CASES * 0.2, shots(aim, rough), shoot);
});

test('what is hardly HTTP', { timeout: TIMEOUT_MS }, async () => {
  const port = Number(new URL(gateway.url).port);
  await inLanes(CASES * 0.1, wireText(aim), async (text) => {
    const { answers, isRefused } = await sayRaw(port, Buffer.from(text, 'latin1'));
    for (const answer of answers) mustBeSound(answer);
    // Nobody is hung up on without a word, but who asks for another protocol: that is Node's way.
    const isForeign = /^\s*CONNECT /.test(text) || /^upgrade:/m.test(text);
    if (isRefused && !isForeign) expect(answers.length).toBeGreaterThan(0);
  });
});

test('afterwards it answers, has kept what it accepted, and nothing else', async () => {
  expect((await client.ask({ method: 'GET', target: '/readyz' })).status).toBe(200);
  const { rows } = await gateway.db.database.pool.query<{ id: string; business_key: string }>(
    // Those that a confirmed message has made were no notifications that were sent.
    `SELECT id, business_key FROM notification
      WHERE id NOT IN (SELECT notification_id FROM message WHERE notification_id IS NOT NULL)`,
  );
  const kept = rows.filter(({ id, business_key }) => business_key !== WIRE || accepted.has(id));
  expect(new Set(kept.map(({ id }) => id))).toEqual(accepted);
  expect(accepted.size).toBeGreaterThan(CASES / 50);
  expect(faults).toEqual([]);
});

test('a worker that finds all this is stopped by none of it', { timeout: 60_000 }, async () => {
  const rules = { ladderSeconds: [0, 1], deadlineSeconds: 60, concurrency: 50 };
  await gateway.operator.put('/v1/queues/healthy', rules).expect(200);
  const worker = await testGateway({ roles: ['worker'], db: gateway.db, onLog });
  try {
    const healthy = await gateway.merchant();
    const url = receiver.url('/healthy');
    await healthy.api.post(`/v1/merchants/${healthy.id}/endpoints`, { url }).expect(201);
    const event = { type: 'payment.made', businessKey: 'AFTER', payload: {}, queue: 'healthy' };
    const send = async (merchantId: string) =>
      (await gateway.operator.post('/v1/notifications', { ...event, merchantId }).expect(202)).body;
    // All endpoints that were made up share the healthy one's queue.
    await send(ENDPOINTS);
    for (let n = 0; n < 5; n += 1) {
      const path = `/v1/notifications/${(await send(healthy.id)).id}`;
      const isDelivered = async () => (await healthy.api.get(path)).body.status === 'delivered';
      await until(isDelivered, { what: 'a healthy delivery' });
    }
    expect(faults).toEqual([]);
  } finally {
    await worker.close();
  }
});
