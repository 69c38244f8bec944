import type { Random } from '../../simulate/random.ts';
import { answerOf, drawTemper, TEMPERS, type Temper } from '../../simulate/receivers.ts';
import { drawPolicy } from '../../simulate/settings.ts';
import { OPEN_STATUSES, UNSETTLED } from '../../src/engine/delivery.ts';
import { healthOf } from '../../src/engine/rules/circuit.ts';
import { decide } from '../../src/engine/rules/decide.ts';
import { judge, readPlainly } from '../../src/engine/rules/outcome.ts';
import type { QueueRules } from '../../src/engine/rules/rules.ts';
import { endLostAttempt } from '../../src/engine/run.ts';
import type { Claimed } from '../../src/engine/store/claim.ts';
import type { Ending } from '../../src/engine/store/record.ts';
import type { Ledger } from './ledger.ts';

/** One command, drawn once and done on each side; its answers must be the same. */
export type Step = (ledger: Ledger, held: Map<string, Claimed>) => Promise<unknown>;

/** What both sides have in common, as far as the trace has come. */
export interface Scene {
  nowMs: number;
  ids: string[];
  receiverIds: string[];
  queues: string[];
  policies: Map<string, QueueRules>;
  versions: Map<string, number>;
  made: number;
  /** Where each delivery is. */
  placeOf: Map<string, { queue: string; receiverId: string | null }>;
  /** Deliveries under a lease, as claimed. */
  held: Map<string, Claimed>;
}

export function drawStep(scene: Scene, random: Random): { name: string; step: Step } {
  const name = random.pick(
    'create create claim claim claim record record record resend settle pause resume policy findDue sweep forward late'.split(
      ' ',
    ),
  );
  return { name, step: DRAWERS[name as keyof typeof DRAWERS](scene, random) };
}

const some = (from: string[], most: number, random: Random) => [
  ...new Set(
    Array.from({ length: from.length === 0 ? 0 : random.whole(1, most) }, () => random.pick(from)),
  ),
];

/** Who never answers well: circuits open after some of that in a row, and nobody resumes the first. */
const CONSTANT: Record<string, Temper> = { ep_0: 'hanging', ep_1: 'down' };

