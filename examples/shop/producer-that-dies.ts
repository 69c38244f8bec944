import pg from 'pg';
import { pgFence, prepareAndCommit } from '../../src/fence/message-index.ts';
import { transaction } from './participant.ts';

// The order service on its worst day: it prepares a message, commits its own transaction, and is gone
// before it can say so. Started by message.ts, which hands everything over in the environment.
const {
  GATEWAY_URL = '',
  KEY = '',
  DATABASE_URL = '',
  CHECK_URL = '',
  ORDER_ID = '',
} = process.env;

const pool = new pg.Pool({ connectionString: DATABASE_URL, options: '-c search_path=orders' });
const messageId = `paid-${ORDER_ID}`;

const dieBeforeConfirm: typeof fetch = async (url, init) => {
  if (String(url).endsWith('/confirm')) process.kill(process.pid, 'SIGKILL');
  return fetch(url, init);
};

await prepareAndCommit(
  {
    gateway: { url: GATEWAY_URL, key: KEY, fetch: dieBeforeConfirm },
    transaction: (work) => transaction(pool, work),
    sql: pgFence,
  },
  {
    messageId,
    notification: {
      merchantId: 'points',
      type: 'order.paid',
      businessKey: ORDER_ID,
      payload: { messageId, orderId: ORDER_ID, bonus: 7 },
    },
    checkUrl: CHECK_URL,
    checkAfterSeconds: 1,
    completion: 'explicit',
  },
  (tx) => tx.query("INSERT INTO orders VALUES ($1, 1, 'PAID')", [ORDER_ID]),
);
