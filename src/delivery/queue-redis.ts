import { createRedisBackend, Queue, Worker } from 'bullmq';
import { Redis, type RedisOptions } from 'ioredis';
import { within } from '../within.ts';
import {
  type Backend,
  EVENT_STREAM,
  type Report,
  steady,
  WORKER_OPTIONS,
} from './queue-backend.ts';

const CONNECT_TIMEOUT_MS = 2000;

const COMMON = {
  connectTimeout: CONNECT_TIMEOUT_MS,
  disconnectTimeout: 500,
  keepAlive: 10_000,
  retryStrategy: (times: number) => Math.min(100 * times, 1000),
} satisfies RedisOptions;

/** Gives up soon, keeps nothing for later: the sweep covers what is not handed over now. */
const PRODUCER = {
  ...COMMON,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 1,
  commandTimeout: 1500,
  socketTimeout: 5000,
} satisfies RedisOptions;

/** Waits as long as an outage takes. `socketTimeout` must outlast a blocking pop of 10 s. */
const CONSUMER = {
  ...COMMON,
  maxRetriesPerRequest: null,
  socketTimeout: 20_000,
} satisfies RedisOptions;

/**
 * Timers on Redis. All producers share one connection; each worker has two of its own.
 *
 * A Redis that is down at this moment doesn't stop the start: intake must go on without it.
 *
 * @param url `redis://…` or `rediss://…`
 * @throws Error with one sentence when that Redis may lose timers
 */
export async function openRedis(url: string, report: Report): Promise<Backend> {
  const client = new Redis(url, { ...PRODUCER, lazyConnect: true });
  client.on('error', (error) => report('Redis connection', error));
  await within(CONNECT_TIMEOUT_MS, client.connect()).catch((error) =>
    report('Redis is not reachable', error),
  );
  try {
    if (client.status === 'ready') await requireSafeSettings(client);
  } catch (error) {
    client.disconnect();
    throw error;
  }
  // It may come back with other settings: too late to refuse to start, but not to say so.
  client.on('ready', () => {
    requireSafeSettings(client).catch((error) => report('Redis settings', error));
  });

  return {
    isUp: () => client.status === 'ready',
    openQueue(name) {
      // The version is checked above, once; a check of its own that fails is never repeated.
      const options = { connection: client, streams: EVENT_STREAM, skipVersionCheck: true };
      return new Queue(name, options, createRedisBackend);
    },
    openWorker(name, concurrency, take) {
      const options = { ...WORKER_OPTIONS, concurrency, connection: { url, ...CONSUMER } };
      const worker = new Worker(name, take, options, (...args) =>
        steady(createRedisBackend(...args)),
      );
      return { worker, free: async () => {} };
    },
    ping: () => client.ping(),
    async close() {
      client.disconnect();
    },
  };
}

/** BullMQ keeps its timers in plain keys: a Redis that evicts keys loses them silently. */
async function requireSafeSettings(client: Redis): Promise<void> {
  const info = await client.info();
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
  if (policy !== undefined && policy !== 'noeviction') {
    throw new Error(
      `Redis at REDIS_URL evicts keys when its memory is full (maxmemory-policy ${policy}), and with them timers; set its maxmemory-policy to noeviction.`,
    );
  }
  const version = /^redis_version:(\d+)\.(\d+)/m.exec(info);
  if (version !== null && Number(version[1]) * 100 + Number(version[2]) < OLDEST_REDIS) {
    throw new Error(
      `Redis 6.2 or newer is needed; the one at REDIS_URL is ${version[0].slice(14)}.`,
    );
  }
}

const OLDEST_REDIS = 602;
