import type { Logger } from 'pino';
import { startWorker, type Worker } from '../src/engine/engine.ts';
import type {
  AttemptContext,
  Sender,
  WebhookRequest,
  WebhookResponse,
} from '../src/engine/http/send.ts';
import type { Protocol, Protocols } from '../src/engine/protocol.ts';
import type { EngineStore } from '../src/engine/store/engine-store.ts';
import { onAbort } from './abort.ts';
import { type ModelStore, modelStore } from './model/store.ts';
import type { Process } from './process.ts';
import { answerOf } from './receivers.ts';
import { Injected, type Surroundings } from './surroundings.ts';

export const SWEEP_EVERY_MS = 5_000;

/** The engine as it is, in a process that may die at each of its steps. */
export function startSimulated(process: Process, world: Surroundings): Promise<Worker> {
  const random = world.machine.random.fork();
  return startWorker({
    store: storeFor(process, world),
    wakes: world.timers.openFor(process),
    sender: senderFor(process, world),
    protocols: ownersFor(process, world),
    log: logFor(world),
    random: random.next,
    sweepEveryMs: SWEEP_EVERY_MS,
    clock: process.clock,
  });
}

/** A statement travels, is done at one moment, and its answer travels back; each way may end early. */
function storeFor(process: Process, world: Surroundings): EngineStore {
  const { tables, machine, trace } = world;
  const { timeline, random } = machine;
  let tick = 0;
  const model = modelStore(tables, () => tick);

  function asking<K extends keyof ModelStore>(name: K) {
    return (...args: Parameters<ModelStore[K]>): Promise<ReturnType<ModelStore[K]>> =>
      new Promise((resolve, reject) => {
        const askedAtTick = process.clock.now();
        if (world.diesAt(process, `${name} asked`)) return;
        const fails = random.chance(world.settings().storeError);
        const isBefore = random.chance(0.5);
        const fail = (why: string) => process.at(0, () => reject(new Injected(`${name}: ${why}`)));
        timeline.at(random.whole(1, 10), () => {
          if (!world.databaseIsUp()) return fail('no database');
          if (fails && isBefore) return fail('refused');
          tables.nowMs = timeline.nowMs;
          tick = askedAtTick;
          const statement = model[name] as (...args: unknown[]) => ReturnType<ModelStore[K]>;
          const answer = statement(...args);
          trace.note(timeline.nowMs, process.name, name);
          if (fails) return fail('the answer was lost');
          if (world.diesAt(process, `${name} done`)) return;
          const isQuick = process.isAlive && !process.isStalled && random.chance(0.9);
          if (isQuick) resolve(answer);
          else process.at(random.whole(1, 30), () => resolve(answer));
        });
      });
  }

  return {
    nowMs: asking('nowMs'),
    // Rules never change and are kept by whoever has read them once.
    policyOf: async (queue, version) => model.policyOf(queue, version),
    currentPolicies: asking('currentPolicies'),
    claim: asking('claim'),
    renew: asking('renew'),
    findDue: asking('findDue'),
    findOverdueLeases: asking('findOverdueLeases'),
    record: asking('record'),
    expire: asking('expire'),
  };
}

function senderFor(process: Process, world: Surroundings): Sender {
  const { machine, watch, tables } = world;
  return {
    send: (letter: WebhookRequest, stamp: AttemptContext) =>
      new Promise<WebhookResponse>((resolve, reject) => {
        if (stamp.signal?.aborted) return reject(stamp.signal.reason);
        if (world.diesAt(process, 'send asked')) return;
        const { timeline, random } = machine;
        const receiverId = tables.deliveries.get(stamp.deliveryId)?.receiverId ?? '';
        const temper = world.temperOf(receiverId);
        const answer = answerOf(temper, timeline.nowMs, stamp.timeoutMs, random);
        const beganAtMs = timeline.nowMs;
        const end = watch.sendBegan(process, letter, stamp);
        const forget = onAbort(stamp.signal, (reason) => {
          end();
          reject(reason);
        });
        if (world.diesAt(process, 'sending')) return;
        process.at(answer.durationMs, () => {
          if (stamp.signal?.aborted) return;
          forget();
          end();
          if (world.diesAt(process, 'answered')) return;
          resolve({ ...answer, durationMs: timeline.nowMs - beganAtMs });
        });
      }),
    async close() {},
  };
}

/** One plain protocol: a letter to the endpoint, unless that has been deleted. */
function ownersFor(process: Process, world: Surroundings): Protocols {
  const { random } = world.machine;
  const owner: Protocol = {
    compose: (deliveries) =>
      new Promise((resolve, reject) => {
        if (world.diesAt(process, 'compose')) return;
        process.at(random.whole(1, 5), () => {
          if (!world.databaseIsUp()) return reject(new Injected('compose: no database'));
          const letters = deliveries.map((each) => [each.id, letterFor(each, world)] as const);
          resolve(new Map(letters));
        });
      }),
  };
  return new Map([['notification', owner]]);
}

function letterFor(
  { ownerId, receiverId }: { ownerId: string; receiverId: string },
  world: Surroundings,
) {
  if (world.isDeleted(receiverId)) {
    return { undeliverable: { status: 'cancelled', reason: 'endpoint_deleted' } } as const;
  }
  const url = `https://${receiverId}.example`;
  return { url, headers: {}, body: '{}', secrets: [], webhookId: ownerId };
}

/** What the engine would log as an error is one, unless the simulation has made it. */
function logFor({ watch }: Surroundings): Logger {
  const error = ({ err }: { err?: unknown }, text: string) => {
    if (!(err instanceof Injected))
      watch.fail(`${text}: ${err instanceof Error ? err.stack : err}`);
  };
  return { error, warn() {}, info() {} } as unknown as Logger;
}
