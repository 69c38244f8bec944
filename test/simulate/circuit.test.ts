import { expect, test } from 'vitest';
import type { Random } from '../../simulate/random.ts';
import { HOUR, MINUTE, type Settings } from '../../simulate/settings.ts';
import { runWorld } from '../../simulate/world.ts';

const NEVER = Number.MAX_SAFE_INTEGER;

/** Receivers that change their mind, circuits that open, and nothing else that goes wrong. */
function onlyReceiversFail(drawn: Settings, random: Random): Settings {
  return {
    ...drawn,
    acceptedADay: random.pick([40, 300, 600]),
    // Places enough that each could be tried once in the seven eighths of its life that no circuit holds.
    queues: drawn.queues.map((rules) => ({
      ...rules,
      deadlineSeconds: random.pick([600, 3_600, 86_400]),
      maxInFlightPerEndpoint: 5,
      ratePerSecondPerEndpoint: null,
      concurrency: 50,
    })),
    receivers: drawn.receivers.map(({ id }) => ({ id, maxInFlight: null, ratePerSecond: null })),
    tempers: ['up', 'hanging', 'hanging', 'down', 'flapping', 'slow', 'failing', 'throttling'],
    crash: 0,
    storeError: 0,
    every: {
      stall: NEVER,
      outage: NEVER,
      flush: NEVER,
      deploy: NEVER,
      command: NEVER,
      policy: NEVER,
      temper: random.pick([10 * MINUTE, HOUR, 24 * HOUR]),
    },
  };
}

test('behind circuits that open and close every delivery is tried before its deadline', async () => {
  let sends = 0;
  let accepted = 0;
  for (let seed = 1; seed <= 6; seed += 1) {
    const { violation, counts, last } = await runWorld(seed, 3, onlyReceiversFail);
    expect(violation, `seed ${seed}\n${last.join('\n')}`).toBeNull();
    expect(counts.untried, `seed ${seed}`).toBe(0);
    sends += counts.sends;
    accepted += counts.accepted;
  }
  // It was not a quiet time.
  expect(sends).toBeGreaterThan(1.2 * accepted);
});
