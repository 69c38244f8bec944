import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type House, openHouse, runOf } from '../../chaos/house.ts';
import { SCENARIOS } from '../../chaos/scenarios.ts';
import { hasRedis } from '../support/redis.ts';

/** The short form of `npm run chaos`: every scenario once, in small. */
const SEED = randomInt(1_000_000);

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house?.close());

describe(`chaos with seed ${SEED}`, () => {
  for (const scenario of SCENARIOS) {
    for (const backend of scenario.backends) {
      test.skipIf(backend === 'redis' && !hasRedis())(
        `${scenario.title} [${backend}]: nothing is lost, nothing comes twice without a kill`,
        async () => {
          const run = runOf(house, {
            scenario: scenario.title,
            backend,
            seed: SEED,
            size: 'short',
            say: () => {},
          });
          const rows = await scenario.run(run);
          expect(rows.filter(({ broken }) => broken.length > 0)).toEqual([]);
        },
        240_000,
      );
    }
  }
});
