import { afterAll, beforeAll, describe, inject } from 'vitest';
import type { WakeBackend } from '../../src/engine/timers/wake-queue.ts';
import { plainServer } from '../../src/platform/db/server.ts';
import { type TestDatabase, testDatabase } from './database.ts';
import { onRedis, type RedisServer, startRedis } from './redis.ts';

export { onRedis };

/** Timers, and where they are. */
export type TestBackend = WakeBackend & { url: string };

/**
 * Runs a suite once on PostgreSQL and once on Redis (left out where there is no redis-server). Each
 * gets a database of its own on the run's shared servers: whoever wants to break or flush a whole
 * Redis takes `ownRedis()`.
 */
export function describeBackends(name: string, suite: (backend: () => TestBackend) => void): void {
  describe(`${name} [postgres]`, () => {
    let own: TestDatabase;
    beforeAll(async () => {
      own = await testDatabase();
    });
    afterAll(() => own?.drop());
    suite(() => ({ kind: 'postgres', url: own.url, server: plainServer(own.url) }));
  });

  const shared = inject('redisUrl');
  describe.skipIf(shared === null)(`${name} [redis]`, () => {
    let url: string;
    beforeAll(async () => {
      url = await onRedis(`${shared}/0`, async (redis) => {
        return `${shared}/${await redis.incr('postrider-test:databases')}`;
      });
    });
    afterAll(() => onRedis(url, (redis) => redis.flushdb()));
    suite(() => ({ kind: 'redis', url }));
  });
}

/** A redis-server for one test to pause, kill and flush. Only where `inject('redisUrl')` is not null. */
export function ownRedis(options: Record<string, string> = {}): Promise<RedisServer> {
  return startRedis(options);
}
