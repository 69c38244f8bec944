import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deleteQueue, MAX_QUEUES } from '../../../src/features/queues/store.ts';
import { newId } from '../../../src/platform/ids.ts';
import { until } from '../../support/until.ts';
import { type Gateway, startGateway } from '../accounts/gateway.ts';

const WECHAT_PAY = [
  0, 15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21300,
];

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const put = (name: string, body: object = {}) =>
  gateway.call('PUT', `/v1/queues/${name}`, { body });
const get = (name: string) => gateway.call('GET', `/v1/queues/${name}`);
const remove = (name: string) => gateway.call('DELETE', `/v1/queues/${name}`);
const policiesOf = (queue: string) =>
  gateway.database.prisma.policy.findMany({ where: { queue }, orderBy: { version: 'asc' } });

describe('PUT /v1/queues/{name}', () => {
  test('makes a queue with the rules of the default one', async () => {
    const made = await put('plain');
    const { name: _name, ...rules } = (await get('default')).body;
    expect(made.status).toBe(200);
    expect(gateway.engine.changes).toBe(1);
    expect(made.body).toEqual({ name: 'plain', ...rules });
    expect(made.body).toMatchObject({ version: 1, preset: null, deadlineSeconds: 86_400 });
    expect((await get('plain')).body).toEqual(made.body);
  });

  test.each([
    ['wechatpay', { ladderSeconds: WECHAT_PAY, success: { body: 'any' } }],
    [
      'alipay',
      {
        ladderSeconds: [0, 240, 600, 600, 3600, 7200, 21600, 52500],
        success: { body: { equals: 'success' } },
      },
    ],
    [
      'standard-webhooks',
      {
        ladderSeconds: [0, 5, 300, 1800, 2400, 5400, 11400, 15600, 22200, 27235],
        success: { body: 'any' },
      },
    ],
  ])('fills in the ladder and the success rule of %s', async (preset, rules) => {
    const { body } = await put(preset, { preset });
    expect(body).toMatchObject({ preset, deadlineSeconds: 86_400, ...rules });
    const own = { ladderSeconds: [1, 2], success: { body: { json: { path: 'a.b', equals: 0 } } } };
    expect((await put(preset, { preset, ...own })).body).toMatchObject({ preset, ...own });
  });

  test('gives the next version to a change, none to the same again', async () => {
    expect((await put('versions', { timeoutMs: 1000 })).body.version).toBe(1);
    const same = await put('versions', { timeoutMs: 1000, preset: null });
    expect(same).toMatchObject({ status: 200, body: { version: 1 } });
    const changed = await put('versions', { jitter: 0.3 });
    expect(changed).toMatchObject({ status: 200, body: { version: 2, jitter: 0.3 } });
    // It replaces: what is not given is the default's again, not the previous version's.
    expect(changed.body.timeoutMs).toBe(15_000);
    expect((await policiesOf('versions')).map(({ timeoutMs }) => timeoutMs)).toEqual([
      1000, 15_000,
    ]);
  });

  test.each([
    { success: { body: { equals: 'success' } } },
    { success: { body: { json: { path: 'code', equals: 'SUCCESS' } } } },
    { success: { body: { json: { path: 'ok', equals: null } } } },
    { ladderSeconds: [0] },
    { ladderSeconds: Array(64).fill(1) },
    { ladderSeconds: [0, 2_147_483_647] },
    { ladderSeconds: [60], deadlineSeconds: 60 },
    { ladderSeconds: [100], deadlineSeconds: 50 },
    { deadlineSeconds: 2_592_000 },
    { deadlineSeconds: 1 },
    { jitter: 0 },
    { jitter: 1 },
    { supersede: true },
    { ratePerSecondPerEndpoint: 0.1 },
    { maxInFlightPerEndpoint: 1, concurrency: 2000, timeoutMs: 60_000 },
  ])('takes %j, and twice is the same version', async (body) => {
    const first = await put('takes', body);
    expect(first.body).toMatchObject(body);
    expect((await put('takes', body)).body).toEqual(first.body);
  });

  test.each([
    [{ ladderSeconds: [] }, 'body.ladderSeconds'],
    [{ ladderSeconds: Array(65).fill(1) }, 'body.ladderSeconds'],
    [{ ladderSeconds: [-1] }, 'body.ladderSeconds.0'],
    [{ ladderSeconds: [0, 1.5] }, 'body.ladderSeconds.1'],
    [{ deadlineSeconds: 0 }, 'body.deadlineSeconds'],
    [{ deadlineSeconds: 2_592_001 }, 'body.deadlineSeconds'],
    [{ jitter: 1.1 }, 'body.jitter'],
    [{ jitter: null }, 'body.jitter'],
    [{ timeoutMs: 99 }, 'body.timeoutMs'],
    [{ timeoutMs: 60_001 }, 'body.timeoutMs'],
    [{ concurrency: 0 }, 'body.concurrency'],
    [{ concurrency: 2001 }, 'body.concurrency'],
    [{ maxInFlightPerEndpoint: 1001 }, 'body.maxInFlightPerEndpoint'],
    [{ ratePerSecondPerEndpoint: 0 }, 'body.ratePerSecondPerEndpoint'],
    [{ success: 'any' }, 'body.success'],
    [{ success: { body: 'all' } }, 'body.success.body'],
    [{ success: { body: { equals: 'x'.repeat(257) } } }, 'body.success.body'],
    [{ success: { body: { equals: ' padded' } } }, 'body.success.body'],
    [{ success: { body: { json: { path: 'a..b', equals: 1 } } } }, 'body.success.body'],
    [{ success: { body: { json: { path: 'a', equals: {} } } } }, 'body.success.body'],
    [{ preset: 'paypal' }, 'body.preset'],
    [{ version: 0 }, 'body.version'],
    [{ name: 'another' }, 'body.name'],
    [{ createdAt: 'now' }, 'body.createdAt'],
  ])('refuses %j', async (body, path) => {
    const answer = await put('refused', body);
    expect(answer).toMatchObject({ status: 422, body: { code: 'invalid_request' } });
    expect(answer.body.errors[0].path).toContain(path);
    expect((await get('refused')).status).toBe(404);
  });

  test.each(['Upper', '-dash', '_line', 'a.b', 'a%20b', 'x'.repeat(65), '%00'])(
    'refuses the name %s',
    async (name) => {
      expect((await put(name)).status).toBe(422);
    },
  );

  test('takes what GET gives, edited', async () => {
    const made = (await put('edited', { preset: 'alipay', timeoutMs: 2000 })).body;
    expect(await put('edited', made)).toMatchObject({ status: 200, body: { version: 1 } });
    const { body } = await put('edited', { ...made, timeoutMs: 3000 });
    expect(body).toEqual({ ...made, version: 2, timeoutMs: 3000 });
  });

  test('takes two at once without an error, each with a version of its own', async () => {
    for (const name of ['race-new', 'default']) {
      const before = (await policiesOf(name)).length;
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, n) => put(name, { timeoutMs: 1000 + n })),
      );
      expect(answers.every(({ status }) => status === 200)).toBe(true);
      const versions = answers.map(({ body }) => body.version).sort((a, b) => a - b);
      expect(versions).toEqual(Array.from({ length: 10 }, (_, n) => before + n + 1));
      expect((await get(name)).body.version).toBe(before + 10);
    }
    const same = await Promise.all(Array.from({ length: 5 }, () => put('race-same')));
    expect(same.map(({ body }) => body.version)).toEqual([1, 1, 1, 1, 1]);
  });
});

