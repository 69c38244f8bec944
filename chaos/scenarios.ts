import type { Scenario } from './house.ts';
import { backlog } from './scenarios/backlog.ts';
import { clocks } from './scenarios/clocks.ts';
import { kill } from './scenarios/kill.ts';
import { postgres } from './scenarios/postgres.ts';
import { redis } from './scenarios/redis.ts';
import { signals } from './scenarios/signals.ts';
import { versions } from './scenarios/versions.ts';

export const SCENARIOS: readonly Scenario[] = [
  kill,
  redis,
  postgres,
  clocks,
  signals,
  backlog,
  versions,
];
