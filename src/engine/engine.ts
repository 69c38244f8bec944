import { setMaxListeners } from 'node:events';
import type { Logger } from 'pino';
import { type Clock, systemClock } from '../platform/time/clock.ts';
import { composeThrough } from './compose.ts';
import type { Sender } from './http/send.ts';
import type { Lane } from './lane.ts';
import { laneFor } from './lane-for.ts';
import { createLeases, type Leases } from './leases.ts';
import { createPacer } from './pacer.ts';
import type { Protocols } from './protocol.ts';
import { createRecorder } from './record.ts';
import { readPlainly } from './rules/outcome.ts';
import type { QueueRules } from './rules/rules.ts';
import type { AttemptReport, Steps } from './run.ts';
import { createSparing, type Sparing } from './sparing.ts';
import type { EngineStore } from './store/engine-store.ts';
import { expireDeliveries, recoverLostAttempts } from './sweep.ts';
import type { WakeQueue, Waker } from './timers/wake-queue.ts';

/** Told of what happens; must be quick, and never throws. */
export interface Observer {
  attempt(report: AttemptReport): void;
  swept(found: 'lost_attempt' | 'deadline_passed', count: number): void;
}

export interface EngineOptions {
  store: EngineStore;
  wakes: WakeQueue;
  sender: Sender;
  protocols: Protocols;
  log: Logger;
  observe?: Observer;
  /** 0 ≤ random < 1; for the jitter. */
  random?: () => number;
  sweepEveryMs?: number;
  /** This process' own when absent. */
  clock?: Clock;
}

/**
 * The worker: one lane a queue, for as long as there is that queue; the wakes that feed them; and the
 * sweep that needs no wakes.
 */