test('queues are listed, newest first, page by page; anybody may read them', async () => {
  for (const name of ['b-first', 'a-second', 'c-third']) await put(name);
  const { key } = await gateway.merchant();
  const first = await gateway.call('GET', '/v1/queues?limit=2', { key });
  expect(first.body.data.map(({ name }: { name: string }) => name)).toEqual([
    'c-third',
    'a-second',
  ]);
  await put('meanwhile');
  const cursor = first.body.nextCursor;
  const next = await gateway.call('GET', `/v1/queues?limit=1&cursor=${cursor}`, { key });
  expect(next.body.data[0].name).toBe('b-first');
  expect((await gateway.call('GET', '/v1/queues/default/preview', { key })).status).toBe(200);
});

describe('DELETE /v1/queues/{name}', () => {
  test('keeps the policies; a queue of the same name goes on counting', async () => {
    await put('again', { timeoutMs: 1000 });
    expect((await remove('again')).status).toBe(204);
    expect((await get('again')).status).toBe(404);
    expect(await policiesOf('again')).toHaveLength(1);
    expect(await put('again', { timeoutMs: 1000 })).toMatchObject({
      status: 200,
      body: { version: 2 },
    });
  });

  test('is refused for the default queue, and for one that is not there', async () => {
    expect(await remove('default')).toMatchObject({
      status: 409,
      body: { code: 'queue_is_default' },
    });
    expect(await remove('nowhere')).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });

  test.each([
    ['pending', 409],
    ['sending', 409],
    ['failed', 204],
    ['delivered', 204],
  ])('with a delivery that is %s: %i', async (status, expected) => {
    const name = `with-${status}`;
    await put(name);
    await storeDelivery(name, status);
    const answer = await remove(name);
    expect(answer.status).toBe(expected);
    if (expected === 409) expect(answer.body.code).toBe('queue_not_empty');
    expect((await get(name)).status).toBe(expected === 409 ? 200 : 404);
  });

  test('looks for what is in it without reading what is in others', async () => {
    const { prisma, pool } = gateway.database;
    await put('empty-one');
    await prisma.$executeRaw`
      INSERT INTO delivery (id, owner_kind, owner_id, purpose, type, business_key, queue,
        policy_version, receiver_id, status, due_at, accepted_at, deadline_at)
      SELECT 'other' || n, 'test', 'o', 'p', 't', 'b', 'others', 1, 'r', 'pending', postrider_now(),
             postrider_now(), postrider_now() FROM generate_series(1, 5000) AS n`;
    await pool.query('VACUUM (ANALYZE) delivery');
    const rowsRead = await prisma.$transaction(async (tx) => {
      expect(await deleteQueue(tx, 'empty-one')).toBe('deleted');
      const [read] = await tx.$queryRaw<{ rows: number }[]>`
        SELECT (seq_tup_read + idx_tup_fetch)::int AS rows
          FROM pg_stat_xact_user_tables WHERE relname = 'delivery'`;
      return read?.rows;
    });
    expect(rowsRead).toBeLessThan(50);
  });

  test('waits for an acceptance under way and then sees what it accepted', async () => {
    await put('busy');
    const { removing } = await gateway.database.prisma.$transaction(async (tx) => {
      await tx.$queryRaw`SELECT 1 FROM queue WHERE name = 'busy' FOR KEY SHARE`;
      await storeDelivery('busy', 'pending', tx);
      const removing = remove('busy');
      await untilSomebodyWaits();
      return { removing };
    });
    expect(await removing).toMatchObject({ status: 409, body: { code: 'queue_not_empty' } });
  });

  test('sends endpoints that named it back to the default queue', async () => {
    await put('vip');
    const { id } = await gateway.merchant();
    const path = `/v1/merchants/${id}/endpoints`;
    const body = { url: 'https://a.example.com/', queue: 'vip' };
    const endpoint = (await gateway.call('POST', path, { body })).body;
    expect(endpoint.queue).toBe('vip');
    expect((await remove('vip')).status).toBe(204);
    const after = await gateway.call('GET', `/v1/endpoints/${endpoint.id}`);
    expect(after.body.queue).toBeNull();
  });
});

