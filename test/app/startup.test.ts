import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, type TestContext, test, vi } from 'vitest';
import { clusterDir } from '../../src/platform/embedded-postgres/cluster.ts';
import { readPidFile } from '../../src/platform/embedded-postgres/orphan.ts';
import { identityOf } from '../../src/platform/embedded-postgres/process.ts';
import { type Api, apiOf } from '../support/api.ts';
import { emptyDatabase, type TestDatabase, testDatabase } from '../support/database.ts';
import {
  type GatewayProcess,
  runGateway,
  spawnGateway,
  temporaryFolder,
} from '../support/process.ts';
import { hang, hold, type Receiver, startReceiver } from '../support/receiver.ts';
import { startRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

const SECOND = 1000;
/** Attempts under way get 15 s in a shutdown; what is left is to spare. */
const DRAIN_MS = 15 * SECOND;
const OPERATOR_KEY = 'operator-key-of-the-startup-tests';
const ENCRYPTION_KEY = Buffer.alloc(32, 7).toString('base64');

vi.setConfig({ testTimeout: 60 * SECOND });

describe('on an embedded database', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    folder = await temporaryFolder();
    gateway = await spawnGateway({ dataDir: folder.path });
  });
  afterAll(async () => {
    await gateway?.kill();
    await folder?.remove();
  });

  const keyFile = () => join(folder.path, 'operator-key');
  const operatorKey = () => readFileSync(keyFile(), 'utf8').trim();

  test('an empty folder is enough: it is ready and its key works', async () => {
    const ready = await apiOf(() => gateway.url, '').get('/readyz');
    expect(ready).toMatchObject({ status: 200, body: { database: true, queue: true } });
    await apiOf(() => gateway.url, operatorKey())
      .get('/v1/queues')
      .expect(200);
  });

  test('the banner says where it is, what it runs on, who may in, and what to do next', () => {
    const banner = gateway.stdout();
    expect(banner).toMatch(/^ {2}API {8}http:\/\/127\.0\.0\.1:\d+$/m);
    expect(banner).toMatch(/^ {2}Roles {6}api, worker$/m);
    expect(banner).toContain(`embedded PostgreSQL in ${folder.path}`);
    expect(banner).toContain('BullMQ on PostgreSQL');
    expect(banner).toContain(`the key in ${keyFile()}`);
    expect(banner).toContain(`Bearer $(cat ${keyFile()})`);
    expect(banner).toContain(`curl -sX POST ${gateway.url}/v1/merchants`);
    expect(banner).not.toContain('ALLOW_PRIVATE_TARGETS');
  });

  test('what no terminal shows names the new key by its file alone', () => {
    expect(gateway.stdout()).toContain('made now');
    expect(gateway.stdout()).not.toContain(operatorKey());
  });

  test('only its owner may read the keys', () => {
    for (const name of ['operator-key', 'encryption-key']) {
      expect(statSync(join(folder.path, name)).mode & 0o777).toBe(0o600);
    }
  });

  test('a taken port ends a start, and one sentence says so', async () => {
    const { port } = new URL(gateway.url);
    const exit = await runGateway({ env: { PORT: port } });
    expect(exit.code).toBe(1);
    expect(exit.stderr).toBe(
      `Postrider cannot start: 127.0.0.1:${port} is taken by another program; ` +
        'stop it or set PORT to a free one.\n',
    );
  });

  test('a second start on the same folder ends, and one sentence says so', async () => {
    const exit = await runGateway({ dataDir: folder.path });
    expect(exit.code).toBe(1);
    expect(exit.stderr).toBe(
      `Postrider cannot start: The data folder ${folder.path} is already in use by process ` +
        `${gateway.pid}: stop that process, or set DATA_DIR to another folder.\n`,
    );
    expect((await apiOf(() => gateway.url, '').get('/readyz')).status).toBe(200);
  });

  test('a database that stands still is told by /readyz, which does not stand still with it', async () => {
    const postgres = readPidFile(clusterDir(folder.path))[0] as string;
    const children = execFileSync('ps', ['--ppid', postgres, '-o', 'pid='], { encoding: 'utf8' });
    const all = [postgres, ...children.trim().split(/\s+/)].map(Number);
    for (const pid of all) process.kill(pid, 'SIGSTOP');
    try {
      const answer = await apiOf(() => gateway.url, '').get('/readyz');
      expect(answer).toMatchObject({ status: 503, body: { database: false } });
    } finally {
      for (const pid of all) process.kill(pid, 'SIGCONT');
    }
    await until(async () => (await apiOf(() => gateway.url, '').get('/readyz')).status === 200);
  });

  test('SIGTERM ends it in order, PostgreSQL too, and a later start shows no key', async () => {
    const key = operatorKey();
    const postgres = Number(readPidFile(clusterDir(folder.path))[0]);
    expect(identityOf(postgres)).toBeDefined();
    const exit = await gateway.kill('SIGTERM');
    expect(exit).toMatchObject({ code: 0, stderr: '' });
    expect(identityOf(postgres)).toBeUndefined();

    gateway = await spawnGateway({ dataDir: folder.path });
    expect(gateway.stdout()).not.toContain(key);
    expect(gateway.stdout()).toContain(`the key in ${keyFile()}`);
    await apiOf(() => gateway.url, key)
      .get('/v1/queues')
      .expect(200);
  });

  test('after a kill -9 it starts again on what was committed', async () => {
    const before = Number(readPidFile(clusterDir(folder.path))[0]);
    const operator = () => apiOf(() => gateway.url, operatorKey());
    await operator().post('/v1/merchants', { id: 'm_kept', name: 'Kept' }).expect(201);
    await gateway.kill('SIGKILL');
    gateway = await spawnGateway({ dataDir: folder.path });
    await operator().get('/v1/merchants/m_kept').expect(200);
    expect(identityOf(before)).toBeUndefined();
  });

  test('a revoked key stays revoked; the next start makes another and says where', async () => {
    const revoked = operatorKey();
    const operator = () => apiOf(() => gateway.url, operatorKey());
    const { body } = await operator().get('/v1/keys').expect(200);
    const { id } = body.data.find(({ name }: { name: string }) => name === 'bootstrap');
    await operator().delete(`/v1/keys/${id}`).expect(204);
    await gateway.kill('SIGTERM');
    gateway = await spawnGateway({ dataDir: folder.path });
    expect(operatorKey()).not.toBe(revoked);
    expect(gateway.stdout()).toContain('made now');
    expect(gateway.stdout()).not.toContain(operatorKey());
    expect(statSync(keyFile()).mode & 0o777).toBe(0o600);
    await operator().get('/v1/queues').expect(200);
    await apiOf(() => gateway.url, revoked)
      .get('/v1/queues')
      .expect(401);
  });
});

