import * as commands from '../../simulate/model/commands.ts';
import { newReceiver, type Tables } from '../../simulate/model/rows.ts';
import { type ModelStore, modelStore } from '../../simulate/model/store.ts';
import type { drawPolicy } from '../../simulate/settings.ts';
import type { DeliveryStatus } from '../../src/engine/delivery.ts';
import { bringForward } from '../../src/engine/store/bring-forward.ts';
import { createDeliveries } from '../../src/engine/store/create.ts';
import { type EngineStore, sqlStore } from '../../src/engine/store/engine-store.ts';
import { resendDeliveries } from '../../src/engine/store/resend.ts';
import { type EndWithoutAttempt, settleDeliveries } from '../../src/engine/store/settle.ts';
import { pauseEndpoint, resumeEndpoint } from '../../src/features/accounts/endpoints/store.ts';
import { putQueue } from '../../src/features/queues/store.ts';
import { Prisma } from '../../src/platform/db/client.ts';
import type { TestDatabase } from '../support/database.ts';

type Rules = ReturnType<typeof drawPolicy>;
export type ResendOptions = { delivered: 'refuse' | 'repeat'; priority: 0 | 2; askedAgoMs: number };

/** What can be done to deliveries, by PostgreSQL or by the model. */
export interface Ledger {
  /** Stops its clock there. */
  setNow(ms: number): Promise<void>;
  store: EngineStore;
  create(rows: commands.NewRow[]): Promise<void>;
  receiver(id: string, maxInFlight: number | null, ratePerSecond: number | null): Promise<void>;
  resend(ids: string[], options: ResendOptions): Promise<unknown>;
  settle(ids: string[], from: readonly DeliveryStatus[], end: EndWithoutAttempt): Promise<void>;
  bringForward(ids: string[]): Promise<void>;
  putPolicy(rules: Rules): Promise<unknown>;
  pause(receiverId: string): Promise<void>;
  resume(receiverId: string): Promise<void>;
  /** Every row, with what only one side can know left out. */
  state(): Promise<unknown>;
}

export function modelLedger(tables: Tables): Ledger {
  const model = modelStore(tables, () => 0);
  const names = Object.keys(model) as (keyof ModelStore)[];
  const async = (name: keyof ModelStore) => [
    name,
    async (...args: never[]) => (model[name] as (...args: never[]) => unknown)(...args),
  ];
  return {
    async setNow(ms) {
      tables.nowMs = ms;
    },
    store: Object.fromEntries(names.map(async)) as EngineStore,
    create: async (rows) => commands.create(tables, rows),
    async receiver(id, maxInFlight, ratePerSecond) {
      tables.receivers.set(id, newReceiver(id, { maxInFlight, ratePerSecond }));
    },
    resend: async (ids, options) => commands.resend(tables, ids, options),
    async settle(ids, from, end) {
      commands.settle(tables, ({ id }) => ids.includes(id), from, end);
    },
    async bringForward(ids) {
      commands.bringForward(tables, ids);
    },
    putPolicy: async (rules) => commands.putPolicy(tables, rules),
    pause: async (id) => commands.pause(tables, id),
    resume: async (id) => commands.resume(tables, id),
    async state() {
      const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
      return {
        deliveries: [...tables.deliveries.values()]
          .toSorted(byId)
          .map(({ leaseToken, ...row }) => ({ ...row, leased: leaseToken !== null })),
        receivers: [...tables.receivers.values()].toSorted(byId),
        attempts: tables.attempts
          .map(
            (each) =>
              `${each.deliveryId} ${each.cycle} ${each.number} ${each.trigger} ${each.outcome}`,
          )
          .toSorted(),
      };
    },
  };
}

