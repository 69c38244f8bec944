import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import pg from 'pg';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import {
  FENCE_TABLE,
  type FenceOptions,
  fenceMiddleware,
  pgFence,
  TryRefused,
} from '../../src/fence/index.ts';
import { inTransaction } from '../../src/platform/db/transaction.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { friendly } from '../support/hostile-settings.ts';

const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const OLD_SECRET = `whsec_${Buffer.alloc(32, 2).toString('base64')}`;

let db: TestDatabase;
let pool: pg.Pool;
let close = async () => {};

beforeAll(async () => {
  db = await testDatabase();
  pool = new pg.Pool({ connectionString: friendly(db.url), max: 5 });
  // The drop may end a connection whose good-bye is still on its way.
  pool.on('connect', (client) => client.on('error', () => {}));
  pool.on('error', () => {});
  await pool.query(`${FENCE_TABLE}; CREATE TABLE calls (op text, payload jsonb)`);
});
afterEach(async () => {
  await close();
  await pool.query('TRUNCATE calls, tx_fence');
});
afterAll(async () => {
  await pool.end();
  await db.drop();
});

async function participant(
  mount: (app: express.Express) => void = () => {},
  secretsByProducer: Record<string, string> = {},
) {
  const note = (tx: pg.PoolClient, { op, payload }: { op: string; payload: unknown }) =>
    tx.query('INSERT INTO calls VALUES ($1, $2)', [op, JSON.stringify(payload)]);
  const app = express();
  mount(app);
  const options = (secret: string[]): FenceOptions<pg.PoolClient> => ({
    secret,
    transaction: (work) => inTransaction(pool, work),
    sql: pgFence,
    async try(tx, call) {
      await note(tx, call);
      if ((call.payload as { quantity: number }).quantity > 5) {
        throw new TryRefused('out_of_stock');
      }
    },
    confirm: note,
    cancel: note,
  });
  app.post('/tcc', fenceMiddleware(options([SECRET, OLD_SECRET])));
  for (const [producer, secret] of Object.entries(secretsByProducer)) {
    app.post(`/tcc/${producer}`, fenceMiddleware({ ...options([secret]), producer }));
  }
  app.use(((_error, _request, response, _next) => {
    response.status(500).json({ code: 'broken' });
  }) as express.ErrorRequestHandler);
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  close = async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
    close = async () => {};
  };
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/tcc`;
  return async (
    op: string,
    payload: object = { quantity: 5 },
    more: {
      secret?: string;
      headers?: Record<string, string>;
      sentBody?: string;
      at?: Date;
      path?: string;
    } = {},
  ) => {
    const body = JSON.stringify(payload);
    const at = more.at ?? new Date();
    const response = await fetch(`${url}${more.path ?? ''}`, {
      method: 'POST',
      body: more.sentBody ?? body,
      headers: {
        connection: 'close',
        'content-type': 'application/json',
        'postrider-gid': 'tx_1',
        'postrider-branch': 'stock',
        'postrider-op': op,
        'webhook-id': `tx_1:stock:${op}`,
        'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
        'webhook-signature': new Webhook(more.secret ?? SECRET).sign(`tx_1:stock:${op}`, at, body),
        ...more.headers,
      },
    });
    return { status: response.status, body: await response.json() };
  };
}

const calls = async () => (await pool.query('SELECT op, payload FROM calls')).rows;

test('runs each phase once, behind the fence', async () => {
  const call = await participant();
  expect(await call('try')).toEqual({ status: 200, body: { ran: true } });
  expect(await call('try')).toEqual({ status: 200, body: { ran: false } });
  expect(await call('confirm')).toEqual({ status: 200, body: { ran: true } });
  expect(await call('cancel')).toEqual({ status: 409, body: { code: 'cancel_after_confirm' } });
  expect(await calls()).toEqual([
    { op: 'try', payload: { quantity: 5 } },
    { op: 'confirm', payload: { quantity: 5 } },
  ]);
});

test('a refused try keeps nothing, so its cancel is an empty rollback', async () => {
  const call = await participant();
  const refused = await call('try', { quantity: 6 });
  expect(refused).toEqual({ status: 409, body: { code: 'out_of_stock' } });
  expect(await call('cancel', { quantity: 6 })).toEqual({ status: 200, body: { ran: false } });
  expect(await call('try')).toEqual({ status: 409, body: { code: 'hanging_try' } });
  expect(await calls()).toEqual([]);
});

test('two producers that chose the same gid each have their own branch', async () => {
  const others = `whsec_${Buffer.alloc(32, 4).toString('base64')}`;
  const call = await participant(() => {}, { shop: SECRET, travel: others });
  const shop = { path: '/shop' };
  const travel = { path: '/travel', secret: others };
  expect(await call('try', {}, shop)).toEqual({ status: 200, body: { ran: true } });
  expect(await call('try', {}, travel)).toEqual({ status: 200, body: { ran: true } });
  expect(await call('cancel', {}, travel)).toEqual({ status: 200, body: { ran: true } });
  expect(await call('confirm', {}, shop)).toEqual({ status: 200, body: { ran: true } });
  expect((await call('try', {}, { path: '/shop', secret: others })).status).toBe(401);
});

test('takes either of two secrets while one takes the place of the other', async () => {
  const call = await participant();
  expect((await call('try', {}, { secret: OLD_SECRET })).status).toBe(200);
});

test('answers 401 to a foreign secret, changed bytes, and a replay; none reaches the business', async () => {
  const call = await participant();
  const foreign = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;
  expect((await call('try', {}, { secret: foreign })).status).toBe(401);
  expect((await call('try', {}, { sentBody: '{"quantity":1}' })).status).toBe(401);
  expect((await call('try', {}, { at: new Date(Date.now() - 3_600_000) })).status).toBe(401);
  expect((await call('try', {}, { headers: { 'webhook-signature': 'v1,AAAA' } })).status).toBe(401);
  expect(await calls()).toEqual([]);
});

test.each([
  ['as another operation', { 'postrider-op': 'confirm' }],
  ['as a try of another transaction', { 'postrider-gid': 'tx_2' }],
  ['as a try of another branch', { 'postrider-branch': 'account' }],
  ['with its parts cut elsewhere', { 'postrider-gid': 'tx_1:stock', 'postrider-branch': 'try' }],
])('answers 401 to a genuine try that is sent again %s', async (_how, headers) => {
  const call = await participant();
  await call('try');
  const replayed = await call('try', undefined, { headers });
  expect(replayed).toEqual({ status: 401, body: { code: 'not_genuine' } });
  expect(await calls()).toEqual([{ op: 'try', payload: { quantity: 5 } }]);
});

test('answers 400 to what no gateway sends', async () => {
  const call = await participant();
  expect((await call('destroy')).status).toBe(400);
});

test('takes a body that express.raw has read', async () => {
  const call = await participant((app) => app.use(express.raw({ type: () => true })));
  expect((await call('try')).status).toBe(200);
});

test('says so when the body was parsed before it', async () => {
  const call = await participant((app) => app.use(express.json()));
  expect(await call('try')).toEqual({ status: 500, body: { code: 'broken' } });
});
