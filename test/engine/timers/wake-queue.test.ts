import { pino } from 'pino';
import { afterEach, describe, expect, inject, test } from 'vitest';
import {
  openWakeQueue,
  type Wake,
  type WakeBackend,
} from '../../../src/engine/timers/wake-queue.ts';
import { plainServer } from '../../../src/platform/db/server.ts';
import { faultOf } from '../../../src/platform/log/fault.ts';
import { describeBackends, onRedis, ownRedis } from '../../support/backends.ts';
import { databaseUrl, execute, type TestDatabase, testDatabase } from '../../support/database.ts';
import { until } from '../../support/until.ts';

/** Undone after each test, the latest first. */
const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function open(backend: WakeBackend) {
  const lines: Record<string, unknown>[] = [];
  // As the gateway shows errors.
  const log = pino(
    { serializers: { err: faultOf } },
    { write: (line) => void lines.push(JSON.parse(line)) },
  );
  const queue = await openWakeQueue(backend, log);
  undo.push(() => queue.close());
  return { ...queue, queue, lines };
}

/** Keeps what wakes, and when; `arrived` resolves as soon as there is enough. */
function collector() {
  const arrivals: { id: string; at: number }[] = [];
  const waiting = new Set<() => void>();
  return {
    arrivals,
    ids: () => arrivals.map(({ id }) => id),
    onWake(id: string) {
      arrivals.push({ id, at: Date.now() });
      for (const look of [...waiting]) look();
    },
    arrived: (enough: number | string) =>
      new Promise<void>((resolve) => {
        const look = () => {
          const fits =
            typeof enough === 'number'
              ? arrivals.length >= enough
              : arrivals.some(({ id }) => id === enough);
          if (!fits) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
}

let lastKey = 0;
function wakeOf(deliveryId: string, more: Partial<Wake> = {}): Wake {
  lastKey += 1;
  return { queue: 'default', deliveryId, delayMs: 0, key: `${deliveryId}-${lastKey}`, ...more };
}

async function durationOf(work: Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work;
  return performance.now() - startedAt;
}

describeBackends('wakes', (backend) => {
  test('one without delay arrives', async () => {
    const { wake, listen } = await open(backend());
    const seen = collector();
    await listen('default', 10, seen.onWake);
    await wake([wakeOf('dlv_now')]);
    await seen.arrived('dlv_now');
    expect(seen.ids()).toEqual(['dlv_now']);
  });

  test('one that came before anybody listened arrives too', async () => {
    const { wake, listen } = await open(backend());
    const seen = collector();
    await wake([wakeOf('dlv_early', { queue: 'early' })]);
    await listen('early', 10, seen.onWake);
    await seen.arrived('dlv_early');
  });

  test('delayed ones arrive at their time and in its order, however far others are away', async () => {
    const { wake, listen } = await open(backend());
    const seen = collector();
    await listen('later', 10, seen.onWake);
    const at = Date.now();
    const delays = { dlv_month: 30 * 86_400_000, dlv_second: 800, dlv_first: 300, dlv_zero: 0 };
    await wake(
      Object.entries(delays).map(([id, delayMs]) => wakeOf(id, { queue: 'later', delayMs })),
    );
    await seen.arrived(3);

    expect(seen.ids()).toEqual(['dlv_zero', 'dlv_first', 'dlv_second']);
    for (const arrival of seen.arrivals) {
      const lateMs = arrival.at - at - delays[arrival.id as keyof typeof delays];
      expect(lateMs).toBeGreaterThan(-50);
      expect(lateMs).toBeLessThan(1500);
    }
  });

  test('two thousand of one call all arrive, each once', async () => {
    const { queue, wake, listen } = await open(backend());
    const seen = collector();
    await listen('many', 50, seen.onWake);
    const ids = Array.from({ length: 2000 }, (_, n) => `dlv_${n}`);
    await wake(ids.map((id) => wakeOf(id, { queue: 'many' })));
    await wake([wakeOf('dlv_last', { queue: 'many' })]);
    await seen.arrived(2001);

    expect(new Set(seen.ids())).toEqual(new Set([...ids, 'dlv_last']));
    expect(seen.arrivals).toHaveLength(2001);
    expect(queue.givenUp).toBe(0);
  });

  test('those that are due within a second share a job, and come at their own times', async () => {
    const { queue } = await open(backend());
    const { arrivals, arrived, onWake } = collector();
    undo.push((await queue.listen('default', 10, onWake)).close);
    const from = Date.now();
    const delays = Array.from({ length: 60 }, (_, n) => 1200 + 20 * n);
    await queue.wake(delays.map((delayMs) => wakeOf(`at ${delayMs}`, { delayMs })));
    await arrived(60);
    expect(arrivals.map(({ id }) => id).sort()).toEqual(delays.map((ms) => `at ${ms}`).sort());
    for (const { id, at } of arrivals)
      expect(at - from).toBeGreaterThanOrEqual(Number(id.slice(3)));
  });

  test('the same key twice arrives once', async () => {
    const { wake, listen } = await open(backend());
    const seen = collector();
    const twice = wakeOf('dlv_twice', { queue: 'twice', delayMs: 300 });
    await wake([twice, twice]);
    await wake([twice]);
    await listen('twice', 10, seen.onWake);
    await wake([wakeOf('dlv_end', { queue: 'twice', delayMs: 600 })]);
    await seen.arrived('dlv_end');
    expect(seen.ids()).toEqual(['dlv_twice', 'dlv_end']);
  });

  test('a busy queue does not hold another one', async () => {
    const { wake, listen } = await open(backend());
    const [busy, quiet] = [collector(), collector()];
    await listen('busy', 10, busy.onWake);
    await listen('quiet', 10, quiet.onWake);
    await Promise.all([
      wake(Array.from({ length: 3000 }, (_, n) => wakeOf(`dlv_${n}`, { queue: 'busy' }))),
      busy.arrived(1),
    ]);
    await wake([wakeOf('dlv_quiet', { queue: 'quiet' })]);
    await quiet.arrived(1);
    expect(busy.arrivals.length).toBeLessThan(3000);
    await busy.arrived(3000);
  });

  test('two processes share a queue: what wakes one does not wake the other', async () => {
    const [one, two] = [await open(backend()), await open(backend())];
    const seen = collector();
    await one.listen('shared', 5, seen.onWake);
    await two.listen('shared', 5, seen.onWake);
    await two.wake(Array.from({ length: 200 }, (_, n) => wakeOf(`dlv_${n}`, { queue: 'shared' })));
    await seen.arrived(200);
    expect(new Set(seen.ids()).size).toBe(200);
    expect(seen.arrivals).toHaveLength(200);
  });

  test('an onWake that throws harms neither the worker nor the next wake', async () => {
    const { wake, listen } = await open(backend());
    const seen = collector();
    await listen('thrown', 10, (id) => {
      seen.onWake(id);
      if (id === 'dlv_bad') throw new Error('a fault of ours');
    });
    await wake([wakeOf('dlv_bad', { queue: 'thrown' })]);
    await seen.arrived('dlv_bad');
    await wake([wakeOf('dlv_good', { queue: 'thrown' })]);
    await seen.arrived('dlv_good');
    expect(seen.ids()).toEqual(['dlv_bad', 'dlv_good']);
  });

  test('ping answers', async () => {
    const { ping } = await open(backend());
    await ping();
  });

  test('close is quick in the middle of the work, and what it left arrives elsewhere', async () => {
    const first = await open(backend());
    const seen = collector();
    await first.listen('left', 10, seen.onWake);
    const ids = Array.from({ length: 1000 }, (_, n) => `dlv_${n}`);
    await first.wake(ids.map((id) => wakeOf(id, { queue: 'left' })));
    await seen.arrived(1);
    expect(await durationOf(first.queue.close())).toBeLessThan(5000);
    expect(seen.arrivals.length).toBeLessThan(1000);

    const second = await open(backend());
    await second.listen('left', 10, seen.onWake);
    await until(() => new Set(seen.ids()).size === 1000);
  });

  test('one that is closed takes no more, and says so', async () => {
    const { queue } = await open(backend());
    await queue.close();
    await queue.wake([wakeOf('dlv_closed')]);
    expect(queue.givenUp).toBe(1);
  });
});

/** Something that a test may take away and give back. */
interface Breakable {
  backend: WakeBackend;
  breakOff(): Promise<void>;
  restore(): Promise<void>;
}

async function breakableDatabase(): Promise<Breakable> {
  const own: TestDatabase = await testDatabase();
  const name = new URL(own.url).pathname.slice(1);
  const { adminUrl } = inject('postgres');
  const allow = (yes: boolean) =>
    execute(adminUrl, `ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS ${yes}`);
  undo.push(() => own.drop());
  return {
    backend: { kind: 'postgres', server: plainServer(own.url) },
    async breakOff() {
      await allow(false);
      await execute(
        adminUrl,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`,
      );
    },
    restore: () => allow(true),
  };
}

async function breakableRedis(): Promise<Breakable> {
  const redis = await ownRedis();
  undo.push(() => redis.stop());
  return {
    backend: { kind: 'redis', url: redis.url },
    breakOff: () => redis.stop(),
    restore: () => redis.start(),
  };
}

const noRedis = inject('redisUrl') === null;

describe.each([
  { name: 'postgres', breakable: breakableDatabase, skip: false },
  { name: 'redis', breakable: breakableRedis, skip: noRedis },
])('an outage of $name', ({ breakable, skip }) => {
  test.skipIf(skip)(
    'makes wake give up within 2 s; after it wakes arrive again within 10 s',
    { timeout: 40_000 },
    async () => {
      const { backend, breakOff, restore } = await breakable();
      const { queue, wake, listen, ping, lines } = await open(backend);
      const seen = collector();
      await listen('default', 10, seen.onWake);
      await wake([wakeOf('dlv_before')]);
      await seen.arrived('dlv_before');

      await breakOff();
      for (const queueName of ['default', 'never-used-before']) {
        const lost = wakeOf('dlv_lost', { queue: queueName });
        expect(await durationOf(wake([lost]))).toBeLessThan(2000);
      }
      expect(queue.givenUp).toBe(2);
      await expect(ping()).rejects.toThrow();
      // Long enough for every loop inside to meet the outage, and to be seen if it ran wild.
      await until(() => lines.length >= 2);
      await listen('begun-in-the-outage', 10, seen.onWake);

      await restore();
      const restoredAt = performance.now();
      for (const queueName of ['default', 'never-used-before', 'begun-in-the-outage']) {
        if (queueName === 'never-used-before') await listen(queueName, 10, seen.onWake);
        const id = `dlv_after-${queueName}`;
        await until(async () => {
          await wake([wakeOf(id, { queue: queueName })]);
          return seen.ids().includes(id);
        });
      }
      expect(performance.now() - restoredAt).toBeLessThan(10_000);
      await ping();
      expect(lines.length).toBeLessThan(20);
    },
  );

  test.skipIf(skip)('does not hold close up for more than 5 s', async () => {
    const { backend, breakOff } = await breakable();
    const { queue, wake, listen } = await open(backend);
    const seen = collector();
    await listen('default', 10, seen.onWake);
    await wake(Array.from({ length: 1000 }, (_, n) => wakeOf(`dlv_${n}`)));
    await seen.arrived(1);
    await breakOff();
    expect(await durationOf(queue.close())).toBeLessThan(5000);
  });

  test.skipIf(skip)('a broken connection alone is mended', async () => {
    const { backend, breakOff, restore } = await breakable();
    const { wake, listen } = await open(backend);
    const seen = collector();
    await listen('default', 10, seen.onWake);
    await wake([wakeOf('dlv_before')]);
    await seen.arrived('dlv_before');
    await breakOff();
    await restore();
    await until(async () => {
      await wake([wakeOf('dlv_after')]);
      return seen.ids().includes('dlv_after');
    });
  });
});

describe.skipIf(noRedis)('Redis', () => {
  test('that stops answering makes wake give up in time, and goes on afterwards', async () => {
    const redis = await ownRedis();
    undo.push(() => redis.stop());
    const { wake, listen, ping } = await open({ kind: 'redis', url: redis.url });
    const seen = collector();
    await listen('default', 10, seen.onWake);
    await wake([wakeOf('dlv_before')]);
    await seen.arrived('dlv_before');

    redis.pause();
    expect(await durationOf(wake([wakeOf('dlv_hung')]))).toBeLessThan(2000);
    // Known to hang: the next callers are not made to wait for it.
    expect(await durationOf(wake([wakeOf('dlv_hung')]))).toBeLessThan(200);
    await expect(ping()).rejects.toThrow();

    redis.resume();
    await until(async () => {
      await wake([wakeOf('dlv_after')]);
      return seen.ids().includes('dlv_after');
    });
  });

  test('that is emptied still wakes for what comes later', async () => {
    const redis = await ownRedis();
    undo.push(() => redis.stop());
    const { wake, listen } = await open({ kind: 'redis', url: redis.url });
    const seen = collector();
    await listen('default', 10, seen.onWake);
    await wake([wakeOf('dlv_before'), wakeOf('dlv_gone', { delayMs: 500 })]);
    await seen.arrived('dlv_before');
    await onRedis(redis.url, (client) => client.flushall());
    await wake([wakeOf('dlv_now'), wakeOf('dlv_soon', { delayMs: 700 })]);
    await seen.arrived('dlv_soon');
    expect(seen.ids()).toEqual(['dlv_before', 'dlv_now', 'dlv_soon']);
  });

  test('that may evict timers is refused in one sentence', async () => {
    const redis = await ownRedis({ 'maxmemory-policy': 'allkeys-lru' });
    undo.push(() => redis.stop());
    await expect(open({ kind: 'redis', url: redis.url })).rejects.toThrow(
      /^Redis at REDIS_URL evicts keys .* \(maxmemory-policy allkeys-lru\).* noeviction\.$/,
    );
  });

  test('that is down does not stop the start, and is used once it is there', async () => {
    const redis = await ownRedis();
    undo.push(() => redis.stop());
    await redis.stop();
    const { wake, listen, ping } = await open({ kind: 'redis', url: redis.url });
    const seen = collector();
    await listen('default', 10, seen.onWake);
    await expect(ping()).rejects.toThrow();
    await redis.start();
    await until(async () => {
      await wake([wakeOf('dlv_after')]);
      return seen.ids().includes('dlv_after');
    });
  });

  test('never sees a password in the log, whatever it refuses', async () => {
    const redis = await ownRedis({ requirepass: 'open-sesame' });
    undo.push(() => redis.stop());
    const { host } = new URL(redis.url);
    const { lines } = await open({ kind: 'redis', url: `redis://:wrong-canary@${host}` });
    await until(() => lines.length > 0);
    expect(JSON.stringify(lines)).not.toContain('canary');
  });
});

test('options in the database url are kept beside the schema of the timers', async () => {
  const own = await testDatabase();
  undo.push(() => own.drop());
  const url = `${own.url}?options=${encodeURIComponent('-c statement_timeout=7000')}`;
  const { wake, listen } = await open({ kind: 'postgres', server: plainServer(url) });
  const seen = collector();
  await listen('default', 10, seen.onWake);
  await wake([wakeOf('dlv_options')]);
  await seen.arrived('dlv_options');
});

test('a database that is not there is an error at once', async () => {
  const url = databaseUrl(inject('postgres').adminUrl, 'not_there');
  await expect(open({ kind: 'postgres', server: plainServer(url) })).rejects.toThrow(
    /does not exist/,
  );
});
