import type { QueueRules } from '../src/engine/rules/rules.ts';
import type { ReceiverRow } from './model/rows.ts';
import type { Random } from './random.ts';
import { TEMPERS, type Temper } from './receivers.ts';

/** How bad a world is. All of it is drawn from its seed, so that calm and wild ones take turns. */
export interface Settings {
  workers: number;
  /** Deliveries accepted in a day. */
  acceptedADay: number;
  queues: Omit<QueueRules, 'version'>[];
  receivers: Pick<ReceiverRow, 'id' | 'maxInFlight' | 'ratePerSecond'>[];
  /** How receivers may behave. */
  tempers: readonly Temper[];
  /** The chance that a process dies at a step of its work. */
  crash: number;
  /** The chance that an answer of the database is an error, before or after the commit. */
  storeError: number;
  /** Of each wake: that it is lost, comes twice, comes late. */
  wakeLost: number;
  wakeTwice: number;
  wakeLate: number;
  /** The timers' clock is off by at most so much, ms. */
  skewMs: number;
  /** Mean times between such events, ms. */
  every: {
    stall: number;
    outage: number;
    flush: number;
    deploy: number;
    temper: number;
    command: number;
    policy: number;
  };
}

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const DAY_LADDER = [
  0, 15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21300,
];

export function drawSettings(random: Random): Settings {
  const wild = random.pick([0, 0.3, 1, 3]);
  const receivers = random.whole(3, 7);
  return {
    workers: random.whole(1, 3),
    acceptedADay: random.whole(10, 40),
    queues: ['default', 'short', 'strict'].map((queue) => drawPolicy(random, queue)),
    receivers: Array.from({ length: receivers }, (_, n) => ({
      id: `ep_${n}`,
      maxInFlight: random.pick([null, null, 1, 2, 5]),
      ratePerSecond: random.pick([null, null, null, 0.5, 5]),
    })),
    tempers: TEMPERS,
    crash: 0.002 * wild,
    storeError: 0.002 * wild,
    wakeLost: 0.05 * wild,
    wakeTwice: 0.05 * wild,
    wakeLate: 0.05 * wild,
    skewMs: random.pick([0, 500, MINUTE, HOUR]),
    every: {
      stall: (6 * HOUR) / (wild + 0.1),
      outage: (12 * HOUR) / (wild + 0.1),
      flush: (8 * HOUR) / (wild + 0.1),
      deploy: 10 * HOUR,
      temper: 5 * HOUR,
      command: HOUR,
      policy: 12 * HOUR,
    },
  };
}

export function drawPolicy(random: Random, queue: string): Omit<QueueRules, 'version'> {
  const day = queue === 'default';
  return {
    queue,
    preset: null,
    ladderSeconds: day
      ? DAY_LADDER
      : random.pick([
          [0],
          [0, 1, 1],
          [5, 60, 60, 600],
          [0, 0, 3600, 7200],
          [0, 10, 100, 1000, 10000],
        ]),
    deadlineSeconds: day ? 86_400 : random.pick([60, 600, 3_600, 21_600, 86_400]),
    jitter: random.pick([0, 0.1, 1]),
    timeoutMs: random.pick([500, 3_000, 15_000]),
    success: queue === 'strict' ? { body: { equals: 'success' } } : { body: 'any' },
    supersede: false,
    maxInFlightPerEndpoint: random.pick([1, 3, 20]),
    ratePerSecondPerEndpoint: random.pick([null, null, 2]),
    concurrency: random.pick([2, 5, 50]),
  };
}
