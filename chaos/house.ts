import { hasRedis, type RedisServer, startRedis } from '../test/support/redis.ts';
import type { Figures } from './figures.ts';
import { type Postgres, startPostgres } from './postgres.ts';
import { type Random, randomOf } from './random.ts';

export type BackendKind = 'postgres' | 'redis';

/** The servers all scenarios use one after the other. */
export interface House {
  postgres: Postgres;
  /** null: this machine has no redis-server. */
  redis: RedisServer | null;
  close(): Promise<void>;
}

/** What one run of one scenario gets. */
export interface Run {
  house: House;
  backend: BackendKind;
  /** The same draws for the same seed, scenario and backend. */
  random: Random;
  seed: number;
  size: 'short' | 'long';
  /** Progress, a line at a time. */
  say(line: string): void;
}

export async function openHouse(): Promise<House> {
  const postgres = await startPostgres();
  const redis = hasRedis() ? await startRedis() : null;
  return {
    postgres,
    redis,
    async close() {
      await redis?.stop();
      await postgres.stop();
    },
  };
}

export function runOf(
  house: House,
  options: Omit<Run, 'house' | 'random'> & { scenario: string },
): Run {
  const { scenario, ...rest } = options;
  return { ...rest, house, random: randomOf(options.seed, `${scenario} ${options.backend}`) };
}

/** Plays on a PostgreSQL that nobody else has, and that is gone afterwards. */
export async function onOwnPostgres<T>(
  run: Run,
  play: (run: Run) => Promise<T>,
  dataDir?: string,
): Promise<T> {
  const postgres = await startPostgres(dataDir);
  try {
    return await play({ ...run, house: { ...run.house, postgres } });
  } finally {
    await postgres.stop();
  }
}

/** One of the things that are done to the gateway. */
export interface Scenario {
  number: number;
  title: string;
  backends: readonly BackendKind[];
  /** It has no short form. */
  onlyLong?: true;
  parts(run: Run): Part[];
}

/** One line of the table. */
export interface Part {
  name: string;
  play(): Promise<Figures>;
}