const DRAWERS = {
  create(scene: Scene, random: Random): Step {
    const rows = Array.from({ length: random.whole(1, 6) }, () => {
      const queue = random.pick(scene.queues);
      const policyVersion = scene.versions.get(queue) ?? 1;
      const policy = scene.policies.get(`${queue}@${policyVersion}`) as QueueRules;
      scene.made += 1;
      const id = `dlv_${String(scene.made).padStart(5, '0')}`;
      scene.ids.push(id);
      const receiverId = random.chance(0.05) ? null : random.pick(scene.receiverIds);
      scene.placeOf.set(id, { queue, receiverId });
      const delayMs = (policy.ladderSeconds[0] ?? 0) * 1000;
      const deadlineMs = policy.deadlineSeconds * 1000;
      return {
        id,
        ownerId: `ntf_${scene.made}`,
        queue,
        policyVersion,
        receiverId,
        delayMs,
        deadlineMs,
      };
    });
    return (ledger) => ledger.create(rows);
  },
  claim(scene: Scene, random: Random): Step {
    const drawn = some(scene.ids.slice(-40), 12, random);
    // A lane claims for its own queue.
    const queue = scene.placeOf.get(drawn[0] ?? '')?.queue ?? 'default';
    const ids = drawn.filter((id) => scene.placeOf.get(id)?.queue === queue);
    const isKnown = random.chance(0.8);
    const [places, suspects] = [random.whole(0, 10), random.whole(0, 10)];
    return async ({ store }, held) => {
      // What a process remembers of receivers must change nothing.
      const wanted = ids.map((id) => ({
        id,
        receiverId: isKnown ? (scene.placeOf.get(id)?.receiverId ?? null) : null,
      }));
      const claims = await store.claim(queue, wanted, places, suspects);
      return [...claims]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([id, claim]) => {
          if (claim.verdict !== 'claimed') return [id, claim];
          held.set(id, claim.delivery);
          const { leaseToken, leasedAtTick, ...rest } = claim.delivery;
          return [id, rest];
        });
    };
  },
  record(scene: Scene, random: Random): Step {
    const chosen = [...scene.held.values()].filter(() => random.chance(0.5));
    const items = chosen.map((claimed) => {
      const policy = scene.policies.get(`${claimed.queue}@${claimed.policyVersion}`) as QueueRules;
      const answer = answerOf(
        CONSTANT[claimed.receiverId] ?? drawTemper(random, TEMPERS),
        scene.nowMs,
        policy.timeoutMs,
        random,
      );
      const outcome = judge(answer, policy.success);
      const dice = random.next();
      const decision = decide(claimed, policy, readPlainly(answer, outcome), scene.nowMs, dice);
      const next: Ending['next'] = random.chance(0.1)
        ? { to: 'released', delayMs: random.pick([0, 5000]) }
        : decision.kind === 'retry'
          ? { to: 'pending', rung: decision.rung, delayMs: decision.delayMs }
          : decision.status === 'delivered'
            ? { to: 'delivered' }
            : { to: 'failed', reason: decision.reason };
      const attempt =
        next.to === 'released'
          ? null
          : {
              id: `att_${claimed.id}`,
              trigger: claimed.trigger,
              startedAtMs: claimed.leasedAtMs,
              durationMs: answer.durationMs,
              outcome,
              statusCode: null,
              responseExcerpt: null,
              remoteAddress: null,
              error: null,
            };
      const most = policy.maxInFlightPerEndpoint;
      const nextInMs = 'delayMs' in next ? next.delayMs : null;
      const health =
        attempt === null
          ? null
          : healthOf(claimed, answer, outcome, { maxInFlight: most, nextInMs });
      const wrongToken = random.chance(0.1);
      const { id: deliveryId, queue, receiverId } = claimed;
      return { deliveryId, queue, receiverId, attempt, next, health, wrongToken };
    });
    return async ({ store }, held) => {
      const recorded = await store.record(
        items.map(({ deliveryId, queue, receiverId, attempt, next, health, wrongToken }) => {
          const token = held.get(deliveryId)?.leaseToken as string;
          const leaseToken = wrongToken ? '00000000-0000-4000-8000-000000000000' : token;
          if (!wrongToken) held.delete(deliveryId);
          return {
            ownerKind: 'notification',
            ending: { deliveryId, queue, receiverId, leaseToken, attempt, next },
            health,
          };
        }),
      );
      // Where nothing has settled, SQL knows no answer rather than a no; and it waits in fractions.
      return recorded.map((each) => {
        if (each instanceof Error) throw each;
        return (
          each && {
            ...each,
            settled: each.settled === true,
            waitMs: each.waitMs && Math.round(each.waitMs),
          }
        );
      });
    };
  },
  resend(scene: Scene, random: Random): Step {
    const ids = some(scene.ids.slice(-30), 6, random);
    const delivered = random.pick(['refuse', 'repeat'] as const);
    const priority = random.pick([0, 2] as const);
    const askedAgoMs = random.pick([0, 0, 1_000, 60_000]);
    return async (ledger) => {
      const answers = (await ledger.resend(ids, { delivered, priority, askedAgoMs })) as {
        id: string;
      }[];
      return answers.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    };
  },
  settle(scene: Scene, random: Random): Step {
    const ids = some(scene.ids.slice(-30), 4, random);
    const isAck = random.chance(0.5);
    const from = isAck ? OPEN_STATUSES : UNSETTLED;
    return (ledger) =>
      isAck
        ? ledger.settle(ids, from, { status: 'acknowledged', reason: 'confirmed_by_pull' })
        : ledger.settle(ids, from, { status: 'cancelled', reason: 'superseded' });
  },
  pause(scene: Scene, random: Random): Step {
    const id = random.pick(scene.receiverIds.slice(1));
    return (ledger) => ledger.pause(id);
  },
  resume(scene: Scene, random: Random): Step {
    const ids = some(scene.receiverIds.slice(1), 3, random);
    return async (ledger) => {
      for (const id of ids) await ledger.resume(id);
    };
  },
  policy(scene: Scene, random: Random): Step {
    const rules = drawPolicy(random, random.pick(scene.queues));
    const version = (scene.versions.get(rules.queue) ?? 0) + 1;
    scene.versions.set(rules.queue, version);
    scene.policies.set(`${rules.queue}@${version}`, { ...rules, version });
    return async (ledger) => {
      await ledger.putPolicy(rules);
      const all = await ledger.store.currentPolicies();
      return all
        .filter(({ queue }) => scene.queues.includes(queue))
        .toSorted((a, b) => (a.queue < b.queue ? -1 : 1));
    };
  },
  findDue(scene: Scene, random: Random): Step {
    const search = {
      queue: random.pick(scene.queues),
      scope: random.chance(0.5)
        ? { after: random.pick(['', ...scene.receiverIds]), receivers: random.pick([2, 1000]) }
        : { receiverIds: some(scene.receiverIds, 4, random).sort() },
      limit: random.pick([3, 200]),
      maxInFlight: random.whole(1, 20),
      ratePerSecond: random.pick([null, 5]),
      suspects: random.pick(['with', 'without'] as const),
    };
    return async ({ store }) => {
      const found = await store.findDue(search);
      // Of two that came at the same moment either may be first, and be the last that fits.
      const ids = found.wanted.map(({ id }) => id);
      const isCut = ids.length === search.limit;
      return { next: found.next, ids: isCut ? ids.length : ids.toSorted() };
    };
  },
  sweep(scene: Scene): Step {
    return async ({ store }, held) => {
      const expired = await store.expire(500);
      const overdue = await store.findOverdueLeases(500);
      const nowMs = await store.nowMs();
      const items = overdue.map((claimed) => {
        const policy = scene.policies.get(
          `${claimed.queue}@${claimed.policyVersion}`,
        ) as QueueRules;
        const reading = { kind: 'unknown', retryAfterMs: null } as const;
        const ending = endLostAttempt(claimed, policy, reading, nowMs);
        held.delete(claimed.id);
        return { ownerKind: 'notification', ending, health: null };
      });
      await store.record(items);
      return { expired, overdue: overdue.map(({ id }) => id).toSorted() };
    };
  },
  forward(scene: Scene, random: Random): Step {
    const ids = some(scene.ids.slice(-20), 4, random);
    return (ledger) => ledger.bringForward(ids);
  },
  /** Time passes; how much, the scene says. */
  late(scene: Scene, random: Random): Step {
    scene.nowMs += random.pick([60_000, 3_600_000]);
    return async () => null;
  },
};