test('there are so many queues and not one more, however many come at once', async () => {
  const { prisma } = gateway.database;
  const free = MAX_QUEUES - (await prisma.queue.count());
  for (let n = 1; n < free; n += 1) await put(`filling-${n}`);
  const answers = await Promise.all(Array.from({ length: 5 }, (_, n) => put(`last-${n}`)));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409]);
  const refused = answers.find(({ status }) => status === 409);
  expect(refused?.body).toMatchObject({ code: 'too_many_queues' });
  expect(await prisma.queue.count()).toBe(MAX_QUEUES);
  // Those that are there can still be changed, and one that goes makes room.
  expect((await put('filling-1', { jitter: 0.5 })).status).toBe(200);
  expect((await remove('filling-1')).status).toBe(204);
  expect((await put('instead')).status).toBe(200);
  for (let n = 2; n < free; n += 1) await remove(`filling-${n}`);
});

describe('preview', () => {
  test('gives the exact time of each attempt, cumulative, with its jitter band', async () => {
    await put('short', { ladderSeconds: [0, 10, 30], deadlineSeconds: 3600, jitter: 0.5 });
    const from = '2026-11-22T16:00:00.000+08:00';
    const path = `/v1/queues/short/preview?from=${encodeURIComponent(from)}`;
    const { status, body } = await gateway.call('GET', path);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      name: 'short',
      version: 1,
      from: '2026-11-22T08:00:00.000Z',
      deadlineAt: '2026-11-22T09:00:00.000Z',
    });
    expect(body.attempts).toMatchObject([
      { attempt: 1, delaySeconds: 0, offsetSeconds: 0, at: '2026-11-22T08:00:00.000Z' },
      {
        attempt: 2,
        delaySeconds: 10,
        offsetSeconds: 10,
        at: '2026-11-22T08:00:10.000Z',
        earliest: '2026-11-22T08:00:10.000Z',
        latest: '2026-11-22T08:00:15.000Z',
      },
      {
        attempt: 3,
        delaySeconds: 30,
        offsetSeconds: 40,
        at: '2026-11-22T08:00:40.000Z',
        latest: '2026-11-22T08:01:00.000Z',
      },
    ]);
  });

  test.each([
    ['wechatpay', 16],
    ['alipay', 8],
    ['standard-webhooks', 10],
  ])('of %s has all of its attempts within the day', async (preset, count) => {
    const { body } = await gateway.call('GET', `/v1/queues/default/preview?preset=${preset}`);
    expect(body.attempts).toHaveLength(count);
    expect(body.attempts.at(-1).offsetSeconds).toBe(86_340);
    expect(body.dropped).toEqual([]);
  });

  test('says what the deadline drops', async () => {
    await put('pay', { ladderSeconds: [0, 10, 60, 5], deadlineSeconds: 60 });
    const { body } = await gateway.call('GET', '/v1/queues/pay/preview');
    const { attempts, deadlineAt, dropped } = body;
    expect(attempts).toHaveLength(2);
    expect(dropped).toEqual([
      { attempt: 3, delaySeconds: 60, reason: 'behind_deadline' },
      { attempt: 4, delaySeconds: 5, reason: 'behind_deadline' },
    ]);
    for (const { latest } of attempts) {
      expect(Date.parse(latest)).toBeLessThanOrEqual(Date.parse(deadlineAt));
    }
  });

  test('is empty where no rung comes before the deadline', async () => {
    await put('never', { ladderSeconds: [100], deadlineSeconds: 50 });
    const { body } = await gateway.call('GET', '/v1/queues/never/preview');
    expect(body.attempts).toEqual([]);
  });

  test('of rules that are only thought of leaves the queue as it is', async () => {
    await put('thought', { ladderSeconds: [0, 10], deadlineSeconds: 3600, jitter: 0 });
    const path = '/v1/queues/thought/preview';
    const other = '?ladderSeconds=5,20,60&deadlineSeconds=60&jitter=1';
    const { body } = await gateway.call('GET', `${path}${other}`);
    // The third would come after 85 s.
    expect(body.attempts.map(({ offsetSeconds }: Attempt) => offsetSeconds)).toEqual([5, 25]);
    expect(body.rules).toMatchObject({ ladderSeconds: [5, 20, 60], deadlineSeconds: 60 });
    expect((await gateway.call('GET', path)).body.rules.ladderSeconds).toEqual([0, 10]);
    expect((await get('thought')).body.version).toBe(1);
  });

  test('of a preset says what putting it would give', async () => {
    await put('undecided', { timeoutMs: 2000 });
    const path = '/v1/queues/undecided/preview?preset=alipay';
    const { rules } = (await gateway.call('GET', path)).body;
    const {
      version: _version,
      name: _name,
      // Not for everybody's eyes, as a preview is.
      notifyProducer: _told,
      ...putIt
    } = (await put('undecided', { preset: 'alipay' })).body;
    expect(rules).toEqual(putIt);
  });

  test.each(['ladderSeconds=', 'ladderSeconds=1,,2', 'ladderSeconds=-1', 'jitter=2', 'preset=x'])(
    'refuses %s',
    async (query) => {
      const answer = await gateway.call('GET', `/v1/queues/default/preview?${query}`);
      expect(answer.status).toBe(422);
    },
  );

  test("begins now, by the database's clock, when nothing is said", async () => {
    await put('travelled');
    await gateway.travel(7 * 86_400_000);
    const { body } = await gateway.call('GET', '/v1/queues/travelled/preview');
    expect(Date.parse(body.from)).toBeGreaterThan(Date.now() + 6 * 86_400_000);
    await gateway.travel(-7 * 86_400_000);
  });

  test.each(['yesterday', '2026-11-22', '2026-11-22T08:00:00', '9999-12-31T00:00:00Z'])(
    'refuses from=%s',
    async (from) => {
      const answer = await gateway.call('GET', `/v1/queues/default/preview?from=${from}`);
      expect(answer.status).toBe(422);
      expect(answer.body.errors[0].path).toBe('query.from');
    },
  );

  test('of a queue that is not there', async () => {
    expect((await gateway.call('GET', '/v1/queues/nowhere/preview')).status).toBe(404);
  });
});

