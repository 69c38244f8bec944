import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  checkMiddleware,
  GatewayRefused,
  MESSAGE_TABLE,
  MessageRolledBack,
  pgFence,
  prepareAndCommit,
} from '../../../src/fence/message-index.ts';
import { inTransaction } from '../../../src/platform/db/transaction.ts';
import { friendly } from '../../support/hostile-settings.ts';
import { openScene, type Scene } from './scene.ts';

let scene: Scene;
let pool: pg.Pool;
let door: Server;
let checkUrl: string;
beforeAll(async () => {
  scene = await openScene();
  // The producer's own tables, in a schema of their own; a real one has its own database.
  pool = new pg.Pool({
    connectionString: friendly(scene.gateway.db.url),
    options: '-c search_path=producer',
  });
  pool.on('error', () => {});
  await pool.query('CREATE SCHEMA producer');
  await pool.query(`${MESSAGE_TABLE}; CREATE TABLE orders (id text PRIMARY KEY)`);
  const check = checkMiddleware({ ...local, secret: scene.producer.callbackSecret });
  door = createServer((request, response) =>
    check(request, response, () => {
      response.writeHead(500).end();
    }),
  );
  door.listen(0, '127.0.0.1');
  await once(door, 'listening');
  checkUrl = `http://127.0.0.1:${(door.address() as AddressInfo).port}/check`;
});
afterAll(async () => {
  door.close();
  door.closeAllConnections();
  await pool.end();
  await scene.close();
});

const local = {
  sql: pgFence,
  transaction: <T>(work: (client: pg.PoolClient) => Promise<T>) => inTransaction(pool, work),
};
const options = (more: object = {}) => ({
  ...local,
  gateway: { url: scene.gateway.url, key: scene.producer.key },
  ...more,
});
const message = (messageId: string, more: object = {}) => ({
  messageId,
  notification: {
    merchantId: scene.merchant.id,
    type: 'order.paid',
    businessKey: messageId,
    queue: 'quick',
    payload: {},
  },
  checkUrl,
  checkAfterSeconds: 3600,
  completion: 'http' as const,
  ...more,
});
const order = async (client: pg.PoolClient, id: string) =>
  client.query('INSERT INTO orders VALUES ($1)', [id]);
const orders = async (id: string) =>
  (await pool.query('SELECT 1 FROM orders WHERE id = $1', [id])).rowCount;

test('prepared, committed and confirmed: it arrives, and again it is the same message', async () => {
  const first = await prepareAndCommit(options(), message('fine'), async (client, id) => {
    await order(client, id);
    return 'paid';
  });
  expect(first).toEqual({ messageId: 'fine', result: 'paid', confirmed: true });
  await scene.reaches('fine', 'completed');
  const again = await prepareAndCommit(options(), message('fine'), order);
  expect(again).toEqual({ messageId: 'fine', result: undefined, confirmed: true });
  expect(await orders('fine')).toBe(1);
});

test('business that throws cancels the message, and is thrown', async () => {
  const failing = prepareAndCommit(options(), message('broke'), async (client, id) => {
    await order(client, id);
    throw new Error('no money');
  });
  await expect(failing).rejects.toThrow('no money');
  expect(await orders('broke')).toBe(0);
  expect(await scene.read('broke')).toMatchObject({ status: 'cancelled', decidedBy: 'producer' });
});

test('what the gateway refuses begins nothing', async () => {
  const refused = message('refused');
  refused.notification.merchantId = 'nobody';
  const error = await prepareAndCommit(options(), refused, order).catch((caught) => caught);
  expect(error).toBeInstanceOf(GatewayRefused);
  expect(error).toMatchObject({ status: 422, code: 'unknown_merchant' });
  expect(await orders('refused')).toBe(0);
});

test('a confirm that is not heard is made good by the check-back', async () => {
  const deaf = (url: URL | string | Request, init?: RequestInit) =>
    String(url).endsWith('/confirm') ? Promise.reject(new Error('no network')) : fetch(url, init);
  const gateway = { url: scene.gateway.url, key: scene.producer.key, fetch: deaf };
  const soon = message('unheard', { checkAfterSeconds: 1 });
  const { confirmed } = await prepareAndCommit(options({ gateway }), soon, order);
  expect(confirmed).toBe(false);
  expect(await scene.reaches('unheard', 'completed')).toMatchObject({ decidedBy: 'check' });
});

test('a commit whose answer gets lost is a commit all the same', async () => {
  const transaction: typeof local.transaction = async (work) => {
    const result = await local.transaction(work);
    if (result === 'done') throw new Error('connection lost');
    return result;
  };
  const produced = await prepareAndCommit(
    options({ transaction }),
    message('lost'),
    async (client, id) => {
      await order(client, id);
      return 'done';
    },
  );
  expect(produced).toEqual({ messageId: 'lost', result: undefined, confirmed: true });
  await scene.reaches('lost', 'completed');
});

test('a check-back during the open transaction waits for it, and nothing is lost', async () => {
  const soon = message('open', { checkAfterSeconds: 0 });
  const asked = once(door, 'request');
  const { confirmed } = await prepareAndCommit(options(), soon, async (client, id) => {
    await asked;
    await order(client, id);
  });
  expect(confirmed).toBe(true);
  await scene.reaches('open', 'completed');
});

test('a check-back before it makes the late commit fail, and nothing is half done', async () => {
  const transaction: typeof local.transaction = async (work) => {
    // It is a while until the producer gets a connection.
    await scene.reaches('late', 'cancelled');
    return local.transaction(work);
  };
  const late = prepareAndCommit(
    options({ transaction }),
    message('late', { checkAfterSeconds: 0 }),
    order,
  );
  await expect(late).rejects.toThrow(MessageRolledBack);
  expect(await orders('late')).toBe(0);
  expect(await scene.read('late')).toMatchObject({ status: 'cancelled', decidedBy: 'check' });
});

test('the check’s door lets nobody in but the gateway', async () => {
  const post = (body: string) => fetch(checkUrl, { method: 'POST', body });
  expect((await post('{"messageId":"forged"}')).status).toBe(401);
  expect((await post('x'.repeat(300_000))).status).toBe(413);
  const { rows } = await pool.query("SELECT 1 FROM tx_message WHERE message_id = 'forged'");
  expect(rows).toEqual([]);
});