export interface Worker {
  /** Takes up new queues and changed limits at once, and leaves queues that are gone; also by itself. */
  refresh(): Promise<void>;
  /** What is due now goes to a lane of this process that has a place; the rest to the timers. */
  wake: Waker;
  /** Looks for everything that is due, overdue or expired. */
  sweep(): Promise<void>;
  /** The queues that it has a lane for. */
  queues(): string[];
  /** How long ago a sweep last found out whether attempts were lost, ms. */
  sinceSweepMs(): number;
  /** Ends what is under way, or gives it back uncharged after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

const SECOND = 1000;
const SWEEP_EVERY_MS = 5 * SECOND;
const REFRESH_EVERY_MS = SECOND;
/** Jobs a lane takes off its BullMQ queue at once; they only carry ids, so this need not be large. */
const WAKES_AT_ONCE = 50;

/** The leases of this process; whoever opens them closes them last. */
export function openLeases({ store, log, clock = systemClock }: EngineOptions): Leases {
  return createLeases(
    store.renew,
    (error) => log.error({ err: error }, 'renewing leases failed'),
    clock,
  );
}

/** The steps that all deliveries of this process share. Also what a process without lanes sends with. */
export function createSteps(
  options: EngineOptions,
  leases: Leases,
  shutdown: AbortSignal,
): Omit<Steps, 'claim'> {
  const { store, wakes, sender, protocols, log, clock = systemClock } = options;
  // Every attempt that waits for its turn listens: Node would take more than ten for a leak.
  setMaxListeners(0, shutdown);
  return {
    policyOf: store.policyOf,
    compose: composeThrough(protocols, clock),
    pace: createPacer(clock),
    sender,
    read: (delivery, answer, outcome) =>
      protocols.get(delivery.ownerKind)?.read?.(delivery, answer, outcome) ??
      readPlainly(answer, outcome),
    readLost: (delivery) =>
      protocols.get(delivery.ownerKind)?.readLost?.(delivery) ?? {
        kind: 'unknown',
        retryAfterMs: null,
      },
    leases,
    record: createRecorder(
      store.record,
      (error) => log.error({ err: error }, 'recording results failed'),
      clock,
      shutdown,
    ),
    wake: (due) => wakes.wake(due),
    report: (report) => {
      logAttempt(log, report);
      options.observe?.attempt(report);
    },
    fault: (error, delivery) =>
      log.error({ err: error, deliveryId: delivery.id }, 'attempt not made, given back'),
    random: options.random ?? Math.random,
    clock,
    shutdown,
  };
}

/** A queue's lane, the rules it goes by, and the end of listening for its wakes. */
interface Entry {
  lane: Lane;
  policy: QueueRules;
  sparing: Sparing;
  stop(): Promise<void>;
}

export async function startWorker(options: EngineOptions): Promise<Worker> {
  const { store, wakes, log, clock = systemClock } = options;
  const abort = new AbortController();
  const leases = openLeases(options);
  const steps = createSteps(options, leases, abort.signal);
  const lanes = new Map<string, Entry>();
  /** Lanes whose queue is gone, until what they had begun has ended. */
  const leaving = new Set<Promise<void>>();
  const failed = (what: string) => (error: unknown) => log.error({ err: error }, what);
  let closing = false;
  let sweptAt = clock.now();
  let wasAway = false;
  const sparing = createSparing(clock);

  async function openLane(policy: QueueRules): Promise<void> {
    const lane = laneFor(
      policy,
      { store, log },
      steps,
      () => lanes.get(policy.queue)?.policy ?? policy,
    );
    const entry: Entry = { lane, policy, sparing: createSparing(clock), stop: async () => {} };
    lanes.set(policy.queue, entry);
    const listener = await wakes.listen(policy.queue, WAKES_AT_ONCE, lane.offer);
    entry.stop = () => listener.close();
    if (closing) await listener.close();
  }

  function closeLane(queue: string, { lane, stop }: Entry): void {
    lanes.delete(queue);
    const left = Promise.all([lane.drain(), stop()])
      .then(() => {}, failed('closing a lane failed'))
      .finally(() => leaving.delete(left));
    leaving.add(left);
  }

  const refresh = singly(async () => {
    if (closing) return;
    const policies = await store.currentPolicies();
    if (closing) return;
    const wanted = new Set(policies.map(({ queue }) => queue));
    for (const [queue, entry] of lanes) if (!wanted.has(queue)) closeLane(queue, entry);
    for (const policy of policies) {
      const entry = lanes.get(policy.queue);
      if (entry === undefined) {
        await openLane(policy);
      } else if (entry.policy.version !== policy.version) {
        entry.policy = policy;
        entry.lane.resize(policy.concurrency);
      }
    }
  });

  /** After an outage those who know how their attempts ended get one sweep's time to record it. */
  async function recoverLost(): Promise<number> {
    const isBack = wasAway;
    wasAway = true;
    const found = isBack
      ? await store.nowMs().then(() => 0)
      : await recoverLostAttempts(store, steps);
    wasAway = false;
    sweptAt = clock.now();
    return found;
  }

  const sweep = singly(async () => {
    await Promise.all([
      sparing(recoverLost).then(
        (n) => n !== undefined && options.observe?.swept('lost_attempt', n),
        failed('looking for lost attempts failed'),
      ),
      expireDeliveries(store).then(
        (n) => options.observe?.swept('deadline_passed', n),
        failed('ending what is past its deadline failed'),
      ),
      ...[...lanes.values()].map(({ lane, sparing }) => sparing(lane.look)),
    ]);
  });

  await refresh();
  const refreshTimer = clock.every(
    REFRESH_EVERY_MS,
    () => void refresh().catch(failed('looking for queues failed')),
  );
  const sweepTimer = clock.every(options.sweepEveryMs ?? SWEEP_EVERY_MS, () => void sweep());
  void sweep();

  return {
    refresh,
    sweep,
    queues: () => [...lanes.keys()],
    sinceSweepMs: () => clock.now() - sweptAt,
    async wake(due) {
      const now = due.filter(({ delayMs }) => delayMs <= 0);
      const later = due.filter(({ delayMs }) => delayMs > 0);
      // A lane remembers what it had no place for; one that is not open yet does not.
      const laneless = now.filter(({ queue }) => !lanes.has(queue));
      const turnedAway = now.filter(
        ({ queue, deliveryId, receiverId }) =>
          lanes.get(queue)?.lane.offer(deliveryId, receiverId ?? null) === false,
      );
      const others = [...later, ...laneless];
      await Promise.all([
        others.length > 0 && wakes.wake(others),
        turnedAway.length > 0 && wakes.share(turnedAway),
      ]);
    },
    async close(graceMs) {
      closing = true;
      refreshTimer.cancel();
      sweepTimer.cancel();
      const entries = [...lanes.values()];
      const drained = Promise.all([...entries.map(({ lane }) => lane.drain()), ...leaving]);
      const stopped = Promise.all(entries.map((entry) => entry.stop()));
      const grace = clock.after(graceMs, () => abort.abort(new Error('shutdown')));
      await drained;
      grace.cancel();
      leases.close();
      await stopped;
    },
  };
}

/** One wide line an attempt. No payload, no secret, no query string: neither url nor excerpt is in it. */
function logAttempt(log: Logger, { delivery, entry, recorded }: AttemptReport): void {
  const line = {
    deliveryId: delivery.id,
    ownerId: delivery.ownerId,
    queue: delivery.queue,
    receiverId: delivery.receiverId,
    cycle: delivery.cycle,
    attempt: delivery.attemptCount + 1,
    trigger: delivery.trigger,
    outcome: entry.outcome,
    statusCode: entry.statusCode,
    durationMs: entry.durationMs,
    status: recorded?.status ?? 'lease_lost',
    reason: recorded?.reason ?? null,
    nextAttemptAt: recorded?.dueAtMs ? new Date(recorded.dueAtMs).toISOString() : null,
  };
  if (recorded === null) log.warn(line, 'attempt came too late');
  else log.info(line, 'attempt');
}

/** One call at a time; all that come meanwhile share the next one, which sees what they have done. */
function singly(work: () => Promise<void>): () => Promise<void> {
  let current: Promise<void> = Promise.resolve();
  let next: Promise<void> | null = null;
  return () => {
    next ??= current
      .catch(() => {})
      .then(() => {
        next = null;
        current = work();
        return current;
      });
    return next;
  };
}
