import type { Scenario } from './house.ts';
import { backends } from './scenarios/backends.ts';
import { backlog } from './scenarios/backlog.ts';
import { clocks } from './scenarios/clocks.ts';
import { disk } from './scenarios/disk.ts';
import { hostile } from './scenarios/hostile.ts';
import { idle } from './scenarios/idle.ts';
import { kill } from './scenarios/kill.ts';
import { log } from './scenarios/log.ts';
import { postgres } from './scenarios/postgres.ts';
import { redis } from './scenarios/redis.ts';
import { signals } from './scenarios/signals.ts';
import { silence } from './scenarios/silence.ts';
import { snapshot } from './scenarios/snapshot.ts';
import { starved } from './scenarios/starved.ts';
import { versions } from './scenarios/versions.ts';

export const SCENARIOS: readonly Scenario[] = [
  kill,
  redis,
  postgres,
  clocks,
  signals,
  backlog,
  versions,
  hostile,
  backends,
  silence,
  snapshot,
  disk,
  log,
  idle,
  starved,
];
