import type { Logger } from 'pino';
import { batched } from '../platform/batch.ts';
import { createLane, type Lane } from './lane.ts';
import type { QueueRules } from './rules/rules.ts';
import { run, type Steps } from './run.ts';
import type { Claim, Wanted } from './store/claim.ts';
import type { EngineStore } from './store/engine-store.ts';

/**
 * A queue's lane: its claims of one moment share a statement.
 *
 * @param current the queue's rules as they are now
 */
export function laneFor(
  policy: QueueRules,
  { store, log }: { store: EngineStore; log: Logger },
  shared: Omit<Steps, 'claim'>,
  current: () => QueueRules,
): Lane {
  const claim = batched<Wanted, Claim | null>(
    {
      maxItems: 500,
      maxRuns: 1,
      maxWaiting: 10_000,
      whenFull: () => new Error('too many claims wait'),
      clock: shared.clock,
    },
    async (all) => {
      const wanted = [...new Map(all.map((each) => [each.id, each])).values()];
      const claims = await store.claim(policy.queue, wanted, wanted.length, lane.suspectPlaces());
      for (const each of claims.values()) {
        if (each.verdict === 'claimed' && each.delivery.suspect) lane.suspectBegan();
      }
      // A wake and a look may bring the same delivery: a claim is for one of them only.
      return all.map(({ id }) => take(claims, id));
    },
  );
  const steps: Steps = { ...shared, claim };
  const lane = createLane(policy.concurrency, {
    run: (wanted) => run(wanted, steps),
    findDue: (scope, limit, suspects) =>
      store.findDue({
        queue: policy.queue,
        scope,
        limit,
        suspects,
        maxInFlight: current().maxInFlightPerEndpoint,
        ratePerSecond: current().ratePerSecondPerEndpoint,
      }),
    fault: (step) => (error) => log.error({ err: error, queue: policy.queue }, step),
    clock: shared.clock,
  });
  return lane;
}

function take<K, V>(map: Map<K, V>, key: K): V | null {
  const value = map.get(key) ?? null;
  map.delete(key);
  return value;
}
