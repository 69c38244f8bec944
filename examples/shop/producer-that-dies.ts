import pg from 'pg';
import { apiOf } from '../../src/demo/api.ts';

// The order service on its worst day: it prepares a message, commits its own transaction, and is gone
// before it can say so. Started by message.ts, which hands everything over in the environment.
const {
  GATEWAY_URL = '',
  KEY = '',
  DATABASE_URL = '',
  CHECK_URL = '',
  ORDER_ID = '',
} = process.env;

const gateway = apiOf(GATEWAY_URL, KEY, AbortSignal.timeout(10_000));
const messageId = `paid-${ORDER_ID}`;
await gateway('POST', '/v1/messages', {
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
});

const database = new pg.Client({ connectionString: DATABASE_URL });
await database.connect();
await database.query("INSERT INTO orders.orders VALUES ($1, 1, 'DONE')", [ORDER_ID]);

process.kill(process.pid, 'SIGKILL');
