import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { PrismaPg } from '@prisma/adapter-pg';
import { Queue, Worker } from 'bullmq';
import express from 'express';
import { Redis } from 'ioredis';
import { PrismaClient } from './generated/client.ts';
import { FLOOR_QUEUE, type FloorJob } from './table.ts';

// What a good engineer writes in an afternoon: Express, Prisma's `create`, one BullMQ job, one fetch,
// one update. No signature, no lease, no sweep, no limits for a receiver, no idempotency, no list of
// attempts. Its settings are kind to it: a pool as large as the gateway's, fifty jobs at once instead of BullMQ's
// one, and the whole notification in the job, which saves reading the row.

const { DATABASE_URL = '', REDIS_URL = '' } = process.env;
const LADDER_MS = [0, 15_000, 30_000, 180_000, 600_000, 1_800_000, 3_600_000];
const HOUR_MS = 3_600_000;

const prisma = new PrismaClient({
  adapter: new PrismaPg({ connectionString: DATABASE_URL, max: 20 }),
});
const connection = new Redis(REDIS_URL, { maxRetriesPerRequest: null });
const queue = new Queue<FloorJob>(FLOOR_QUEUE, { connection });

const app = express();
app.use(express.json());
app.post('/v1/notifications', async (req, res) => {
  const { merchantId, type, businessKey, notifyUrl, payload, result } = req.body;
  const row = await prisma.notification.create({
    data: { merchantId, type, businessKey, url: notifyUrl, payload: { result, data: payload } },
  });
  const body = JSON.stringify({
    id: row.id,
    type,
    timestamp: row.createdAt,
    businessKey,
    result,
    data: payload,
  });
  const delay = req.body.queue === 'later' ? HOUR_MS : LADDER_MS[0];
  await schedule({ id: row.id, url: notifyUrl, body }, delay ?? 0);
  res.status(202).json({ id: row.id, status: row.status, acceptedAt: row.createdAt });
});

function schedule(job: FloorJob, delay: number) {
  return queue.add('deliver', job, { delay, removeOnComplete: true, removeOnFail: true });
}

const worker = new Worker<FloorJob>(
  FLOOR_QUEUE,
  async ({ data }) => {
    const delivered = await post(data);
    const row = await prisma.notification.update({
      where: { id: data.id },
      data: { attempts: { increment: 1 }, ...(delivered && { status: 'delivered' }) },
    });
    const delay = LADDER_MS[row.attempts];
    if (!delivered && delay !== undefined) await schedule(data, delay);
  },
  { connection: connection.duplicate(), concurrency: 50 },
);

async function post({ id, url, body }: FloorJob): Promise<boolean> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'webhook-id': id },
      body,
      signal: AbortSignal.timeout(15_000),
    });
    await response.text();
    return response.ok;
  } catch {
    return false;
  }
}

const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
await worker.waitUntilReady();
process.send?.({ ready: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` } });

process.once('SIGTERM', async () => {
  server.close();
  server.closeAllConnections();
  await worker.close();
  await queue.close();
  await prisma.$disconnect();
  process.exit(0);
});
process.once('disconnect', () => process.exit(1));
