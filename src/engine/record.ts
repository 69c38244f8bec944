import { batched } from '../platform/batch.ts';
import { type Database, Prisma, type Sql, type Transaction } from '../platform/db/client.ts';
import type { Clock } from '../platform/time/clock.ts';
import type { WebhookResponse } from './http/send.ts';
import type { AfterCommit, Protocols } from './protocol.ts';
import { healthOf, mergeHealth } from './rules/circuit.ts';
import type { Claimed } from './store/claim.ts';
import type { Floors } from './store/floors.ts';
import { type Ending, type Health, type Recorded, recordEndings } from './store/record.ts';
import type { Settled } from './store/settle.ts';

/** The end of a lease, with what it says about the receiver. */
export interface RecordItem {
  ownerKind: string;
  ending: Ending;
  health: Health | null;
}

/** What an attempt heard of its receiver, and how many the delivery's rules allow at once there. */
export interface Heard {
  answer: WebhookResponse;
  maxInFlight: number;
}

type Record = (ending: Ending, delivery: Claimed, heard: Heard | null) => Promise<Recorded | null>;

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 1_000;
/** What the database has not taken by then, it refuses for a reason that stays. */
const GIVE_UP_AFTER_MS = 600_000;
/** In a shutdown nobody can wait so long. */
const LAST_TRIES_MS = 10_000;

/**
 * Ends leases, many in one statement. A result that is known must not be lost to an outage of the database,
 * because losing it means sending again: so it is tried again for as long as the lease is ours, which is
 * renewed meanwhile.
 */
export function createRecorder(
  recordTogether: (items: RecordItem[]) => Promise<Array<Recorded | null | Error>>,
  fault: (error: unknown) => void,
  clock: Clock,
  shutdown: AbortSignal,
): Record {
  const record = batched<RecordItem, Recorded | null | Error>(
    {
      maxItems: 200,
      maxRuns: 2,
      maxWaiting: 100_000,
      whenFull: () => new Error('too many results wait'),
      clock,
    },
    recordTogether,
  );

  return async (ending, delivery, heard) => {
    const health =
      heard !== null && ending.attempt !== null
        ? healthOf(delivery, heard.answer, ending.attempt.outcome, {
            maxInFlight: heard.maxInFlight,
            nextInMs: 'delayMs' in ending.next ? ending.next.delayMs : null,
          })
        : null;
    let startedAt = clock.now();
    let patienceMs = GIVE_UP_AFTER_MS;
    for (let pauseMs = FIRST_RETRY_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_RETRY_MS)) {
      try {
        const recorded = await record({ ownerKind: delivery.ownerKind, ending, health });
        if (recorded instanceof Error) throw recorded;
        return recorded;
      } catch (error) {
        fault(error);
        if (shutdown.aborted && patienceMs > LAST_TRIES_MS) {
          patienceMs = LAST_TRIES_MS;
          startedAt = clock.now();
        }
        if (clock.now() - startedAt > patienceMs) return null;
        await clock.sleep(pauseMs);
      }
    }
  };
}

/**
 * A batch that the database refuses is tried one by one: a result it cannot take sinks no others.
 * Which of them fails says nothing about why (a database that goes away fails some and not others), so
 * each gets its own error, and its caller tries again.
 */
export function recordThrough(
  prisma: Database['prisma'],
  floors: Floors,
  protocols: Protocols,
): (items: RecordItem[]) => Promise<Array<Recorded | null | Error>> {
  return async (items) => {
    try {
      return await recordBatch(prisma, floors, protocols, items);
    } catch (error) {
      const refused = error instanceof Prisma.PrismaClientKnownRequestError;
      if (items.length === 1 || !refused) throw error;
      const each = await Promise.allSettled(
        items.map((item) => recordBatch(prisma, floors, protocols, [item])),
      );
      return each.map((result) =>
        result.status === 'fulfilled' ? (result.value[0] ?? null) : asError(result.reason),
      );
    }
  };
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

async function recordBatch(
  prisma: Database['prisma'],
  floors: Floors,
  protocols: Protocols,
  items: RecordItem[],
): Promise<Array<Recorded | null>> {
  // In the order of ids, like everybody who locks several deliveries: nobody waits in a circle.
  const endings = items
    .map((item) => item.ending)
    .toSorted((a, b) => (a.deliveryId < b.deliveryId ? -1 : 1));
  const health = mergeHealth(items.flatMap((item) => item.health ?? []));
  const { recorded, afterCommit } = items.some((item) => concernsProtocol(item, protocols))
    ? await prisma.$transaction((tx) => recordAndTell(tx, floors, protocols, endings, health))
    : { recorded: await recordEndings(prisma, floors, endings, health), afterCommit: [] };
  for (const act of afterCommit) act();
  return items.map(({ ending }) => recorded.get(ending.deliveryId) ?? null);
}

/** Whether the protocol wants to act in the transaction; without one a single statement is enough. */
function concernsProtocol({ ownerKind, ending }: RecordItem, protocols: Protocols): boolean {
  const protocol = protocols.get(ownerKind);
  const ends = ending.next.to !== 'pending' && ending.next.to !== 'released';
  return (
    (ends && protocol?.settled !== undefined) ||
    (ending.attempt !== null && protocol?.attempted !== undefined)
  );
}

async function recordAndTell(
  tx: Transaction & Sql,
  floors: Floors,
  protocols: Protocols,
  endings: Ending[],
  health: Health[],
): Promise<{ recorded: Map<string, Recorded>; afterCommit: AfterCommit[] }> {
  const recorded = await recordEndings(tx, floors, endings, health);
  const settled = [...recorded.values()].filter((each) => each.settled);
  const afterCommit = [
    ...(await tellOfAttempts(tx, protocols, endings, recorded)),
    ...(await tellProtocols(tx, protocols, settled)),
  ];
  return { recorded, afterCommit };
}

async function tellOfAttempts(
  tx: Transaction,
  protocols: Protocols,
  endings: Ending[],
  recorded: Map<string, Recorded>,
): Promise<AfterCommit[]> {
  const afterCommit: AfterCommit[] = [];
  const attempted = endings.flatMap(({ deliveryId, attempt }) => {
    const delivery = recorded.get(deliveryId);
    return delivery === undefined || attempt === null ? [] : [{ delivery, entry: attempt }];
  });
  for (const [kind, protocol] of protocols) {
    const its = attempted.filter(({ delivery }) => delivery.ownerKind === kind);
    const act = its.length > 0 ? await protocol.attempted?.(tx, its) : undefined;
    if (act !== undefined) afterCommit.push(act);
  }
  return afterCommit;
}

/**
 * Tells each protocol of its deliveries that have ended, inside the transaction that ended them.
 * @returns what the caller has to do once it has committed
 */
export async function tellProtocols(
  tx: Transaction,
  protocols: Protocols,
  settled: Settled[],
): Promise<AfterCommit[]> {
  const afterCommit: AfterCommit[] = [];
  for (const [kind, protocol] of protocols) {
    const its = settled.filter((delivery) => delivery.ownerKind === kind);
    // One after the other on purpose: they share the transaction's one connection.
    const act = its.length > 0 ? await protocol.settled?.(tx, its) : undefined;
    if (act !== undefined) afterCommit.push(act);
  }
  return afterCommit;
}