async function storeDelivery(
  queue: string,
  status: string,
  sql: Pick<Gateway['database']['prisma'], '$executeRaw'> = gateway.database.prisma,
): Promise<void> {
  const open = status === 'pending' || status === 'sending';
  const leased = status === 'sending';
  await sql.$executeRaw`
    INSERT INTO delivery (id, owner_kind, owner_id, purpose, type, business_key, queue,
      policy_version, receiver_id, status, reason, due_at, accepted_at, deadline_at, settled_at,
      lease_token, leased_at, lease_until)
    VALUES (${newId('dlv')}, 'test', 'o', 'p', 't', 'b', ${queue}, 1, 'r', ${status},
      ${status === 'failed' ? 'ladder_spent' : null},
      CASE WHEN ${open} THEN postrider_now() END, postrider_now(), postrider_now(),
      CASE WHEN ${open} THEN NULL ELSE postrider_now() END,
      CASE WHEN ${leased} THEN gen_random_uuid() END,
      CASE WHEN ${leased} THEN postrider_now() END,
      CASE WHEN ${leased} THEN postrider_now() END)`;
}

/** Until another session of this database waits for a lock. */
function untilSomebodyWaits(): Promise<unknown> {
  const waiting = `SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  return until(async () => (await gateway.database.pool.query(waiting)).rows.length > 0);
}

interface Attempt {
  offsetSeconds: number;
}