/** The real statements, on a database whose clock stands still where it is put. */
export async function sqlLedger({ database }: TestDatabase): Promise<Ledger> {
  const sql = database.prisma;
  await sql.$executeRawUnsafe('CREATE TABLE test_clock (at timestamptz NOT NULL)');
  await sql.$executeRawUnsafe('INSERT INTO test_clock VALUES (now())');
  await sql.$executeRawUnsafe(`CREATE OR REPLACE FUNCTION postrider_now() RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT at FROM test_clock $$`);
  return {
    async setNow(ms) {
      await sql.$executeRaw`UPDATE test_clock SET at = ${new Date(ms)}`;
    },
    store: sqlStore(database, new Map()),
    async create(rows) {
      const made = rows.map((row) => ({
        ...row,
        ownerKind: 'notification',
        purpose: 'notify',
        merchantId: null,
        type: 'a.b',
        businessKey: 'k',
        endpointId: row.receiverId,
        url: null,
      }));
      const owners = Prisma.sql`SELECT unnest(${rows.map(({ ownerId }) => ownerId)}::text[])`;
      await sql.$queryRaw`WITH ${createDeliveries(made, owners)} SELECT id FROM created`;
    },
    async receiver(id, maxInFlight, rate) {
      await sql.$executeRaw`INSERT INTO receiver (id, max_in_flight, rate_per_second)
        VALUES (${id}, ${maxInFlight}, ${rate})`;
    },
    resend: (ids, options) => resendDeliveries(sql, ids, { ...options, by: null }),
    async settle(ids, from, end) {
      await settleDeliveries(sql, Prisma.sql`d.id = ANY (${ids})`, from, end);
    },
    async bringForward(ids) {
      await bringForward(sql, ids);
    },
    async putPolicy({ queue, preset: _, ...rules }) {
      const none = { preset: null, notifyProducer: null };
      const given = { ...rules, ...none, ladderSeconds: [...rules.ladderSeconds] };
      return putQueue(database, queue, given);
    },
    pause: (id) => pauseEndpoint(sql, id),
    resume: (id) => resumeEndpoint(sql, id),
    async state() {
      const [row] = await sql.$queryRaw<{ state: unknown }[]>(STATE);
      return row?.state;
    },
  };
}

const ms = (column: string) => Prisma.raw(`(extract(epoch FROM ${column}) * 1000)::bigint`);
const STATE = Prisma.sql`SELECT json_build_object(
  'deliveries', (SELECT coalesce(json_agg(json_build_object(
      'id', id, 'ownerId', owner_id, 'queue', queue, 'policyVersion', policy_version,
      'receiverId', receiver_id, 'status', status, 'reason', reason, 'cycle', cycle, 'rung', rung,
      'attemptCount', attempt_count, 'trigger', trigger, 'priority', priority,
      'dueAt', ${ms('due_at')}, 'resumeAt', ${ms('resume_at')}, 'acceptedAt', ${ms('accepted_at')},
      'deadlineAt', ${ms('deadline_at')}, 'resentAt', ${ms('resent_at')}, 'arrivedAs', arrived_as,
      'settledAt', ${ms('settled_at')}, 'leasedAt', ${ms('leased_at')},
      'leaseUntil', ${ms('lease_until')}, 'leased', lease_token IS NOT NULL) ORDER BY id), '[]')
    FROM delivery),
  'receivers', (SELECT coalesce(json_agg(json_build_object(
      'id', id, 'maxInFlight', max_in_flight, 'ratePerSecond', rate_per_second,
      'pausedAt', ${ms('paused_at')}, 'disabledReason', disabled_reason,
      'nextStartAt', ${ms('next_start_at')}, 'allowance', allowance, 'trusted', trusted,
      'failureScore', failure_score, 'pauses', pauses, 'openUntil', ${ms('open_until')}) ORDER BY id), '[]')
    FROM receiver),
  'attempts', (SELECT coalesce(json_agg(line ORDER BY line COLLATE "C"), '[]') FROM (
      SELECT concat_ws(' ', delivery_id, cycle, number, trigger, outcome) AS line FROM attempt) AS a)
) AS state`;
