import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import express from 'express';
import { Webhook } from 'standardwebhooks';
import type { Screen } from '../../src/demo/screen.ts';
import type { Closers } from '../../src/demo/stage.ts';
import { answerCheck, MESSAGE_TABLE, pgFence } from '../../src/fence/message-index.ts';
import { transaction } from './participant.ts';
import type { Stage } from './stage.ts';
import { waitFor } from './wait.ts';

const ORDER_ID = 'ORDER-PAID';
const PRODUCER = fileURLToPath(new URL('./producer-that-dies.ts', import.meta.url));

interface Message {
  status: string;
}

/** A reliable message from orders to points, whose producer dies between its commit and its confirm. */
export async function tellOfMessage(
  stage: Stage,
  screen: Screen,
  closers: Closers,
  signal: AbortSignal,
): Promise<void> {
  screen.line(
    `  ${screen.paint('bold', '7. A reliable message: the producer dies before its confirm')}`,
  );
  let isOver = false;
  const url = await openShopDoors(stage, screen, closers, () => isOver);
  await showBonus(stage, screen, 'before');
  const producer = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), PRODUCER], {
    env: {
      PATH: process.env.PATH,
      GATEWAY_URL: stage.coordinator.url(),
      KEY: stage.producerKey,
      DATABASE_URL: stage.databaseUrl,
      CHECK_URL: `${url}/check`,
      ORDER_ID,
    },
    stdio: 'inherit',
  });
  const [code, killedBy] = await once(producer, 'exit', { signal });
  isOver = true;
  if (killedBy !== 'SIGKILL') throw new Error(`The producer did not die as told (${code}).`);
  screen.line(`    ${screen.paint('red', 'kill -9')} prepared, committed, and no confirm was sent`);

  let shown = '';
  await waitFor(
    'the message to be completed',
    () => stage.producer<Message>('GET', `/v1/messages/paid-${ORDER_ID}`),
    ({ status }) => {
      if (status !== shown) screen.line(`    ${screen.paint('dim', 'message')}  ${status}`);
      shown = status;
      return status === 'completed';
    },
    signal,
  );
  await showBonus(stage, screen, 'after');
  screen.line();
  if ((await bonusOf(stage)) !== 7) throw new Error('The bonus was not given exactly once.');
}

/**
 * The check-back door of orders and the webhook door of points.
 *
 * @param isOver whether the producer's process has ended
 */
async function openShopDoors(
  stage: Stage,
  screen: Screen,
  closers: Closers,
  isOver: () => boolean,
): Promise<string> {
  const { operator } = stage.coordinator;
  const merchant = await operator<{ key: string }>('POST', '/v1/merchants', {
    id: 'points',
    name: 'Points',
  });
  const points = stage.service('points').pool;
  const orders = stage.service('orders').pool;
  await points.query('CREATE TABLE bonus (message_id text PRIMARY KEY, points int NOT NULL)');
  await orders.query(MESSAGE_TABLE);
  let secret = '';

  const app = express();
  app.use(express.raw({ type: () => true }));
  app.post('/check', async (request, response) => {
    const body = request.body.toString();
    new Webhook(stage.callbackSecret).verify(body, request.headers as Record<string, string>);
    const { messageId, checkNumber } = JSON.parse(body);
    // On a slow machine it comes before the commit. Answered now it would roll the order back, rightly so,
    // but that is another story.
    if (!isOver()) {
      response.sendStatus(425);
      return;
    }
    // Not by a look at the order: it finds none while the transaction that brings it is still open.
    const status = await answerCheck(
      { transaction: (work) => transaction(orders, work), sql: pgFence },
      messageId,
    );
    screen.line(`    ${screen.paint('dim', 'orders')}   check-back ${checkNumber}: ${status}`);
    response.status(status === 'working' ? 425 : 200).json({ status });
  });
  app.post('/paid', async (request, response) => {
    const body = request.body.toString();
    new Webhook(secret).verify(body, request.headers as Record<string, string>);
    const { messageId, bonus } = JSON.parse(body).data;
    // Once, however often it comes.
    await points.query('INSERT INTO bonus VALUES ($1, $2) ON CONFLICT DO NOTHING', [
      messageId,
      bonus,
    ]);
    response.sendStatus(200);
    const done = { outcome: 'success' };
    await stage.coordinator.as(merchant.key)('POST', `/v1/messages/${messageId}/complete`, done);
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const endpoint = { url: `${url}/paid`, types: ['order.paid'] };
  ({ secret } = await operator<{ secret: string }>(
    'POST',
    '/v1/merchants/points/endpoints',
    endpoint,
  ));
  return url;
}

async function bonusOf(stage: Stage): Promise<number> {
  const { rows } = await stage
    .service('points')
    .pool.query<{ sum: number }>('SELECT coalesce(sum(points), 0)::int AS sum FROM bonus');
  return rows[0]?.sum ?? 0;
}

async function showBonus(stage: Stage, screen: Screen, when: string): Promise<void> {
  const { rowCount } = await stage
    .service('orders')
    .pool.query('SELECT 1 FROM orders WHERE id = $1', [ORDER_ID]);
  const books = `orders paid ${rowCount}   bonus points ${await bonusOf(stage)}`;
  screen.line(`    ${screen.paint('dim', when.padEnd(8))}${books}`);
}