// At once, because some of them wait: the shutdown alone takes its fifteen seconds.
describe.concurrent('on a given database', () => {
  /** A database and a receiver of the case's own. */
  async function open(onTestFinished: TestContext['onTestFinished']) {
    const db = await testDatabase();
    onTestFinished(() => db.drop());
    const receiver = await startReceiver();
    onTestFinished(() => receiver.close());
    const env = (more: Record<string, string> = {}) => ({
      DATABASE_URL: db.url,
      OPERATOR_KEY,
      ENCRYPTION_KEY,
      ALLOW_PRIVATE_TARGETS: 'true',
      ...more,
    });
    return { db, receiver, env };
  }

  /** How the one delivery stands in the database. */
  async function standing(db: TestDatabase) {
    const { rows } = await db.database.pool.query(
      `SELECT d.status, d.attempt_count, d.lease_token, d.due_at <= postrider_now() AS is_due,
              (SELECT array_agg(outcome ORDER BY number) FROM attempt WHERE delivery_id = d.id) AS outcomes
         FROM delivery AS d`,
    );
    expect(rows).toHaveLength(1);
    return rows[0];
  }

  test('the banner names neither the key nor the address of the database', async ({
    onTestFinished,
  }) => {
    const { db, env } = await open(onTestFinished);
    const gateway = await spawnGateway({ env: env() });
    expect(gateway.stdout()).toContain('the one in DATABASE_URL');
    expect(gateway.stdout()).toContain('the key in OPERATOR_KEY');
    expect(gateway.stdout()).toContain('!! ALLOW_PRIVATE_TARGETS=true');
    expect(gateway.stdout()).not.toContain(OPERATOR_KEY);
    expect(gateway.stdout()).not.toContain(db.url);
    expect(await gateway.kill()).toMatchObject({ code: 0 });
  });

  test.skipIf(inject('redisUrl') === null)(
    'its timers may be on Redis',
    async ({ onTestFinished }) => {
      const { env, receiver } = await open(onTestFinished);
      const redis = await startRedis();
      const gateway = await spawnGateway({ env: env({ REDIS_URL: redis.url }) });
      expect(gateway.stdout()).toContain('BullMQ on Redis');
      await notify(operatorOf(gateway), receiver);
      await receiver.waitFor(1);
      expect(await gateway.kill()).toMatchObject({ code: 0 });
      await redis.stop();
    },
  );

  test('an OPERATOR_KEY that was revoked ends the start, and the sentence says what to do', async ({
    onTestFinished,
  }) => {
    const { env } = await open(onTestFinished);
    const gateway = await spawnGateway({ env: env() });
    const operator = apiOf(() => gateway.url, OPERATOR_KEY);
    const { body } = await operator.get('/v1/keys').expect(200);
    await operator.delete(`/v1/keys/${body.data[0].id}`).expect(204);
    await gateway.kill('SIGTERM');
    const { code, stderr } = await runGateway({ env: env() });
    expect(code).toBe(1);
    expect(stderr).toMatch(/OPERATOR_KEY is a key that was revoked.*set it to a new one/);
    expect(stderr).not.toContain(OPERATOR_KEY);
  });

  test('without an ENCRYPTION_KEY it is refused', async ({ onTestFinished }) => {
    const { db } = await open(onTestFinished);
    const exit = await runGateway({ env: { DATABASE_URL: db.url } });
    expect(exit).toMatchObject({ code: 1, stdout: '' });
    expect(exit.stderr).toContain('ENCRYPTION_KEY: Needed with DATABASE_URL');
  });

  test('one that cannot be reached ends the start, without its password in the sentence', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const url = `postgres://user:topsecret@127.0.0.1:${port}/none`;
    const exit = await runGateway({ env: { DATABASE_URL: url, ENCRYPTION_KEY } });
    expect(exit.code).toBe(1);
    expect(exit.stderr).toMatch(/^Postrider cannot start: The database at 127.0.0.1:\d+ .*\n$/);
    expect(exit.stdout + exit.stderr).not.toContain('topsecret');
  });

  test('SIGTERM lets an attempt under way end, and records it', async ({ onTestFinished }) => {
    const { db, env, receiver } = await open(onTestFinished);
    const answer = hold();
    receiver.answer(answer);
    const gateway = await spawnGateway({ env: env() });
    await notify(operatorOf(gateway), receiver);
    await receiver.waitFor(1);
    const exited = gateway.kill('SIGTERM');
    await closedTo(gateway.url);
    answer.release();
    expect(await exited).toMatchObject({ code: 0, stderr: '' });
    expect(await standing(db)).toMatchObject({
      status: 'delivered',
      attempt_count: 1,
      outcomes: ['success'],
    });
    expect(receiver.requests).toHaveLength(1);
  });

  test('an attempt that outlasts the shutdown is given back uncharged', async ({
    onTestFinished,
  }) => {
    const { db, env, receiver } = await open(onTestFinished);
    receiver.answer([hang, 200]);
    const gateway = await spawnGateway({ env: env() });
    await notify(operatorOf(gateway), receiver);
    await receiver.waitFor(1);
    const startedAt = performance.now();
    expect(await gateway.kill('SIGTERM')).toMatchObject({ code: 0, stderr: '' });
    expect(performance.now() - startedAt).toBeGreaterThan(DRAIN_MS - SECOND);
    expect(performance.now() - startedAt).toBeLessThan(DRAIN_MS + 10 * SECOND);
    expect(await standing(db)).toEqual({
      status: 'pending',
      attempt_count: 0,
      lease_token: null,
      is_due: true,
      outcomes: null,
    });

    const next = await spawnGateway({ env: env() });
    const [first, second] = await receiver.waitFor(2);
    expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
    expect(second?.headers['postrider-attempt']).toBe('1');
    expect(await next.kill()).toMatchObject({ code: 0 });
    expect(await standing(db)).toMatchObject({ status: 'delivered', attempt_count: 1 });
  });
});

