import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type House, openHouse, runOf, type Scenario } from '../../chaos/house.ts';
import { SCENARIOS } from '../../chaos/scenarios.ts';
import { hasRedis } from '../support/redis.ts';

/**
 * The short form of `npm run chaos`, on one kind of timers each: which one, the seed says, so that
 * every other run has the other. `npm run chaos -- --short --seed N` runs both.
 */
const SEED = randomInt(1_000_000);

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house?.close());

describe(`chaos in small, seed ${SEED}`, () => {
  for (const scenario of SCENARIOS.filter(({ onlyLong }) => !onlyLong)) {
    const backend = backendFor(scenario);
    test.skipIf(backend === undefined)(
      `${scenario.title} [${backend}]: nothing is lost, nothing comes twice without a reason`,
      async () => {
        const said: string[] = [];
        const run = runOf(house, {
          scenario: scenario.title,
          backend: backend ?? 'postgres',
          seed: SEED,
          size: 'short',
          say: (line) => void said.push(line),
        });
        for (const part of scenario.parts(run)) {
          const { broken } = await part.play();
          expect(broken, `${part.name}, seed ${SEED}; it went:\n${said.join('\n')}`).toEqual([]);
        }
      },
      180_000,
    );
  }
});

function backendFor({ backends, number }: Scenario) {
  const here = backends.filter((kind) => kind !== 'redis' || hasRedis());
  return here[(SEED + number) % here.length];
}
