import { Queue } from 'bullmq';
import pg from 'pg';
import { FLOOR_QUEUE, FLOOR_TABLE, type FloorJob } from '../floor/table.ts';
import type { ReceiverReady } from '../load/receiver.ts';
import { merchantOf } from '../load/scripts.ts';
import { startWorkerProcess } from '../load/worker.ts';
import { FLOOR } from './figures.ts';
import type { Subject } from './subject.ts';

const STEP = 5_000;

/** The afternoon version, see bench/floor. */
export async function openFloor(
  receiver: ReceiverReady,
  databaseUrl: string,
  redisUrl: string,
): Promise<Subject> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(FLOOR_TABLE);
  const server = await startWorkerProcess<never, never, { url: string }>(
    new URL('../floor/server.ts', import.meta.url),
    { NODE_ENV: 'production', DATABASE_URL: databaseUrl, REDIS_URL: redisUrl },
  );
  const { hostname, port, pathname } = new URL(redisUrl);
  const connection = { host: hostname, port: Number(port), db: Number(pathname.slice(1)) };
  const queue = new Queue<FloorJob>(FLOOR_QUEUE, { connection });
  const notifyUrl = `${receiver.url}/ok`;

  return {
    name: FLOOR,
    pid: server.pid,
    kinds: ['intake', 'deliver', 'both', 'latency'],
    load: (kind) => ({
      script: 'single',
      target: {
        url: server.ready.url,
        keys: [],
        queue: kind === 'intake' ? 'later' : null,
        notifyUrl,
        participants: [],
        databaseUrl: null,
      },
    }),
    async fill(count) {
      await queue.pause();
      for (let from = 0; from < count; from += STEP) {
        const { rows } = await client.query<{ id: string; payload: object }>(
          `INSERT INTO notification (id, merchant_id, type, business_key, url, payload)
           SELECT gen_random_uuid(), $3, 'payment.succeeded', 'DUE-' || n, $4,
                  jsonb_build_object('order', n, 'note', repeat('x', 200))
             FROM generate_series($1::int, $2::int) AS n RETURNING id, payload`,
          [from + 1, Math.min(count, from + STEP), merchantOf(from), notifyUrl],
        );
        await queue.addBulk(
          rows.map(({ id, payload }) => ({
            name: 'deliver',
            data: { id, url: notifyUrl, body: JSON.stringify({ id, data: payload }) },
            opts: { removeOnComplete: true, removeOnFail: true },
          })),
        );
      }
    },
    release: () => queue.resume(),
    async backlog() {
      const { waiting = 0, active = 0, prioritized = 0, paused = 0 } = await queue.getJobCounts();
      return waiting + active + prioritized + paused;
    },
    async close() {
      await server.close();
      await queue.close();
      await client.end();
    },
  };
}
