import { createRedisBackend, Queue, Worker } from 'bullmq';
import { Redis, type RedisOptions } from 'ioredis';
import { within } from '../../platform/time/within.ts';
import { type Backend, EVENT_STREAM, type Report, steady, WORKER_OPTIONS } from './backend.ts';

const CONNECT_TIMEOUT_MS = 2000;

const READ_ONLY = /^(READONLY|UNBLOCKED|MASTERDOWN)/;
const RECONNECT_AND_REPEAT = 2;

const COMMON = {
  connectTimeout: CONNECT_TIMEOUT_MS,
  disconnectTimeout: 500,
  keepAlive: 10_000,
  // A master that was made a replica keeps its connections, and refuses each write: its name has moved on.
  reconnectOnError: (error: Error) =>
    READ_ONLY.test(error.message) ? RECONNECT_AND_REPEAT : false,
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
  client.on('error', (error) => report('a connection to Redis was lost', error));
  await within(CONNECT_TIMEOUT_MS, client.connect()).catch((error) =>
    report('Redis cannot be reached', error),
  );
  try {
    if (client.status === 'ready') await requireSafeSettings(client);
  } catch (error) {
    client.disconnect();
    throw error;
  }
  // It may come back with other settings: too late to refuse to start, but not to say so.
  client.on('ready', () => {
    requireSafeSettings(client).catch((error) =>
      report('reading the settings of Redis failed', error),
    );
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
    // A job costs little there.
    direct: null,
    // A write: what only reads would answer to a ping, and take no wake.
    ping: () => client.set(READY_KEY, 1, 'EX', 60),
    async close() {
      client.disconnect();
    },
  };
}

/** Among BullMQ's own, so that whoever may write those may write it. */
const READY_KEY = 'bull:postrider-ready';

/** BullMQ keeps its timers in plain keys: a Redis that evicts keys loses them silently. */
async function requireSafeSettings(client: Redis): Promise<void> {
  const info = await client.info();
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
  if (policy !== undefined && policy !== 'noeviction') {
    throw new Error(
      `Redis at REDIS_URL evicts keys when its memory is full (maxmemory-policy ${policy}), and with them timers; set its maxmemory-policy to noeviction.`,
    );
  }
  const mode = /^redis_mode:(\w+)/m.exec(info)?.[1];
  if (mode === 'sentinel' || mode === 'cluster') {
    const what =
      mode === 'sentinel' ? 'a Sentinel, which keeps no data' : 'a node of a Redis Cluster';
    throw new Error(`The Redis at REDIS_URL is ${what}; give the address of a single Redis.`);
  }
  const version = /^redis_version:(\d+)\.(\d+)/m.exec(info);
  if (version !== null && Number(version[1]) * 100 + Number(version[2]) < OLDEST_REDIS) {
    throw new Error(
      `Redis 6.2 or newer is needed; the one at REDIS_URL is ${version[0].slice(14)}.`,
    );
  }
}

const OLDEST_REDIS = 602;