test('two processes on a new database share its migrations and the work', async () => {
  const db = await emptyDatabase();
  const receiver = await startReceiver();
  const started: GatewayProcess[] = [];
  try {
    const start = (roles: string) =>
      spawnGateway({
        env: {
          DATABASE_URL: db.url,
          OPERATOR_KEY,
          ENCRYPTION_KEY,
          ALLOW_PRIVATE_TARGETS: 'true',
          ROLES: roles,
        },
      });
    started.push(...(await Promise.all([start('api'), start('worker')])));
    const [api, worker] = started;
    const said = started.map((each) => each.stdout()).join('');
    const migrations = readdirSync('prisma/migrations').filter((name) => /^\d{4}_/.test(name));
    expect([...said.matchAll(/Applied migration (\w+)/g)].map(([, name]) => name).sort()).toEqual(
      migrations.sort(),
    );
    expect(worker?.url).toBe('');
    expect(worker?.stdout()).toContain('none: this process only delivers');

    const { id } = await notify(operatorOf(api!), receiver);
    const [request] = await receiver.waitFor(1);
    expect(request?.headers['webhook-id']).toBe(id);
  } finally {
    const exits = await Promise.all(started.map((each) => each.kill()));
    await receiver.close();
    await db.drop();
    expect(exits.map(({ code }) => code)).toEqual([0, 0]);
  }
});

function operatorOf({ url }: GatewayProcess): Api {
  return apiOf(() => url, OPERATOR_KEY);
}

/** A notification to the receiver, in a queue that gives it a minute to answer. */
async function notify(operator: Api, receiver: Receiver): Promise<{ id: string }> {
  await operator
    .put('/v1/queues/patient', { ladderSeconds: [0, 1], timeoutMs: 60_000 })
    .expect(200);
  await operator.post('/v1/merchants', { id: 'm_1', name: 'One' }).expect(201);
  const { body } = await operator
    .post('/v1/notifications', {
      merchantId: 'm_1',
      type: 'payment.succeeded',
      businessKey: 'ORDER-1',
      queue: 'patient',
      notifyUrl: receiver.url(),
      payload: {},
    })
    .expect(202);
  return body;
}

/** Resolves when the API takes no more connections: the shutdown has begun. */
async function closedTo(url: string): Promise<void> {
  await until(() =>
    fetch(`${url}/healthz`, { headers: { connection: 'close' } }).then(
      () => false,
      () => true,
    ),
  );
}
