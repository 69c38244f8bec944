import { OPEN_STATUSES, UNSETTLED } from '../src/engine/delivery.ts';
import type { Crew } from './crew.ts';
import { create, pause, resend, resume, settle } from './model/commands.ts';
import type { DeliveryRow } from './model/rows.ts';
import type { Random } from './random.ts';
import { DAY } from './settings.ts';
import type { Surroundings } from './surroundings.ts';

/** What producers, receivers and operators ask for. */
export interface Traffic {
  /** One of the things that people do. */
  command(): void;
  resumeAll(): void;
}

const LIKELY_TO_BE_WOKEN = 0.95;

export function createTraffic(
  world: Surroundings,
  crew: Crew,
  deleted: Set<string>,
  random: Random,
): Traffic {
  const { tables, trace, machine } = world;
  const { timeline } = machine;
  let made = 0;
  accept();

  const wake = (row: DeliveryRow) => {
    // The API may die between the commit and the wake.
    if (!random.chance(LIKELY_TO_BE_WOKEN)) return;
    const dueAt = row.dueAt ?? timeline.nowMs;
    const delayMs = Math.max(0, dueAt - timeline.nowMs);
    crew.wake([{ queue: row.queue, deliveryId: row.id, delayMs, key: `${row.id}-${dueAt}` }]);
  };

  function accept(): void {
    const { acceptedADay } = world.settings();
    timeline.at(Math.ceil(random.exponential(DAY / acceptedADay)), () => {
      // Most come alone, some in a crowd.
      const many = random.chance(0.1) ? random.whole(5, 15) : 1;
      if (world.databaseIsUp()) for (let n = 0; n < many; n += 1) acceptOne();
      accept();
    });
  }

  function acceptOne(): void {
    made += 1;
    tables.nowMs = timeline.nowMs;
    const { queue } = random.pick(world.settings().queues);
    const policyVersion = tables.queues.get(queue) ?? 0;
    const policy = tables.policies.get(`${queue}@${policyVersion}`);
    const listening = world.settings().receivers.filter(({ id }) => !deleted.has(id));
    if (policy === undefined) throw new Error(`there is no ${queue}`);
    const id = `dlv_${String(made).padStart(6, '0')}`;
    create(tables, [
      {
        id,
        ownerId: `ntf_${made}`,
        queue,
        policyVersion,
        receiverId: listening.length > 0 ? random.pick(listening).id : null,
        delayMs: (policy.ladderSeconds[0] ?? 0) * 1000,
        deadlineMs: policy.deadlineSeconds * 1000,
      },
    ]);
    const row = tables.deliveries.get(id);
    if (row?.status === 'pending') wake(row);
  }

  function resendSome(): void {
    const all = [...tables.deliveries.keys()];
    const ids = Array.from({ length: random.whole(1, 5) }, () => random.pick(all));
    const delivered = random.pick(['refuse', 'repeat'] as const);
    const priority = random.pick([0, 2] as const);
    const askedAgoMs = random.pick([0, 0, 50]);
    for (const { id, verdict } of resend(tables, [...new Set(ids)], {
      delivered,
      priority,
      askedAgoMs,
    })) {
      trace.note(timeline.nowMs, 're-send', id, verdict);
      const row = tables.deliveries.get(id);
      if (verdict === 'due' && row !== undefined) wake(row);
    }
  }

  function settleSome(): void {
    const all = [...tables.deliveries.values()].slice(-30);
    const chosen = new Set(all.filter(() => random.chance(0.1)));
    const end = random.pick([
      { status: 'acknowledged', reason: 'confirmed_by_pull' },
      { status: 'cancelled', reason: 'superseded' },
      { status: 'cancelled', reason: 'cancelled_by_request' },
    ] as const);
    const from = end.status === 'acknowledged' ? OPEN_STATUSES : UNSETTLED;
    settle(tables, (row) => chosen.has(row), from, end);
  }

  function remove(receiverId: string): void {
    deleted.add(receiverId);
    const end = { status: 'cancelled', reason: 'endpoint_deleted' } as const;
    settle(tables, (row) => row.receiverId === receiverId, UNSETTLED, end);
  }

  function resumeOne(receiverId: string): void {
    resume(tables, receiverId);
    const waiting = [...tables.live.values()].filter(
      (row) =>
        row.receiverId === receiverId &&
        row.status === 'pending' &&
        (row.dueAt ?? Infinity) <= timeline.nowMs,
    );
    for (const row of waiting.slice(0, 20)) wake(row);
  }

  return {
    command() {
      if (!world.databaseIsUp() || tables.deliveries.size === 0) return;
      tables.nowMs = timeline.nowMs;
      const { id } = random.pick(world.settings().receivers);
      const what = random.pick([
        'resend',
        'resend',
        'settle',
        'pause',
        'resume',
        'resume',
        'remove',
      ]);
      trace.note(timeline.nowMs, what, id);
      if (what === 'resend') resendSome();
      if (what === 'settle') settleSome();
      if (what === 'pause') pause(tables, id);
      if (what === 'resume') resumeOne(id);
      if (what === 'remove' && random.chance(0.1)) remove(id);
    },
    resumeAll() {
      tables.nowMs = timeline.nowMs;
      for (const { id } of world.settings().receivers) {
        const receiver = tables.receivers.get(id);
        if (receiver !== undefined && (receiver.pausedAt ?? receiver.disabledReason) !== null) {
          resumeOne(id);
        }
      }
    },
  };
}
